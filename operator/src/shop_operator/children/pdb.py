"""The PodDisruptionBudget: a drain takes one pod at a time, or as many as the service says."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest, selector


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """For services that can have several pods, or say themselves how many may go. It never blocks a drain for
    ever: one pod may always go (the resource refuses a budget that says otherwise), and a pod that is not
    ready anyway protects nothing."""
    budget, autoscaling = shop.spec.disruption_budget, shop.spec.autoscaling
    if budget is None and (autoscaling.max if autoscaling else shop.spec.replicas or 1) < 2:
        return []
    wanted = budget.model_dump(by_alias=True, exclude_none=True) if budget else {"maxUnavailable": 1}
    spec = {
        "selector": {"matchLabels": selector(shop, "service")},
        **wanted,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return [manifest(shop, "policy/v1", "PodDisruptionBudget", "service", spec=spec)]
