from collections.abc import AsyncIterator, Iterator

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.cluster.client import Api

from .kubectl import Kube, Kubectl

# The fixtures of tests that need an operator at a real API server; all of them share one server.
from .support.cluster import AUDIT, client, cluster, operator, server  # noqa: F401
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


@pytest.fixture(scope="session")
def kube(full_server: ApiServer) -> Kube:
    """The same server for tests that need no operator, but namespaces of their own."""
    return Kube(full_server)


@pytest.fixture(scope="module")
def kubectl(kube: Kube) -> Kubectl:
    return kube.kubectl()


@pytest.fixture
async def api(kube: Kube) -> AsyncIterator[Api]:
    """The operator's own way to the server; hundreds of kubectls would take ten times as long."""
    async with client(kube.server) as api:
        yield api
