"""The ServiceAccount: an identity without any rights, and without a token in the pod."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest


def name(shop: ShopService) -> str:
    """Name of the ServiceAccount of the service's pods."""
    return existing(shop) or shop.name


def existing(shop: ShopService) -> str | None:
    """The ServiceAccount that the service names instead of having one made."""
    template, account = shop.spec.pod_template, shop.spec.service_account
    by_hand = template.spec.get("serviceAccountName") if template and template.spec else None
    return by_hand if isinstance(by_hand, str) else account.name if account else None


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One for each service, unless it names an existing one."""
    if existing(shop) is not None:
        return []
    account = shop.spec.service_account
    annotations = account.annotations if account else None
    return [
        manifest(
            shop, "v1", "ServiceAccount", "service",
            annotations=annotations, automountServiceAccountToken=False,
        )
    ]  # fmt: skip
