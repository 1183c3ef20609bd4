from collections.abc import Iterator

import pytest
from kindlocal.apiserver import ApiServer

# The fixtures of tests that need an operator at a real API server; all of them share one server.
from .support.cluster import AUDIT, cluster, operator, server  # noqa: F401
from .support.stage import prepare


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden and generated files anew; read the diff before you commit",
    )


@pytest.fixture(scope="session")
def full_server() -> Iterator[ApiServer]:
    """Another server, which has the kinds of KEDA and Prometheus Operator, and volumes that can grow."""
    with ApiServer(controllers=["persistentvolumeclaim-protection"], audit_policy=AUDIT) as running:
        prepare(running)
        yield running
