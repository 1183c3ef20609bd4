"""The PodDisruptionBudget: a drain takes one pod at a time."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest, selector


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """For services that can have several pods. It never blocks a drain for ever: one pod may always go,
    and a pod that is not ready anyway protects nothing."""
    autoscaling = shop.spec.autoscaling
    if (autoscaling.max if autoscaling else shop.spec.replicas or 1) < 2:
        return []
    spec = {
        "selector": {"matchLabels": selector(shop, "service")},
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return [manifest(shop, "policy/v1", "PodDisruptionBudget", "service", spec=spec)]
