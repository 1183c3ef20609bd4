"""The claim of a database or cache.

It is a child of its own and no volumeClaimTemplate, because those cannot change: so a volume grows when the
resource says so, and its fate after deletion is decided by its ownerReference alone.
"""

from typing import Any

from shop_operator.api import ShopService, quantity
from shop_operator.children.context import Manifest
from shop_operator.children.meta import Component, manifest


def claim_name(store: str) -> str:
    """As a StatefulSet would name it: `data-catalog-db-0`."""
    return f"data-{store}-0"


def claim(
    shop: ShopService,
    component: Component,
    store: str,
    *,
    storage: str,
    storage_class: str | None,
    owned: bool,
) -> Manifest:
    """The PersistentVolumeClaim. Without an owner it outlives its ShopService, and is adopted again."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": quantity.canonical(storage)}},
    }
    return manifest(
        shop, "v1", "PersistentVolumeClaim", component, name=claim_name(store), owned=owned, spec=spec
    )


def claimed(store: str) -> dict[str, Any]:
    """The pod's volume on that claim."""
    return {"name": "data", "persistentVolumeClaim": {"claimName": claim_name(store)}}
