from pathlib import Path

from shop_chassis.testing.sweep import sweep
from shop_wishlist.service import WishlistSettings, service

from .conftest import NOWHERE


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = WishlistSettings(
        database_url=f"sqlite:///{tmp_path}/wishlist.db", catalog_url=NOWHERE, cart_url=NOWHERE
    )
    await sweep(service, settings, tmp_path, public={"GET /shared-wishlists/{token}"})
