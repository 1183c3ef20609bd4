from pathlib import Path

from shop_catalog.service import CatalogSettings, service
from shop_chassis.testing.sweep import sweep

PUBLIC = {
    "GET /products",
    "GET /products/{which}",
    "GET /products/{id}/prices",
    "GET /products/{id}/relations",
    "POST /products:batch",
    "GET /categories",
    "GET /families",
    "GET /families/{slug}",
    "GET /promotions",
    "GET /media/{name}",
    "POST /promotions:price",
    "POST /coupons:check",
}


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = CatalogSettings(database_url=f"sqlite:///{tmp_path}/catalog.db")
    await sweep(service, settings, tmp_path, public=PUBLIC)
