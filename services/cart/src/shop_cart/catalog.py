"""What catalog says about products; when it does not answer, what it said last."""

from collections.abc import Collection, Mapping
from uuid import UUID

import structlog
from shop_chassis.cache import Cache
from shop_chassis.client import BadAnswer, CallRefused, LastGood, ServiceClient
from shop_contracts.catalog.api import ProductBatch, ProductBatchRequest

from shop_cart.domain import Knowledge, Product

log = structlog.get_logger(__name__)

MAX_AGE = 86400.0
"""Seconds; an older price is not offered to anybody who puts a product into a cart."""


class Unknown(Exception):  # noqa: N818 - the name says it
    """Whether a product can be bought is not known: catalog does not answer, and it is not remembered."""


class NotSold(Exception):  # noqa: N818
    """Catalog has no such product, or sells it no longer."""


class Catalog:
    """Products by id. All replicas share what was said last."""

    def __init__(self, client: ServiceClient, cache: Cache) -> None:
        self._client = client
        self._last = LastGood(cache, "product:", Product, max_age=MAX_AGE, on_fallback=client.fell_back)

    async def know(self, ids: Collection[UUID]) -> Knowledge:
        """What is known of these products; a missing one does not exist, or is not known if that is stale.

        Raises CalleeUnavailable when neither catalog nor the cache answers.
        """
        asked = list(dict.fromkeys(ids))

        async def ask() -> Mapping[str, Product]:
            if not asked:
                return {}
            route = "/products:batch"
            body = ProductBatchRequest(ids=asked)
            try:
                # It only asks, so it may be repeated.
                answer = await self._client.call("POST", route, body=body, into=ProductBatch, idempotent=True)
            except CallRefused as error:
                # The contract knows no reason to refuse this: to shoppers it is as if catalog were down.
                raise BadAnswer(
                    "catalog", route, error.what, "compare the versions of the contract"
                ) from error
            return {
                str(item.id): Product(id=item.id, title=item.title, price=item.price, available=item.active)
                for item in answer.items
            }

        said = await self._last.fetch([str(id) for id in asked], ask)
        if said.cause is not None:
            log.warning("catalog did not answer", error=str(said.cause), as_of=said.as_of.isoformat())
        return Knowledge({UUID(id): product for id, product in said.values.items()}, said.as_of, said.stale)


def to_sell(known: Knowledge, product_id: UUID) -> Product:
    """The product, if it can be put into a cart. Raises NotSold, Unknown."""
    product = known.products.get(product_id)
    if product is not None and product.available:
        return product
    if product is None and known.stale:
        raise Unknown(product_id)
    raise NotSold(product_id)
