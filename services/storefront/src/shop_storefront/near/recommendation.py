"""What might interest this visitor; the products themselves are catalog's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from shop_chassis.client import ServiceClient
from shop_contracts.catalog.api import Product
from shop_contracts.recommendation.api import Reason, RecentlyViewed, Recommendation, Recommendations, Slot

from shop_storefront.near.catalog import Catalog
from shop_storefront.parts import Parts, Remembered

if TYPE_CHECKING:
    from shop_storefront.visit import Visit

_FRESH = 30.0
MOST = 12


@dataclass(frozen=True)
class Recommended:
    """Products, and why each of them."""

    products: Sequence[Product] = ()
    reasons: Mapping[UUID, Reason] = field(default_factory=dict)


class Recommending:
    """Questions of pages."""

    def __init__(self, client: ServiceClient, catalog: Catalog, parts: Parts) -> None:
        self._client = client
        self._catalog = catalog
        self.popular = Remembered("popular", self._popular, parts, fresh=_FRESH)
        """By category; None is the whole shop."""
        self.bought_together = Remembered("bought together", self._bought_together, parts, fresh=_FRESH)
        self.similar = Remembered("similar", self._similar, parts, fresh=_FRESH)

    async def for_visit(self, visit: "Visit", slot: Slot, products: Sequence[UUID] = ()) -> Recommended:
        """For this visitor, at this place. Raises CallError."""
        params = {"slot": slot, "limit": MOST, "product_id": [str(each) for each in products]}
        headers = await visit.headers()
        answer = await self._client.call(
            "GET", "/recommendations", params=params, headers=headers, into=Recommendations
        )
        return await self._with_products(answer.items)

    async def recently_viewed(self, visit: "Visit") -> list[Product]:
        """What the visitor looked at, last first. Raises CallError."""
        answer = await self._client.call(
            "GET",
            "/recently-viewed",
            params={"limit": MOST},
            headers=await visit.headers(),
            into=RecentlyViewed,
        )
        return await self._catalog.products([each.product_id for each in answer.items])

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
