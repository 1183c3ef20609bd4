"""What becomes of the pods' fields where the cluster's own controllers act on them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kindlocal.apiserver import ApiServer

from ..support.cluster import AUDIT, Cluster, Operator, connected

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def busy_server() -> Iterator[ApiServer]:
    """A server whose controllers make pods, which no node runs."""
    with ApiServer(controllers=["deployment", "replicaset", "job"], audit_policy=AUDIT) as running:
        yield running


@pytest.fixture
async def busy(busy_server: ApiServer) -> AsyncIterator[Cluster]:
    async with connected(busy_server) as here:
        yield here


@pytest.fixture
def operator(busy_server: ApiServer, busy: Cluster, tmp_path: Path) -> Iterator[Operator]:
    process = Operator(busy_server, tmp_path, busy.namespace)
    yield process
    process.kill()
    assert process.errors() == []
    assert process.refused() == []


async def test_a_service_account_that_does_not_exist_is_named(busy: Cluster, operator: Operator) -> None:
    await operator.start()
    await busy.apply("payment", serviceAccount={"name": "payments"})
    told = await busy.until_condition("payment", "Degraded", "True", "FailedCreate")
    assert told["message"].startswith("Deployment payment: pods ")
    assert 'serviceaccount "payments" not found' in told["message"]

    await busy.apply("payment", serviceAccount={"name": "default"})

    async def pods() -> list[dict[str, Any]]:
        return await busy.all("Pod")

    (pod,) = await busy.until(pods)
    await busy.set_status(
        "Pod", pod["metadata"]["name"], phase="Running", conditions=[{"type": "Ready", "status": "True"}]
    )  # as the kubelet would
    await busy.until_condition("payment", "Degraded", "False")
    await busy.until_condition("payment", "Ready", "True")


async def test_so_it_is_where_only_the_migration_has_started(busy: Cluster, operator: Operator) -> None:
    await operator.start()
    await busy.apply("payment", serviceAccount={"name": "payments"}, migrations={"args": ["migrate"]})
    told = await busy.until_condition("payment", "Degraded", "True", "FailedCreate")
    assert "spec.serviceAccount.name" in told["message"]
    assert f"kubectl -n {busy.namespace} describe job/payment-migrate-" in told["message"]
    assert (await busy.condition("payment", "Progressing"))["reason"] == "Migrating"


async def test_what_the_cluster_does_not_keep_is_named(busy: Cluster, operator: Operator) -> None:
    await operator.start()
    # The old name of serviceAccountName, which the server overwrites by the new one.
    await busy.apply("cart", podTemplate={"spec": {"serviceAccount": "other"}})
    told = await busy.until_condition("cart", "Reconciled", "False", "FieldNotKept")
    assert "spec.template.spec.serviceAccount otherwise than given" in told["message"]


async def test_a_pod_template_that_is_refused_leaves_the_version_before(
    busy: Cluster, operator: Operator
) -> None:
    await operator.start()
    await busy.apply("cart")
    await busy.until_reconciled("cart")
    before = await busy.until_there("Deployment", "cart")
    for spec, named in (
        ({"containers": ["app"]}, "containers"),
        ({"tolerationz": "x"}, "tolerationz"),
        ({"restartPolicy": "Never"}, "spec.template.spec.restartPolicy"),
        ({"containers": [{"name": "app", "resources": {"requests": {"cpu": "much"}}}]}, "quantities"),
    ):
        await busy.apply("cart", podTemplate={"spec": spec})

        async def said(named: str = named) -> bool:
            told = await busy.condition("cart", "Reconciled")
            return told["reason"] == "ChildRefused" and named in told["message"]

        await busy.until(said)
    after = await busy.get("Deployment", "cart")
    assert after
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    await busy.apply("cart")
    await busy.until_reconciled("cart")


async def test_recreate_and_back_again(busy: Cluster, operator: Operator) -> None:
    await operator.start()
    await busy.apply("relay")
    await busy.until_reconciled("relay")

    async def strategy(kind: str) -> bool:
        live = await busy.get("Deployment", "relay")
        return live is not None and live["spec"]["strategy"]["type"] == kind

    await busy.apply("relay", rollout={"type": "Recreate"})
    await busy.until(lambda: strategy("Recreate"))
    await busy.apply("relay", rollout={"maxSurge": "25%", "maxUnavailable": 1})
    await busy.until(lambda: strategy("RollingUpdate"))
    await busy.until_reconciled("relay")
    live = await busy.get("Deployment", "relay")
    assert live
    assert live["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 1}


async def test_a_container_is_added_changed_and_taken_away(busy: Cluster, operator: Operator) -> None:
    await operator.start()

    async def names(*expected: str) -> bool:
        live = await busy.get("Deployment", "cart")
        assert live
        pod = live["spec"]["template"]["spec"]
        return [one["name"] for one in pod.get("initContainers", ())] == list(expected)

    sidecar = {"name": "proxy", "image": "proxy:1"}
    await busy.apply("cart", sidecars=[sidecar], initContainers=[{"name": "first", "args": ["check"]}])
    await busy.until_reconciled("cart")
    assert await names("proxy", "first")
    await busy.apply("cart", initContainers=[{"name": "first", "args": ["check"]}])
    await busy.until(lambda: names("first"))
    await busy.apply("cart", sidecars=[sidecar], initContainers=[{"name": "first", "args": ["check"]}])
    await busy.until(lambda: names("proxy", "first"))
    await busy.apply("cart")
    await busy.until(names)
    await busy.until_reconciled("cart")
