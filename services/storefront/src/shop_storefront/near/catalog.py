"""Catalog, as pages need it: remembered for some seconds, and for a day where catalog does not answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from shop_chassis.client import ServiceClient
from shop_contracts.catalog.api import (
    BATCH_MAX,
    Category,
    CategoryList,
    FamilyWithVariants,
    PriceHistory,
    Product,
    ProductBatch,
    ProductBatchRequest,
    ProductPage,
    RelatedProducts,
)
from shop_contracts.catalog.promotions import Promotion, PromotionList

from shop_storefront.batches import Batched
from shop_storefront.parts import Parts, Remembered

PRODUCT_FRESH = 3.0
"""Seconds; a changed price shows after that. The cart and the order ask anew in any case."""
LIST_FRESH = 10.0
TREE_FRESH = 30.0
KEPT = 86400.0
_MOST = 5000


class Tree:
    """The categories and their places."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._by_slug = {each.slug: each for each in categories}
        self._below: dict[str | None, list[Category]] = {}
        for each in sorted(categories, key=lambda each: each.position):
            self._below.setdefault(each.parent, []).append(each)

    def get(self, slug: str) -> Category | None:
        """The category of that name."""
        return self._by_slug.get(slug)

    def title(self, slug: str) -> str:
        """Of a category; its name where it is not known."""
        found = self._by_slug.get(slug)
        return found.title if found else slug.replace("-", " ").capitalize()

    def below(self, slug: str | None = None) -> list[Category]:
        """The children of a category; of None the topmost."""
        return self._below.get(slug, [])

    def path(self, slug: str) -> list[Category]:
        """From the top to the category itself."""
        found: list[Category] = []
        next = self._by_slug.get(slug)
        while next is not None and next not in found:
            found.insert(0, next)
            next = self._by_slug.get(next.parent) if next.parent else None
        return found


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A page of products: what is asked of catalog."""

    category: str | None = None
    sort: str = "newest"
    after: str | None = None
    limit: int = 24


class Catalog:
    """Questions of pages."""

    def __init__(self, client: ServiceClient, parts: Parts) -> None:
        self._client = client
        self._by_id = Batched("products by id", self._batch, fresh=LIST_FRESH, at_once=BATCH_MAX, most=_MOST)
        self.tree = Remembered("categories", self._tree, parts, fresh=TREE_FRESH)
        self.promotions = Remembered("promotions", self._promotions, parts, fresh=LIST_FRESH)
        self.product = Remembered("product", self._product, parts, fresh=PRODUCT_FRESH)
        self.family = Remembered("variants", self._family, parts, fresh=PRODUCT_FRESH)
        self.prices = Remembered("prices", self._prices, parts, fresh=LIST_FRESH)
        self.related = Remembered("related", self._related, parts, fresh=LIST_FRESH)
        self.list = Remembered("products", self._list, parts, fresh=LIST_FRESH)

    async def products(self, ids: Collection[UUID]) -> list[Product]:
        """Those that are sold, in the order asked for; while catalog does not answer, what it told before."""
        wanted = list(dict.fromkeys(ids))[:BATCH_MAX]
        found = await self._by_id.get(wanted)
        return [found[id] for id in wanted if id in found and found[id].active]

    async def _batch(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        body = ProductBatchRequest(ids=list(ids))
        answer = await self._client.call(
            "POST", "/products:batch", body=body, into=ProductBatch, idempotent=True
        )
        return {each.id: each for each in answer.items}

    async def _tree(self, _key: None) -> Tree:
        return Tree((await self._client.call("GET", "/categories", into=CategoryList)).items)

    async def _promotions(self, _key: None) -> list[Promotion]:
        return (await self._client.call("GET", "/promotions", into=PromotionList)).items

    async def _product(self, which: str) -> Product:
        return await self._client.call("GET", "/products/{which}", path={"which": which}, into=Product)

    async def _family(self, slug: str) -> FamilyWithVariants:
        return await self._client.call(
            "GET", "/families/{slug}", path={"slug": slug}, into=FamilyWithVariants
        )

    async def _prices(self, id: UUID) -> PriceHistory:
        params = {"limit": 50}
        return await self._client.call(
            "GET", "/products/{id}/prices", path={"id": id}, params=params, into=PriceHistory
        )

    async def _related(self, id: UUID) -> RelatedProducts:
        return await self._client.call(
            "GET", "/products/{id}/relations", path={"id": id}, into=RelatedProducts
        )

    async def _list(self, asked: ListAsked) -> ProductPage:
        params = {"sort": asked.sort, "limit": asked.limit}
        if asked.category:
            params["category"] = asked.category
        if asked.after:
            params["after"] = asked.after
        return await self._client.call("GET", "/products", params=params, into=ProductPage)
