"""All children of a ShopService, in the order in which they are applied."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The children, canonical and complete. What is not in the list and has our ownerReference is to go.

    Order: ServiceAccount and NetworkPolicies (a pod is never open), then credentials, configuration and
    claims, then database and cache, then what leads to the service, then the migration Job, then the
    Deployment and what watches over it, last the autoscaler: KEDA's webhook refuses a ScaledObject whose
    Deployment is not there.
    """
    return []
