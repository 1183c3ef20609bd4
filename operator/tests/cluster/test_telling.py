"""What the operator says of what it does: a line of log for each thing, Events that are no spam."""

import json

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

OWN = ("shop_operator.engine.reconcile", "shop_operator.engine.reports")
PORTS = [{"name": "http", "port": 8080}]


def lines(operator) -> list[dict]:
    """What it logged of its own work, each as `event child`."""
    found = [json.loads(line) for line in operator.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line["logger"] in OWN]


def said(operator) -> list[str]:
    return [f"{line['event']} {line.get('child', line.get('reason', ''))}" for line in lines(operator)]


async def relabel(cluster, kind: str, name: str) -> None:
    await cluster.edit(kind, name, {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}})

    async def put_right() -> bool:
        return (await cluster.get(kind, name))["metadata"]["labels"]["app.kubernetes.io/name"] == name

    await cluster.until(put_right)


async def test_a_line_for_each_thing_with_the_services_key_and_none_for_nothing(cluster, operator) -> None:
    foreign = {"metadata": {"name": "cart", "namespace": cluster.namespace}, "spec": {"ports": [{"port": 1}]}}
    await cluster.api.create({"kind": "Service", **foreign}, kinds.of("Service"), manager="x")
    await operator.start()
    await cluster.apply("cart", ports=PORTS, replicas=1)
    await cluster.until_condition("cart", "Reconciled", "False", "ChildConflict")
    await cluster.until(operator.idle)
    children = {f"created {kind} cart" for kind in ("ServiceAccount", "NetworkPolicy", "Deployment")}
    assert children <= set(said(operator))
    assert len(set(said(operator))) == len(said(operator)), said(operator)
    assert "not well ChildConflict" in said(operator)
    await cluster.delete("Service", "cart")
    await cluster.until_reconciled("cart")

    async def what_follows(change) -> list[str]:
        await cluster.until(operator.idle)
        before = len(said(operator))
        await change()
        await cluster.until(operator.idle)
        return said(operator)[before:]

    async def drift() -> None:
        await relabel(cluster, "Deployment", "cart")

    async def nothing() -> None:
        done = operator.reconciles()
        await cluster.edit("ShopService", "cart", {"metadata": {"annotations": {"team": "a"}}})

        async def looked_at() -> bool:
            return operator.reconciles() > done

        await cluster.until(looked_at)

    async def more() -> None:
        await cluster.apply("cart", ports=PORTS, replicas=2)
        await cluster.until_reconciled("cart")

    assert await what_follows(drift) == ["drift repaired Deployment cart"]
    assert await what_follows(nothing) == []
    assert sorted(await what_follows(more)) == [
        "changed Deployment cart",
        "created PodDisruptionBudget cart",
    ]
    key = f"{cluster.namespace}/cart"
    assert {line.get("shopservice") for line in lines(operator)} == {key}


async def test_what_flaps_is_one_event_that_counts(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", ports=PORTS)
    await cluster.until_reconciled("cart")
    for _ in range(30):
        await relabel(cluster, "Service", "cart")
    events = [event for event in await cluster.all("Event") if event["reason"] == "DriftRepaired"]
    (event,) = events
    assert event["series"]["count"] == 2, "counted up at once, then every few minutes"
    service = await cluster.get("ShopService", "cart")
    assert event["regarding"]["uid"] == service["metadata"]["uid"]
    assert event["regarding"]["kind"] == "ShopService"
    assert event["action"] == "Apply"
    assert event["reportingController"] == "shopservice.dev/shop-operator"
    assert event["reportingInstance"]
    assert event["type"] == "Warning"
