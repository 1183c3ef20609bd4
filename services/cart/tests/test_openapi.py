import asyncio
from pathlib import Path

from pydantic import HttpUrl
from shop_cart.service import CartSettings, service
from shop_chassis.testing.openapi import check_openapi

from .conftest import CatalogStandIn


async def test_the_service_is_as_its_document_says(tmp_path: Path, serving) -> None:
    catalog = CatalogStandIn()
    for product in range(3):
        catalog.sell(f"product {product}")
    async with serving(catalog.app()) as url:
        settings = CartSettings(catalog_url=HttpUrl(url), catalog_timeout=10)
        await asyncio.to_thread(check_openapi, service, settings, tmp_path)
