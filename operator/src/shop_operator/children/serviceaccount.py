"""The ServiceAccount: an identity without any rights, and without a token in the pod."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One for each service."""
    return [manifest(shop, "v1", "ServiceAccount", "service", automountServiceAccountToken=False)]
