"""What catalog says about products and discounts; when it does not answer, what it said last of products."""

import asyncio
from collections.abc import Collection, Mapping
from uuid import UUID

import structlog
from shop_chassis.cache import Cache
from shop_chassis.client import BadAnswer, CalleeUnavailable, CallRefused, LastGood, ServiceClient
from shop_contracts.cart.api import CartCoupon, Line
from shop_contracts.catalog.api import ProductBatch, ProductBatchRequest
from shop_contracts.catalog.promotions import (
    COUPON_REFUSED,
    CouponCheck,
    CouponDiscounts,
    Discounts,
    LineDiscount,
    PricedLine,
    PriceRequest,
)
from shop_contracts.money import Money

from shop_cart.domain import NO_REDUCTIONS, Knowledge, Product, Reductions

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
                str(item.id): Product(
                    id=item.id,
                    title=item.title,
                    price=item.price,
                    available=item.active,
                    in_stock=item.available,
                )
                for item in answer.items
            }

        said = await self._last.fetch([str(id) for id in asked], ask)
        if said.cause is not None:
            log.warning("catalog did not answer", error=str(said.cause), as_of=said.as_of.isoformat())
        return Knowledge({UUID(id): product for id, product in said.values.items()}, said.as_of, said.stale)

    async def reductions(
        self, lines: Collection[Line], coupon: str | None, subject: str | None
    ) -> Reductions:
        """What promotions and a coupon take off these lines, which have one currency. Never raises."""
        if not lines:
            return NO_REDUCTIONS
        asked = [
            PricedLine(product_id=line.product_id, quantity=line.quantity, unit_price=line.unit_price)
            for line in lines
        ]
        missing = False
        try:
            async with asyncio.TaskGroup() as both:
                promotions = both.create_task(self._promotions(asked))
                of_coupon = both.create_task(self._coupon(asked, coupon, subject))
        except* (CalleeUnavailable, CallRefused) as errors:
            log.warning("catalog did not say what is taken off", error=str(errors.exceptions[0]))
            missing = True
        if missing:
            return Reductions(missing=True)
        further, shown = of_coupon.result()
        off: dict[UUID, Money] = {}
        for each in (*promotions.result().discounts, *further):
            before = off.get(each.product_id)
            off[each.product_id] = each.discount if before is None else before + each.discount
        return Reductions(off, shown)

    async def _promotions(self, lines: list[PricedLine]) -> Discounts:
        body = PriceRequest(lines=lines)
        return await self._client.call(
            "POST", "/promotions:price", body=body, into=Discounts, idempotent=True
        )

    async def _coupon(
        self, lines: list[PricedLine], code: str | None, subject: str | None
    ) -> tuple[list[LineDiscount], CartCoupon | None]:
        if code is None:
            return [], None
        body = CouponCheck(lines=lines, code=code, subject=subject)
        try:
            taken = await self._client.call(
                "POST", "/coupons:check", body=body, into=CouponDiscounts, idempotent=True
            )
        except CallRefused as error:
            if error.problem.get("type") != COUPON_REFUSED:
                raise
            return [], CartCoupon(code=code, refused=str(error.problem.get("detail") or "it cannot be used"))
        return taken.discounts, CartCoupon(code=code, discount=taken.total)


def to_sell(known: Knowledge, product_id: UUID) -> Product:
    """The product, if it can be put into a cart. Raises NotSold, Unknown."""
    product = known.products.get(product_id)
    if product is not None and product.available:
        return product
    if product is None and known.stale:
        raise Unknown(product_id)
    raise NotSold(product_id)
