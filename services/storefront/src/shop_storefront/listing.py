"""Products as lists show them, whoever found them, and what is said at their pictures of promotions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shop_contracts.catalog.api import Image, Product
from shop_contracts.catalog.promotions import AmountOff, NForM, Percentage, Promotion
from shop_contracts.money import Money
from shop_contracts.search.api import Hit

from shop_storefront.near.catalog import Tree


@dataclass(frozen=True, slots=True)
class Listed:
    """A product in a list."""

    id: UUID
    slug: str
    title: str
    category: str
    price: Money
    image: Image | None
    available: int | None
    family: str | None


def of_product(product: Product) -> Listed:
    """As catalog has it."""
    return Listed(
        product.id,
        product.slug,
        product.title,
        product.category,
        product.price,
        product.images[0] if product.images else None,
        product.available,
        product.family,
    )


def of_hit(hit: Hit) -> Listed:
    """As search has it."""
    return Listed(
        hit.product_id, hit.slug, hit.title, hit.category, hit.price, hit.image, hit.available, hit.family
    )


def one_of_each_family(products: Iterable[Listed]) -> list[Listed]:
    """Of variants the first: six shirts in a row say no more than one."""
    seen: set[str] = set()
    shown = []
    for each in products:
        if each.family is None or each.family not in seen:
            shown.append(each)
        if each.family is not None:
            seen.add(each.family)
    return shown


class Offered(Protocol):
    """What decides whether a promotion is on a product."""

    @property
    def id(self) -> UUID:
        """Of the product."""

    @property
    def category(self) -> str:
        """Its slug."""


def promotions_on(product: Offered, promotions: Sequence[Promotion], tree: Tree | None) -> list[Promotion]:
    """Those that name the product or its category; exclusive ones first: where one applies no other does."""
    above = {each.slug for each in tree.path(product.category)} if tree else {product.category}
    on = [each for each in promotions if product.id in each.products or not above.isdisjoint(each.categories)]
    return sorted(on, key=lambda each: not each.exclusive)


def badge(promotion: Promotion, money: Callable[[Money], str], say: Callable[[str], str]) -> str:
    """Few words for a promotion, empty where it is about whole orders."""
    match promotion.rule:
        case Percentage(percent=percent):
            return say("%(n)s %% off") % {"n": percent}
        case NForM(take=take, pay=pay):
            return say("%(take)s for %(pay)s") % {"take": take, "pay": pay}
        case AmountOff(amount=amount, per="piece"):
            return say("%(amount)s off") % {"amount": money(amount)}
        case _:
            return ""
