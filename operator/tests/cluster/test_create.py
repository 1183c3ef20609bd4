"""From a ShopService to its children, and what that costs."""

import pytest

pytestmark = pytest.mark.apiserver

DATABASE = {"database": {"storage": "1Gi"}}
FULL = {
    "ports": [{"name": "http", "port": 8080}],
    "replicas": 2,
    "database": {"storage": "1Gi"},
    "cache": {"persistence": "AppendOnly"},
    "events": {},
    "expose": {"type": "Ingress", "host": "cart.example.com"},
}


async def all_children(cluster, name: str) -> set[str]:
    service = await cluster.get("ShopService", name)
    return {f"{child['kind']} {child['name']}" for child in service["status"]["children"]}


async def test_a_service_becomes_all_its_children(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **FULL)
    service = await cluster.until_reconciled("cart")
    assert await all_children(cluster, "cart") >= {
        "ServiceAccount cart",
        "Deployment cart",
        "Service cart",
        "NetworkPolicy cart",
        "PodDisruptionBudget cart",
        "Ingress cart",
        "StatefulSet cart-db",
        "Secret cart-db",
        "ConfigMap cart-db",
        "PersistentVolumeClaim data-cart-db-0",
        "StatefulSet cart-cache",
        "Secret cart-cache",
    }
    for child in service["status"]["children"]:
        assert await cluster.get(child["kind"], child["name"]), child
    assert service["status"]["url"] == f"http://cart.{cluster.namespace}.svc"
    assert service["status"]["binding"] == {"name": "cart-db"}
    assert (await cluster.condition("cart", "Ready"))["reason"] == "DatabaseNotReady"
    assert (await cluster.condition("cart", "DatabaseReady"))["status"] == "False"
    await cluster.set_status("StatefulSet", "cart-db", observedGeneration=1, replicas=1, readyReplicas=1)
    await cluster.until_condition("cart", "DatabaseReady", "True")
    await cluster.set_status(
        "Deployment", "cart", observedGeneration=1, replicas=2, updatedReplicas=2, readyReplicas=2,
        availableReplicas=2, conditions=[{"type": "Available", "status": "True", "reason": "x"}],
    )  # fmt: skip
    await cluster.until_condition("cart", "Ready", "True", "Available")
    assert (await cluster.condition("cart", "Progressing"))["status"] == "False"


async def test_creation_reads_and_writes_each_child_once(cluster, operator) -> None:
    await operator.start()
    cluster.mark()
    await cluster.apply("cart", **FULL)
    await cluster.until_reconciled("cart")
    children = await all_children(cluster, "cart")
    await cluster.until(operator.idle)
    calls = cluster.calls()
    assert len([c for c in calls if c.startswith("get")]) == len(children)
    writes = [c for c in calls if not c.startswith("get")]
    assert len(writes) == len(children) + 1, writes
    assert writes[-1] == "patch shopservices/cart"


async def test_sigterm_ends_it_within_a_second(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart")
    await cluster.until_reconciled("cart")
    assert operator.stop() < 1.0


async def test_a_field_that_is_no_longer_named_is_removed(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    await cluster.until_reconciled("cart")
    await cluster.apply("cart", env=[{"name": "A", "value": "1"}])
    await cluster.until_reconciled("cart")
    container = (await cluster.get("Deployment", "cart"))["spec"]["template"]["spec"]["containers"][0]
    names = {env["name"] for env in container["env"]}
    assert "A" in names
    assert "B" not in names


async def test_health_and_metrics(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=2)
    await cluster.until_reconciled("cart")
    assert operator.healthy()
    metrics = operator.metrics()
    labels = f'{{name="cart",namespace="{cluster.namespace}"}}'
    assert metrics[f"shop_service_replicas_desired{labels}"] == 2
    assert metrics[f"shop_service_replicas_ready{labels}"] == 0
    assert metrics["shop_operator_queue_depth"] == 0
    assert any(
        name.startswith('shop_operator_api_calls_total{code="201",kind="Deployment"') for name in metrics
    )
