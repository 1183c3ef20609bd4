"""The autoscaler."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Gap


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """What of spec.autoscaling this cluster cannot do."""
    return []
