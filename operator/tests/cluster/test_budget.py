"""What the operator asks of the API server, counted from its audit log: a test fails when it is more."""

import asyncio
import os
from collections.abc import Iterator

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.cluster import kinds

from ..support.cluster import AUDIT

pytestmark = pytest.mark.apiserver

SERVICES = 1000 if os.environ.get("SHOP_TEST_LONG") else 200
PORTS = [{"name": "http", "port": 8080}]
SPEC = {"ports": PORTS, "replicas": 2, "database": {}, "cache": {"persistence": "AppendOnly"}}
WRITES = ("create", "update", "patch", "delete")
# One of each kind that the operator makes again; who deletes a volume, a Job or a password means it.
MENDED = (
    ("ServiceAccount", "cart", "serviceaccounts"),
    ("NetworkPolicy", "cart", "networkpolicies"),
    ("Service", "cart", "services"),
    ("Deployment", "cart", "deployments"),
    ("PodDisruptionBudget", "cart", "poddisruptionbudgets"),
    ("ConfigMap", "cart-db", "configmaps"),
    ("StatefulSet", "cart-db", "statefulsets"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """One of its own, on which nothing else is left over that would ask for something."""
    with ApiServer(audit_policy=AUDIT) as running:
        yield running


def split(calls: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Reads, writes and Events: these are told to people and not what the operator works with."""
    events = [call for call in calls if " events/" in call]
    rest = [call for call in calls if call not in events]
    writes = [call for call in rest if call.split()[0] in WRITES]
    return [call for call in rest if call not in writes], writes, events


async def settled(cluster, operator) -> None:
    """Nothing to do, and nothing under way that would become something to do."""
    await cluster.until(operator.idle)
    before = -1.0
    while before != (before := operator.reconciles()):
        await asyncio.sleep(0.3)  # what a watch still has to tell comes within this
        await cluster.until(operator.idle)


@pytest.fixture
async def cart(cluster, operator):
    """A ShopService of which all is as it should be, and no call counted yet."""
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")
    await settled(cluster, operator)
    cluster.mark()
    return cluster


async def test_nothing_to_do_reads_nothing_and_writes_nothing(cart, operator) -> None:
    done = operator.reconciles()
    await cart.edit("ShopService", "cart", {"metadata": {"annotations": {"team": "a"}}})

    async def reconciled() -> bool:
        return operator.reconciles() > done

    await cart.until(reconciled)
    await settled(cart, operator)
    assert cart.calls(own_namespace=False) == []


async def test_a_changed_field_is_one_write_of_its_child_and_one_of_the_status(cart, operator) -> None:
    await cart.apply("cart", **SPEC | {"env": [{"name": "A", "value": "1"}]})
    await cart.until_reconciled("cart")
    await settled(cart, operator)
    assert cart.calls(own_namespace=False) == ["patch deployments/cart", "patch shopservices/cart"]


@pytest.mark.parametrize(("kind", "name", "plural"), MENDED)
async def test_a_deleted_child_is_read_once_and_written_once(cart, operator, kind, name, plural) -> None:
    uid = (await cart.get(kind, name))["metadata"]["uid"]
    await cart.delete(kind, name)

    async def back() -> bool:
        live = await cart.get(kind, name)
        return live is not None and live["metadata"]["uid"] != uid

    await cart.until(back)
    await settled(cart, operator)
    reads, writes, events = split(cart.calls(own_namespace=False))
    assert reads == [f"get {plural}/{name}"]
    assert writes == [f"patch {plural}/{name}", "patch shopservices/cart"]
    assert len(events) == 1


@pytest.mark.parametrize(("kind", "name", "plural"), MENDED)
async def test_an_edited_child_is_read_once_and_written_once(cart, operator, kind, name, plural) -> None:
    labels = (await cart.get(kind, name))["metadata"]["labels"]
    await cart.edit(kind, name, {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}})

    async def put_right() -> bool:
        return (await cart.get(kind, name))["metadata"]["labels"] == labels

    await cart.until(put_right)
    await settled(cart, operator)
    reads, writes, events = split(cart.calls(own_namespace=False))
    assert reads == [f"get {plural}/{name}"]
    assert writes == [f"patch {plural}/{name}", "patch shopservices/cart"]
    assert len(events) == 1


async def test_a_restart_among_many_writes_nothing_and_lists_each_kind_once(cluster, operator) -> None:
    """200 in `make test`, 1,000 with SHOP_TEST_LONG: so that lists have several pages."""
    names = [f"s{number}" for number in range(SERVICES)]
    # All namespaces, as it is mostly installed: there it learns of optional kinds by their definitions.
    operator.env["SHOP_OPERATOR_NAMESPACE"] = ""
    await operator.start()
    await cluster.apply("cart", dependsOn=[{"name": "s0"}], **SPEC)
    await asyncio.gather(*(cluster.apply(name, ports=PORTS) for name in names))

    async def all_reconciled() -> bool:
        return all(service.get("status") for service in await cluster.all("ShopService"))

    await cluster.until(all_reconciled, seconds=120)
    await settled(cluster, operator)
    operator.stop()
    cluster.mark()
    await operator.start()
    await cluster.until_said(operator, '"event": "caught up"')
    await settled(cluster, operator)
    assert operator.reconciles() >= SERVICES
    calls = cluster.calls(own_namespace=False)
    assert {call.split()[0] for call in calls} <= {"list", "continue"}
    first = [call for call in calls if call.startswith("list")]
    others = (kinds.SHOP_SERVICE, kinds.CRD, kinds.VOLUME)
    served = [kind.plural for kind in (*others, *kinds.WATCHED) if not kind.optional]
    assert sorted(first) == sorted(f"list {plural}/" for plural in served)
