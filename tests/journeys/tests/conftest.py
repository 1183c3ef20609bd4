"""Where the journeys take place: a `shop local` of this run's own, or the shop that `--shop` says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.local.addresses import Addresses
from shop.testing import LocalShop
from shop_journeys.shop import Shop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shop", type=Path, metavar="FILE", help="addresses of a running shop, as JSON")


@pytest.fixture(scope="session")
def addresses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    # The option is not known to a run that begins above this folder.
    if (file := request.config.getoption("--shop", default=None)) is not None:
        yield Addresses.model_validate_json(file.read_text())
        return
    local = LocalShop(tmp_path_factory.mktemp("shop"), "--empty")
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
