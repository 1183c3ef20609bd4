"""Names, labels and ownership: what every child has in common."""

from typing import Any, Literal

from shop_operator.api import API_VERSION, KIND, ShopService
from shop_operator.children.context import Manifest

Component = Literal["service", "database", "cache", "migration", "job", "rotation"]

NAME_LABEL = "shopservice.dev/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
MANAGED_BY = {"app.kubernetes.io/managed-by": "shop-operator"}

APPLY_POLICY = "shopservice.dev/apply-policy"
"""Annotation; `Once` marks a child that is created and then left alone: the migration Job, whose pod
template cannot change."""


def selector(shop: ShopService, component: Component) -> dict[str, str]:
    """The labels by which the pods of one component are found; they never change."""
    return {NAME_LABEL: shop.name, COMPONENT_LABEL: component}


def labels(shop: ShopService, component: Component) -> dict[str, str]:
    """The labels of every child and every pod."""
    return {"app.kubernetes.io/name": shop.name, **MANAGED_BY, **selector(shop, component)}


def manifest(
    shop: ShopService,
    api_version: str,
    kind: str,
    component: Component,
    *,
    name: str | None = None,
    owned: bool = True,
    annotations: dict[str, str] | None = None,
    more_labels: dict[str, str] | None = None,
    **content: Any,
) -> Manifest:
    """A child. With `owned` false it carries the labels alone: it outlives its ShopService, is adopted
    again by name, and the operator never deletes it."""
    metadata: dict[str, Any] = {
        "name": name or shop.name,
        "namespace": shop.namespace,
        "labels": (more_labels or {}) | labels(shop, component),
    }
    if annotations:
        metadata["annotations"] = annotations
    if owned and shop.metadata.uid:
        metadata["ownerReferences"] = [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": shop.name,
                "uid": shop.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
