"""What might interest this visitor; the products themselves are catalog's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from shop_chassis.client import ServiceClient
from shop_contracts.catalog.api import Product
from shop_contracts.recommendation.api import Reason, Recommendation, Recommendations, Slot

from shop_storefront.near.catalog import Catalog
from shop_storefront.parts import FAILURES, Part, Parts, Remembered

if TYPE_CHECKING:
    from shop_storefront.visit import Visit

_FRESH = 30.0
_FRESH_MINE = 10.0
_MINE = 0.3
"""Seconds that a page waits for what is for this visitor alone."""
MOST = 12


@dataclass(frozen=True)
class Recommended:
    """Products, and why each of them."""

    products: Sequence[Product] = ()
    reasons: Mapping[UUID, Reason] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asked:
    """Who is to see them, and where."""

    who: str
    slot: Slot
    products: tuple[UUID, ...]
    headers: Mapping[str, str] = field(compare=False)


class Recommending:
    """Questions of pages."""

    def __init__(self, client: ServiceClient, catalog: Catalog, parts: Parts) -> None:
        self._client = client
        self._catalog = catalog
        self._mine = Remembered("recommendations", self._for, parts, fresh=_FRESH_MINE, kept=300, most=2000)
        self.popular = Remembered("popular", self._popular, parts, fresh=_FRESH)
        """By category; None is the whole shop."""
        self.bought_together = Remembered("bought together", self._bought_together, parts, fresh=_FRESH)
        self.similar = Remembered("similar", self._similar, parts, fresh=_FRESH)

    async def for_visit(self, visit: "Visit", slot: Slot, products: Sequence[UUID] = ()) -> Part[Recommended]:
        """For this visitor, at this place; a moment later the same."""
        try:
            headers = await visit.headers()
        except FAILURES:
            return Part()
        who = visit.session.subject or visit.session.visitor
        return await self._mine.get(_Asked(who, slot, tuple(products), headers), within=_MINE)

    async def _for(self, asked: "_Asked") -> Recommended:
        params = {"slot": asked.slot, "limit": MOST, "product_id": [str(each) for each in asked.products]}
        answer = await self._client.call(
            "GET", "/recommendations", params=params, headers=asked.headers, into=Recommendations
        )
        return await self._with_products(answer.items)

    async def _popular(self, category: str | None) -> Recommended:
        params = {"limit": MOST} | ({"category": category} if category else {})
        answer = await self._client.call("GET", "/popular", params=params, into=Recommendations)
        return await self._with_products(answer.items)

    async def _bought_together(self, product: UUID) -> Recommended:
        return await self._about("/bought-together/{product_id}", product)

    async def _similar(self, product: UUID) -> Recommended:
        return await self._about("/similar/{product_id}", product)

    async def _about(self, route: str, product: UUID) -> Recommended:
        path, params = {"product_id": product}, {"limit": MOST}
        answer = await self._client.call("GET", route, path=path, params=params, into=Recommendations)
        return await self._with_products(answer.items)

    async def _with_products(self, items: Sequence[Recommendation]) -> Recommended:
        products = await self._catalog.products([each.product_id for each in items]) if items else []
        return Recommended(products, {each.product_id: each.reason for each in items})
