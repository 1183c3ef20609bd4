from pathlib import Path

from pydantic import HttpUrl
from shop_chassis.testing.sweep import sweep
from shop_search.service import SearchSettings, service

NOBODY = HttpUrl("http://127.0.0.1:9")


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = SearchSettings(catalog_url=NOBODY, warehouse_url=NOBODY)
    await sweep(service, settings, tmp_path, public={"GET /search", "GET /suggest"})
