"""What runs before the service's container and beside it.

Sidecars are the native ones of Kubernetes: init containers that are restarted for ever. They start in order,
before all others, and end after the service's container, so that a Job with sidecars completes.
https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
"""

from typing import Any

from shop_operator.api import ShopService
from shop_operator.api.pod import InitContainer, Sidecar
from shop_operator.children import resources
from shop_operator.children.container import container
from shop_operator.children.context import Context
from shop_operator.children.merge import merged
from shop_operator.children.pod import RESTRICTED, TMP_MOUNT

DEFAULT_RESOURCES: dict[str, Any] = {
    "requests": {"cpu": "10m", "memory": "32Mi"},
    "limits": {"memory": "128Mi"},
}


def init_containers(shop: ShopService, context: Context, *ours: dict[str, Any]) -> list[dict[str, Any]]:
    """The sidecars, since the others may need them; then the operator's own; then the service's."""
    return [
        *({**_container(sidecar), "restartPolicy": "Always"} for sidecar in shop.spec.sidecars),
        *ours,
        *(_init(shop, context, wanted) for wanted in shop.spec.init_containers),
    ]


def _init(shop: ShopService, context: Context, wanted: InitContainer) -> dict[str, Any]:
    if wanted.image is not None:
        return _container(wanted)
    return _laid_over(container(shop, context, command=[], args=[]), wanted)


def _container(wanted: InitContainer | Sidecar) -> dict[str, Any]:
    base = {
        "image": wanted.image,
        "resources": DEFAULT_RESOURCES,
        "securityContext": RESTRICTED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [TMP_MOUNT],
    }
    return _laid_over(base, wanted)


def _laid_over(base: dict[str, Any], wanted: InitContainer | Sidecar) -> dict[str, Any]:
    found = merged(base, wanted.model_dump(by_alias=True, exclude_unset=True))
    if wanted.resources is not None:
        # Not merged: a default limit beside other requests would be a guess.
        found["resources"] = resources.merged(wanted.resources, DEFAULT_RESOURCES)
    return {"name": wanted.name, **found}
