"""Where the journeys take place: a `shop local` of this run's own, or the shop that `--shop` says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.local.addresses import Addresses
from shop.testing import LocalShop
from shop_chassis.testing.otlp import Collector
from shop_chassis.testing.otlp import collector as collecting
from shop_journeys.shop import Shop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shop", type=Path, metavar="FILE", help="addresses of a running shop, as JSON")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Path | None:
    """Addresses of the shop that runs elsewhere."""
    # The option is not known to a run that begins above this folder.
    found: Path | None = request.config.getoption("--shop", default=None)
    return found


@pytest.fixture(scope="session")
def collector(running: Path | None) -> Iterator[Collector | None]:
    """Hears of every span of a shop of this run's own."""
    if running:
        yield None
        return
    with collecting() as made:
        yield made


@pytest.fixture(scope="session")
def addresses(
    running: Path | None, collector: Collector | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    if running:
        yield Addresses.model_validate_json(running.read_text())
        return
    assert collector
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "500"}
    local = LocalShop(tmp_path_factory.mktemp("shop"), "--empty", **traced)
    try:
        yield local.start()
        assert local.stop() == 0
    finally:
        local.kill()


@pytest.fixture(scope="session")
def shop(addresses: Addresses) -> Iterator[Shop]:
    made = Shop(addresses)
    made.open()
    yield made
    made.close()
