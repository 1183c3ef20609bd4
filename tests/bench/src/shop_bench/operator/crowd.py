"""The ShopServices of a benchmark."""

from typing import Any

from shop_operator import children
from shop_operator.api import API_VERSION, KIND, parse
from shop_operator.children import Context
from shop_operator.engine.plan import with_hash

Manifest = dict[str, Any]

NAMESPACE = "bench"
LEAN: Manifest = {
    "image": "shop/x:1",
    "ports": [{"name": "http", "port": 8080}],
    "autoscaling": {"min": 1, "max": 4, "metrics": [{"type": "Cpu", "target": "70"}]},
    "expose": {"type": "Ingress", "host": "x.example.com"},
}
"""What the crowd is made of: with the callers' ConfigMap eight children, each of another kind."""
FULL: Manifest = {**LEAN, "database": {}, "cache": {"persistence": "AppendOnly"}}
"""A few of these stand among them, so that every kind of child can be broken."""
REPAIRED = (
    ("ServiceAccount", ""),
    ("NetworkPolicy", ""),
    ("Service", ""),
    ("Deployment", ""),
    ("PodDisruptionBudget", ""),
    ("HorizontalPodAutoscaler", ""),
    ("Ingress", ""),
    ("ConfigMap", "-db"),
    ("StatefulSet", "-db"),
)
"""The kinds that are deleted and edited, and what follows the service in their names; Secrets of credentials,
volumes and Jobs are apart."""


def service(name: str, spec: Manifest) -> Manifest:
    """A ShopService as one would apply it."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def children_of(name: str, uid: str, spec: Manifest) -> list[Manifest]:
    """What the operator would apply for it on a cluster without optional kinds."""
    shop = service(name, spec)
    shop["metadata"]["uid"] = uid
    return [with_hash(child) for child in children.build(parse(shop), Context())]
