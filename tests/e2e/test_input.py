"""Bad input is refused where it is typed, by name; what can only be known later is said in a condition."""

from __future__ import annotations

import copy
from typing import Any

import pytest

pytestmark = pytest.mark.needs("operator")

GOOD: dict[str, Any] = {
    "apiVersion": "shopservice.dev/v1",
    "kind": "ShopService",
    "metadata": {"name": "refused"},
    "spec": {"image": "shop/none:1", "ports": [{"name": "http", "port": 8080}]},
}


def edited(path: str, value: Any) -> dict[str, Any]:
    """GOOD with one field set: `spec.ports.0.port`."""
    manifest = copy.deepcopy(GOOD)
    at: Any = manifest
    *parents, last = path.split(".")
    for step in parents:
        at = at[int(step)] if step.isdigit() else at.setdefault(step, {})
    at[last] = value
    return manifest


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        pytest.param(edited("spec.replicas", "three"), "spec.replicas", id="wrong type"),
        pytest.param(edited("spec.imge", "shop/none:2"), "spec.imge", id="unknown field"),
        pytest.param(
            edited("spec.autoscaling", {"min": 5, "max": 2, "metrics": [{"type": "Cpu", "target": "70"}]}),
            "spec.autoscaling",
            id="min above max",
        ),
        pytest.param(edited("metadata.name", "n" * 41), "name", id="over-long name"),
        pytest.param(edited("spec.ports.0.port", -1), "spec.ports[0].port", id="negative port"),
    ],
)
def test_kubectl_apply_is_refused_with_the_fields_name(kube, shop, manifest, named):
    refused = kube.apply(manifest, check=False)
    assert refused.returncode != 0
    assert named in refused.stderr, refused.stderr
    assert kube.get("shopservice", manifest["metadata"]["name"]) is None


@pytest.mark.takes("cart")
def test_an_image_that_does_not_exist_leaves_the_running_version_serving(kube, shop, wait):
    image = kube.get("shopservice", "cart")["spec"]["image"]
    kube.patch("shopservice", "cart", {"spec": {"image": "shop/cart:does-not-exist"}})
    try:
        degraded = wait("a Degraded condition", lambda: has(kube.condition("cart", "Degraded"), "True"), 90)
        assert "shop/cart:does-not-exist" in degraded["message"], degraded
        assert kube.condition("cart", "Ready")["status"] == "True"
        assert kube.ready("cart") >= 1
        assert shop.cart.get("/healthz").status_code == 200
    finally:
        kube.patch("shopservice", "cart", {"spec": {"image": image}})
    wait("the condition to clear", lambda: has(kube.condition("cart", "Degraded"), "False"), 90)


def has(condition: dict[str, Any], status: str) -> dict[str, Any] | None:
    return condition if condition.get("status") == status else None
