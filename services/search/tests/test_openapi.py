from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import HttpUrl
from shop_chassis.runtime import Runtime
from shop_chassis.testing.openapi import check_openapi
from shop_contracts.catalog.api import Category
from shop_search.api import Searcher
from shop_search.index import View
from shop_search.replica import Replica
from shop_search.service import SearchSettings, service

from .conftest import OWN, index_of, product

NOBODY = HttpUrl("http://127.0.0.1:9")


@dataclass
class Built:
    """A replica that has its index."""

    view: View


def test_the_service_is_as_its_document_says(tmp_path: Path, tree: list[Category]) -> None:
    index = index_of([product(f"Lamp {n}", attributes={"colour": "navy"}) for n in range(30)], tree)
    with ThreadPoolExecutor(1) as threads:

        def setup(runtime: Runtime[Any]) -> None:
            service.setup(runtime)
            runtime.provide(Searcher(cast(Replica, Built(index.view)), threads, OWN))

        settings = SearchSettings(catalog_url=NOBODY, warehouse_url=NOBODY)
        check_openapi(replace(service, setup=setup), settings, tmp_path)
