from pathlib import Path

from shop_chassis.testing.sweep import sweep
from shop_storefront.service import service
from shop_storefront.settings import StorefrontSettings


async def test_nobody_gets_in_who_should_not(tmp_path: Path) -> None:
    """Pages are in no document: who may see them is what `test_safety` and their own tests show."""
    await sweep(service, StorefrontSettings(), tmp_path, public={"GET /api"})
