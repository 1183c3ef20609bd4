"""What becomes of the pods' fields where the cluster's own controllers act on them."""

from collections.abc import Iterator
from typing import Any

import pytest
from kindlocal.apiserver import ApiServer

from ..support.cluster import AUDIT, Cluster, Operator

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """A server whose controllers make pods, which no node runs."""
    with ApiServer(controllers=["deployment", "replicaset", "job"], audit_policy=AUDIT) as running:
        yield running


async def test_a_service_account_that_does_not_exist_is_named(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    await cluster.apply("payment", serviceAccount={"name": "payments"})
    told = await cluster.until_condition("payment", "Degraded", "True", "FailedCreate")
    assert told["message"].startswith("Deployment payment: pods ")
    assert 'serviceaccount "payments" not found' in told["message"]

    await cluster.apply("payment", serviceAccount={"name": "default"})

    async def pods() -> list[dict[str, Any]]:
        return await cluster.all("Pod")

    (pod,) = await cluster.until(pods)
    await cluster.set_status(
        "Pod", pod["metadata"]["name"], phase="Running", conditions=[{"type": "Ready", "status": "True"}]
    )  # as the kubelet would
    await cluster.until_condition("payment", "Degraded", "False")
    await cluster.until_condition("payment", "Ready", "True")


async def test_so_it_is_where_only_the_migration_has_started(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    await cluster.apply("payment", serviceAccount={"name": "payments"}, migrations={"args": ["migrate"]})
    told = await cluster.until_condition("payment", "Degraded", "True", "FailedCreate")
    assert "spec.serviceAccount.name" in told["message"]
    assert f"kubectl -n {cluster.namespace} describe job/payment-migrate-" in told["message"]
    assert (await cluster.condition("payment", "Progressing"))["reason"] == "Migrating"


async def test_what_the_cluster_does_not_keep_is_named(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    # The old name of serviceAccountName, which the server overwrites by the new one.
    await cluster.apply("cart", podTemplate={"spec": {"serviceAccount": "other"}})
    told = await cluster.until_condition("cart", "Reconciled", "False", "FieldNotKept")
    assert "spec.template.spec.serviceAccount otherwise than given" in told["message"]


async def test_a_pod_template_that_is_refused_leaves_the_version_before(
    cluster: Cluster, operator: Operator
) -> None:
    await operator.start()
    await cluster.apply("cart")
    await cluster.until_reconciled("cart")
    before = await cluster.until_there("Deployment", "cart")
    for spec, named in (
        ({"containers": ["app"]}, "containers"),
        ({"tolerationz": "x"}, "tolerationz"),
        ({"restartPolicy": "Never"}, "spec.template.spec.restartPolicy"),
        ({"containers": [{"name": "app", "resources": {"requests": {"cpu": "much"}}}]}, "quantities"),
    ):
        await cluster.apply("cart", podTemplate={"spec": spec})

        async def said(named: str = named) -> bool:
            told = await cluster.condition("cart", "Reconciled")
            return told["reason"] == "ChildRefused" and named in told["message"]

        await cluster.until(said)
    after = await cluster.get("Deployment", "cart")
    assert after
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    await cluster.apply("cart")
    await cluster.until_reconciled("cart")


async def test_recreate_and_back_again(cluster: Cluster, operator: Operator) -> None:
    await operator.start()
    await cluster.apply("relay")
    await cluster.until_reconciled("relay")

    async def strategy(kind: str) -> bool:
        live = await cluster.get("Deployment", "relay")
        return live is not None and live["spec"]["strategy"]["type"] == kind

    await cluster.apply("relay", rollout={"type": "Recreate"})
    await cluster.until(lambda: strategy("Recreate"))
    await cluster.apply("relay", rollout={"maxSurge": "25%", "maxUnavailable": 1})
    await cluster.until(lambda: strategy("RollingUpdate"))
    await cluster.until_reconciled("relay")
    live = await cluster.get("Deployment", "relay")
    assert live
    assert live["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 1}


async def test_a_container_is_added_changed_and_taken_away(cluster: Cluster, operator: Operator) -> None:
    await operator.start()

    async def names(*expected: str) -> bool:
        live = await cluster.get("Deployment", "cart")
        assert live
        pod = live["spec"]["template"]["spec"]
        return [one["name"] for one in pod.get("initContainers", ())] == list(expected)

    sidecar = {"name": "proxy", "image": "proxy:1"}
    await cluster.apply("cart", sidecars=[sidecar], initContainers=[{"name": "first", "args": ["check"]}])
    await cluster.until_reconciled("cart")
    assert await names("proxy", "first")
    await cluster.apply("cart", initContainers=[{"name": "first", "args": ["check"]}])
    await cluster.until(lambda: names("first"))
    await cluster.apply("cart", sidecars=[sidecar], initContainers=[{"name": "first", "args": ["check"]}])
    await cluster.until(lambda: names("proxy", "first"))
    await cluster.apply("cart")
    await cluster.until(names)
    await cluster.until_reconciled("cart")
