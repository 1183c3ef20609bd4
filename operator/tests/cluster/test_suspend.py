"""A suspended service is left alone, and what waits is told; afterwards all of it is done."""

import pytest

pytestmark = pytest.mark.apiserver

SPEC = {
    "replicas": 2,
    "ports": [{"name": "http", "port": 8080}],
    "expose": {"type": "Ingress", "host": "cart.example.com"},
}


async def told(cluster, *parts: str) -> bool:
    """Whether the condition says that this waits."""
    found = await cluster.condition("cart", "Reconciled")
    return found.get("reason") == "Suspended" and all(part in found["message"] for part in parts)


async def test_nothing_is_made_changed_repaired_or_removed_until_it_is_resumed(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")

    await cluster.apply("cart", **SPEC, suspend=True)
    found = await cluster.until_condition("cart", "Reconciled", "Unknown", "Suspended")
    assert found["message"].endswith("What waits to be done: nothing")
    cluster.mark()
    await cluster.edit("Deployment", "cart", {"spec": {"replicas": 7}})
    await cluster.delete("Service", "cart")
    await cluster.apply("cart", replicas=2, ports=SPEC["ports"], cache={}, suspend=True)
    waiting = (
        "~ Deployment cart: ",
        "spec.replicas",
        "+ Service cart",
        "- Ingress cart",
        "+ Secret cart-cache",
    )
    await cluster.until(lambda: told(cluster, *waiting))
    operator.kill()
    await operator.start()
    await cluster.until(operator.idle)
    written = {call for call in cluster.calls() if call.split()[0] not in ("get", "list")}
    assert written == {"patch shopservices/cart"}, "the status goes on, and nothing else"
    assert (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 7
    assert await cluster.get("Service", "cart") is None
    assert await cluster.get("Ingress", "cart")

    await cluster.apply("cart", replicas=2, ports=SPEC["ports"], cache={})
    await cluster.until_reconciled("cart")
    assert (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 2
    assert await cluster.get("Service", "cart")
    assert await cluster.get("Secret", "cart-cache")
    assert await cluster.get("Ingress", "cart") is None


async def test_what_is_suspended_from_the_start_is_not_made(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC, suspend=True)
    await cluster.until(lambda: told(cluster, "+ Deployment cart"))
    assert await cluster.get("Deployment", "cart") is None
    assert (await cluster.condition("cart", "Ready"))["reason"] == "NotDeployed"
