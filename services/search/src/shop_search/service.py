"""How search is put together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import Field, HttpUrl
from shop_chassis.client import callee
from shop_chassis.events import bus_of
from shop_chassis.runtime import Background, Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.snapshots import Snapshot
from shop_contracts.catalog.snapshot import SNAPSHOT as PRODUCTS
from shop_contracts.catalog.snapshot import SnapshotLine
from shop_contracts.warehouse.snapshot import SNAPSHOT as STOCK
from shop_contracts.warehouse.snapshot import StockLine

from shop_search import api, synonyms
from shop_search.generation import Surroundings
from shop_search.metrics import IndexMetrics
from shop_search.replica import Replica


class SearchSettings(Settings):
    """Those of the chassis, where the snapshots are, and what words mean the same."""

    catalog_url: HttpUrl
    warehouse_url: HttpUrl
    synonyms: Path | None = None
    """A file in place of the package's own."""
    search_threads: int = Field(default=2, ge=1, le=16)
    """Searches at a time; more wait."""


class _Threads(ThreadPoolExecutor):
    """A component that ends with the service."""

    async def start(self) -> None:
        """Threads start when they are needed."""

    async def stop(self) -> None:
        """What runs ends by itself in milliseconds."""
        self.shutdown(wait=False, cancel_futures=True)


def setup(runtime: Runtime[Any]) -> None:
    """Ready when an index has caught up; from then on it answers, whoever is down."""
    settings: SearchSettings = runtime.settings
    metrics = IndexMetrics(runtime.metrics)
    around = Surroundings(
        bus=bus_of(runtime),
        products=Snapshot(callee(runtime, "catalog", settings.catalog_url), PRODUCTS, SnapshotLine),
        stock=Snapshot(callee(runtime, "warehouse", settings.warehouse_url), STOCK, StockLine),
        metrics=metrics,
        threads=runtime.add(_Threads(1, "index")),
    )
    replica = Replica(settings.pod_name, around)
    metrics.documents.set_function(replica.documents)
    searches = runtime.add(_Threads(settings.search_threads, "search"))
    runtime.provide(replica)
    runtime.provide(api.Searcher(replica, searches, synonyms.load(settings.synonyms)))
    runtime.ready_when("index", replica.problem)
    for background in (Background("replica", replica.run), Background("rebuild requests", replica.hear)):
        runtime.add(background)
        runtime.ready_when(background.name, background.problem)


service = Service(
    "search",
    title="Search",
    routers=[api.router, api.admin],
    settings=SearchSettings,
    setup=setup,
)
