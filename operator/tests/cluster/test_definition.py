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


async def remove(cluster) -> None:
    """Delete the definition; return when it is gone."""

    async def gone() -> bool:
        return await cluster.api.get(kinds.CRD, "", kinds.SHOP_SERVICE.crd) is None

    uid = (await cluster.api.get(kinds.CRD, "", kinds.SHOP_SERVICE.crd))["metadata"]["uid"]
    await cluster.api.delete(kinds.CRD, "", kinds.SHOP_SERVICE.crd, uid=uid)
    await cluster.until(gone)


async def install(cluster) -> None:
    """Return when the definition is served."""
    await cluster.api.apply(custom_resource_definition(), kinds.CRD, manager="kubectl")
    await cluster.until(lambda: cluster.api.serves(kinds.SHOP_SERVICE))


async def test_it_waits_for_the_definition_and_serves_it_again_when_it_returns(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    await remove(cluster)
    await cluster.until_said(operator, '"event": "waiting"')

    async def healthy() -> bool:
        try:
            return operator.healthy()
        except OSError:  # it is just starting anew
            return False

    await cluster.until(healthy)
    await install(cluster)
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    # The same for one that is started before the definition is there.
    operator.kill()
    await remove(cluster)
    operator.log.write_text("")
    starting = asyncio.create_task(operator.start())
    await cluster.until_said(operator, '"event": "waiting"')
    await install(cluster)
    await starting
    await cluster.apply("cart", ports=PORTS, replicas=2)
    await cluster.until_reconciled("cart")


async def test_data_and_credentials_outlive_the_definition(cluster, operator) -> None:
    """All ShopServices go with it; made again, they take up what was kept."""
    kept = [("Secret", "cart-db"), ("Secret", "cart-db-logins"), ("PersistentVolumeClaim", "data-cart-db-0")]

    async def seen() -> list:
        found = [await cluster.get(*child) for child in kept]
        assert not any("deletionTimestamp" in live["metadata"] for live in found)
        return [(live["metadata"]["uid"], live.get("data")) for live in found]

    await operator.start()
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    before = await seen()
    await remove(cluster)
    await cluster.until_said(operator, '"event": "waiting"')
    assert await seen() == before
    await install(cluster)
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    assert await seen() == before
