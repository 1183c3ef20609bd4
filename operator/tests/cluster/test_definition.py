"""The CustomResourceDefinition comes after the operator, goes, and comes back."""

import asyncio
from collections.abc import Iterator

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.api.crd import custom_resource_definition
from shop_operator.cluster import kinds

from ..support.cluster import AUDIT

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """One of its own: the definition's deletion deletes all ShopServices there are."""
    with ApiServer(audit_policy=AUDIT) as running:
        yield running


async def test_it_waits_for_the_definition_and_serves_it_again_when_it_returns(cluster, operator) -> None:
    async def without_definition() -> bool:
        return await cluster.api.get(kinds.CRD, "", kinds.SHOP_SERVICE.crd) is None

    async def remove() -> None:
        uid = (await cluster.api.get(kinds.CRD, "", kinds.SHOP_SERVICE.crd))["metadata"]["uid"]
        await cluster.api.delete(kinds.CRD, "", kinds.SHOP_SERVICE.crd, uid=uid)
        await cluster.until(without_definition)

    async def install() -> None:
        await cluster.api.apply(custom_resource_definition(), kinds.CRD, manager="kubectl")

        async def served() -> bool:
            return await cluster.api.serves(kinds.SHOP_SERVICE)

        await cluster.until(served)

    await operator.start()
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    await remove()
    await cluster.until_said(operator, '"event": "waiting"')

    async def healthy() -> bool:
        try:
            return operator.healthy()
        except OSError:  # it is just starting anew
            return False

    await cluster.until(healthy)
    await install()
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    # The same for one that is started before the definition is there.
    operator.kill()
    await remove()
    operator.log.write_text("")
    starting = asyncio.create_task(operator.start())
    await cluster.until_said(operator, '"event": "waiting"')
    await install()
    await starting
    await cluster.apply("cart", ports=PORTS, replicas=2)
    await cluster.until_reconciled("cart")
