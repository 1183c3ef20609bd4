from pathlib import Path

from shop_chassis.testing.openapi import check_openapi
from shop_wishlist.service import WishlistSettings, service

from .conftest import NOWHERE


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    settings = WishlistSettings(
        database_url=f"sqlite:///{tmp_path}/wishlist.db", catalog_url=NOWHERE, cart_url=NOWHERE
    )
    check_openapi(service, settings, tmp_path)
