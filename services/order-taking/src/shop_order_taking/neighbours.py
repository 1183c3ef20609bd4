"""The services that are asked, each with a deadline of its own, and what it means when one does not answer.

| neighbour | asked for | when it does not answer |
|---|---|---|
| cart | what is wanted | 503 `cart-unavailable` |
| catalog | prices, discounts, a coupon's hold | 503 `prices-unavailable`: no order at remembered prices |
| logistics | how it can be sent, for how much | 503 `shipping-unavailable` |
| warehouse | what is there | the order is taken; stock is decided by the saga in any case |
| cart, at the end | to forget what was ordered | the order is taken; the cart stays as it is |
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from shop_chassis.client import CallError, CallRefused, Conflict, NotFound, ServiceClient
from shop_chassis.problems import Problem
from shop_contracts.cart.api import Cart
from shop_contracts.catalog import promotions
from shop_contracts.catalog.api import Product, ProductBatch, ProductBatchRequest
from shop_contracts.logistics.api import NOT_DELIVERABLE as NO_QUOTE
from shop_contracts.logistics.api import QuotedOption, QuoteLine, QuoteRequest, Quotes
from shop_contracts.order_taking.api import CART_EMPTY, COUPON_REFUSED, NOT_DELIVERABLE
from shop_contracts.warehouse.api import AvailabilityList

from shop_order_taking.figures import Wanted
from shop_order_taking.orders import KeyReused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon that can be used for an order."""

    code: str
    """As catalog keeps it."""
    discounts: promotions.Discounts


class Neighbours:
    """Questions in the shop's words; answers as the contracts have them, or a Problem for the shopper."""

    def __init__(
        self, cart: ServiceClient, catalog: ServiceClient, warehouse: ServiceClient, logistics: ServiceClient
    ) -> None:
        self._cart = cart
        self._catalog = catalog
        self._warehouse = warehouse
        self._logistics = logistics

    async def cart(self, cart_id: str, subject: str) -> Cart:
        """Not empty. Raises Problem 422 `cart-empty`, 503."""
        with _needed("cart"):
            try:
                cart = await self._cart.call(
                    "GET",
                    "/internal/carts/{cart_id}",
                    path={"cart_id": cart_id},
                    params={"subject": subject},
                    into=Cart,
                )
            except NotFound:
                raise Problem(422, "there is no such cart, or it has expired", type=CART_EMPTY) from None
        if not cart.lines:
            raise Problem(422, "there is nothing in the cart: put something into it first", type=CART_EMPTY)
        return cart

    async def products(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """As they are now; what is unknown is left out. Raises Problem 503."""
        with _needed("prices"):
            body = ProductBatchRequest(ids=list(ids))
            batch = await self._catalog.call(
                "POST", "/products:batch", body=body, into=ProductBatch, idempotent=True
            )
        return {product.id: product for product in batch.items}

    async def promotions(self, wanted: Sequence[Wanted]) -> promotions.Discounts:
        """What everybody gets off. Raises Problem 503."""
        with _needed("prices"):
            return await self._catalog.call(
                "POST",
                "/promotions:price",
                body=promotions.PriceRequest(lines=_lines(wanted)),
                into=promotions.Discounts,
                idempotent=True,
            )

    async def coupon(
        self, code: str | None, subject: str, wanted: Sequence[Wanted], order_id: UUID | None
    ) -> Coupon | None:
        """What the coupon takes off besides; None without one. Raises Problem 422 `coupon-refused`, 503.

        `order_id`: of an order that may hold it since an attempt before; None for a preview.
        """
        if code is None:
            return None
        with _needed("prices"), _coupon_refused():
            answer = await self._catalog.call(
                "POST",
                "/coupons:check",
                body=promotions.CouponCheck(
                    code=code, subject=subject, order_id=order_id, lines=_lines(wanted)
                ),
                into=promotions.CouponDiscounts,
                idempotent=True,
            )
        return Coupon(answer.code, answer)

    async def hold(self, coupon: Coupon, order_id: UUID, subject: str) -> None:
        """Keeps the coupon's use for the order. A hold that no order follows lapses by itself.

        Raises Problem 422 `coupon-refused`, 503, and KeyReused when the order holds another coupon.
        """
        with _needed("prices"), _coupon_refused(), _other_coupon(order_id):
            await self._catalog.send(
                "PUT",
                "/internal/coupon-uses/{order_id}",
                path={"order_id": order_id},
                body=promotions.CouponUseRequest(code=coupon.code, subject=subject, final=False),
            )

    async def options(
        self, country: str, postal_code: str, wanted: Sequence[Wanted], currency: str
    ) -> list[QuotedOption]:
        """How it can be sent, cheapest first; at least one. Raises Problem 422 `not-deliverable`, 503."""
        request = QuoteRequest(
            country=country,
            postal_code=postal_code,
            lines=[QuoteLine(quantity=each.quantity, weight_grams=each.weight_grams) for each in wanted],
            currency=currency,
        )
        with _needed("shipping"):
            try:
                # As the shopper: logistics counts who asks how often, and all of them come from here.
                quotes = await self._logistics.call(
                    "POST", "/quotes", body=request, into=Quotes, idempotent=True, as_user=True
                )
            except CallRefused as error:
                if error.problem.get("type") != NO_QUOTE:
                    raise
                raise Problem(422, str(error.problem.get("detail")), type=NOT_DELIVERABLE) from None
        return quotes.options

    async def available(self, ids: Sequence[UUID]) -> dict[UUID, int] | None:
        """How much of each there is; None when that cannot be known now."""
        try:
            answer = await self._warehouse.call(
                "GET", "/availability", params={"id": [str(id) for id in ids]}, into=AvailabilityList
            )
        except CallError as error:
            log.warning("availability is not known", error=str(error))
            return None
        return {item.product_id: item.available for item in answer.items}

    async def forget_cart(self, cart_id: str, subject: str, etag: str) -> None:
        """What was ordered is not to be ordered again; a cart that has changed since stays."""
        try:
            await self._cart.send(
                "DELETE",
                "/internal/carts/{cart_id}",
                path={"cart_id": cart_id},
                params={"subject": subject, "etag": etag},
            )
        except CallError as error:
            log.warning("the cart of an order stays", error=str(error))


def _lines(wanted: Sequence[Wanted]) -> list[promotions.PricedLine]:
    return [
        promotions.PricedLine(product_id=each.product_id, quantity=each.quantity, unit_price=each.unit_price)
        for each in wanted
    ]


@contextmanager
def _coupon_refused() -> Iterator[None]:
    try:
        yield
    except CallRefused as error:
        if error.problem.get("type") != promotions.COUPON_REFUSED:
            raise
        reason: Any = error.problem.get("reason")
        raise Problem(422, str(error.problem.get("detail")), type=COUPON_REFUSED, reason=reason) from None


@contextmanager
def _other_coupon(order_id: UUID) -> Iterator[None]:
    try:
        yield
    except Conflict:
        raise KeyReused(order_id) from None


@contextmanager
def _needed(what: str) -> Iterator[None]:
    """Without this answer no order can be taken; a refusal that the contract does not know is none either."""
    try:
        yield
    except CallError as error:
        log.warning("no order can be taken", missing=what, error=str(error))
        raise Problem(
            503,
            f"{what} cannot be asked for right now; nothing was ordered, try again",
            type=f"{what}-unavailable",
            headers={"Retry-After": "2"},
        ) from None
