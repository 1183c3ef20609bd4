"""A client for each neighbour."""

from dataclasses import dataclass, replace
from typing import Any

from shop_chassis.client import Policy, ServiceClient, callee
from shop_chassis.runtime import Runtime

from shop_storefront.settings import StorefrontSettings

_PAGE = Policy(timeout=2.0, attempt_timeout=1.2, max_concurrent=64)
"""Of what pages show; parts have shorter deadlines of their own."""
_QUESTION = Policy(timeout=1.0, attempt_timeout=0.6, max_concurrent=64)
"""Of what a page can do without."""
_DEED = Policy(timeout=6.0, max_concurrent=64)
"""Of what a shopper waits for: orders, payments, passwords."""


@dataclass(frozen=True)
class Neighbours:
    """All services that the storefront calls. It has no business at their internal routes."""

    user: ServiceClient
    catalog: ServiceClient
    search: ServiceClient
    cart: ServiceClient
    wishlist: ServiceClient
    recommendation: ServiceClient
    notification: ServiceClient
    order_taking: ServiceClient
    order_processing: ServiceClient
    payment: ServiceClient
    logistics: ServiceClient
    warehouse: ServiceClient

    @classmethod
    def of(cls, runtime: Runtime[Any]) -> "Neighbours":
        """Those that the settings name."""
        settings: StorefrontSettings = runtime.settings

        def client(name: str, url: object, policy: Policy) -> ServiceClient:
            timeout, attempt = policy.timeout * settings.patience, policy.attempt_timeout
            patient = replace(
                policy, timeout=timeout, attempt_timeout=attempt and attempt * settings.patience
            )
            return callee(runtime, name, url, policy=patient, internal=False)

        return cls(
            user=client("user", settings.user_url, _DEED),
            catalog=client("catalog", settings.catalog_url, _PAGE),
            search=client("search", settings.search_url, _QUESTION),
            cart=client("cart", settings.cart_url, _PAGE),
            wishlist=client("wishlist", settings.wishlist_url, _PAGE),
            recommendation=client("recommendation", settings.recommendation_url, _QUESTION),
            notification=client("notification", settings.notification_url, _PAGE),
            order_taking=client("order-taking", settings.order_taking_url, _DEED),
            order_processing=client("order-processing", settings.order_processing_url, _PAGE),
            payment=client("payment", settings.payment_url, _DEED),
            logistics=client("logistics", settings.logistics_url, _PAGE),
            warehouse=client("warehouse", settings.warehouse_url, _PAGE),
        )

    def by_name(self) -> dict[str, ServiceClient]:
        """By the service's name, with dashes."""
        return {each.callee: each for each in vars(self).values()}
