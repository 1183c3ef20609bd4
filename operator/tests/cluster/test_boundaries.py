"""Where an operator's work ends: at its namespace, and beside another operator."""

import pytest
from kindlocal.apiserver import ApiServer

from ..support.cluster import Operator

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]


async def test_a_dependency_in_a_namespace_that_is_not_watched_is_called_and_not_missed(
    cluster, operator
) -> None:
    await operator.start()
    await cluster.apply("cart", dependsOn=[{"name": "catalog", "namespace": "elsewhere"}])
    await cluster.until_reconciled("cart")
    assert (await cluster.condition("cart", "Degraded"))["status"] == "False"
    deployment = await cluster.get("Deployment", "cart")
    env = {
        one["name"]: one.get("value")
        for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert env["CATALOG_URL"] == "http://catalog.elsewhere.svc:80"
    policy = await cluster.get("NetworkPolicy", "cart")
    peers = [peer for rule in policy["spec"]["egress"] for peer in rule.get("to", ())]
    there = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
    assert [peer["podSelector"]["matchLabels"]["shopservice.dev/name"] for peer in peers
            if peer.get("namespaceSelector") == there] == ["catalog"]  # fmt: skip


async def test_a_second_operator_does_the_same_work_twice_and_then_rests(
    cluster, operator, server: ApiServer, tmp_path
) -> None:
    """The chart never runs two; should there be two all the same, they do not fight."""
    (tmp_path / "second").mkdir()
    second = Operator(server, tmp_path / "second", cluster.namespace)
    await operator.start()
    await second.start()
    try:
        await cluster.apply("cart", ports=PORTS, database={}, replicas=2)
        await cluster.until_reconciled("cart")
        await cluster.edit("Deployment", "cart", {"spec": {"replicas": 7}})

        async def put_right() -> bool:
            return (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 2

        async def at_rest() -> bool:
            return await operator.idle() and await second.idle()

        await cluster.until(put_right)
        await cluster.until(at_rest)
        cluster.mark()
        done = operator.reconciles() + second.reconciles()
        await cluster.edit("ShopService", "cart", {"metadata": {"annotations": {"team": "a"}}})

        async def both_looked() -> bool:
            return operator.reconciles() + second.reconciles() >= done + 2

        await cluster.until(both_looked)
        await cluster.until(at_rest)
        assert cluster.calls() == []
        assert (second.errors(), second.refused()) == ([], [])
    finally:
        second.kill()
