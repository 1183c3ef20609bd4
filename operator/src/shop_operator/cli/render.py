"""What ShopServices become, without a cluster."""

from shop_operator.api import ShopService
from shop_operator.children import Caller, Context, Issuer, Manifest, build, serviceaccount
from shop_operator.settings import Settings

PLACEHOLDER = "generated-by-the-operator"
"""Stands for a password."""
ISSUER = Issuer(url="read-from-the-cluster", jwks="read-from-the-cluster")


def render(shops: list[ShopService], settings: Settings, kinds: frozenset[str]) -> list[Manifest]:
    """The children of all of them; what they say about each other in dependsOn is taken into account."""
    return [child for shop in shops for child in build(shop, context(shop, shops, settings, kinds))]


def context(
    shop: ShopService, shops: list[ShopService], settings: Settings, kinds: frozenset[str]
) -> Context:
    """The surroundings as far as the files tell them."""
    return Context(
        settings=settings,
        kinds=kinds,
        dependants=frozenset(
            Caller(other.namespace, other.name, serviceaccount.name(other))
            for other in shops
            for callee in other.spec.depends_on
            if (callee.namespace or other.namespace, callee.name) == (shop.namespace, shop.name)
        ),
        issuer=ISSUER,
        generate=lambda: PLACEHOLDER,
    )
