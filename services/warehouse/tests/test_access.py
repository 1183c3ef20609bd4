from pathlib import Path

from shop_chassis.settings import Settings
from shop_chassis.testing.access import Access, routes_of
from shop_chassis.testing.sweep import sweep
from shop_contracts.warehouse.snapshot import SNAPSHOT
from shop_warehouse.service import service


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/warehouse.db")
    await sweep(service, settings, tmp_path, public={"GET /availability"})


def test_administrators_and_services_have_routes_of_their_own(tmp_path: Path) -> None:
    for route in routes_of(Access(service, Settings(), tmp_path).app()):
        if not route.open:
            internal = route.path.startswith("/internal/")
            assert internal or route.path.startswith("/admin/")
            reader = route.path == SNAPSHOT
            own = {"search" if reader else "order-processing"} if internal else set()
            assert route.callers == own, route
            assert route.scopes == (set() if internal else {"warehouse:admin"}), route
