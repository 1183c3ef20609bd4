"""From a cart to an order: what is asked in which order, and what is refused.

    cart ─▶ products, availability ─▶ promotions, coupon, quotes ─▶ figures ─▶ coupon's hold ─▶ order + event

Nothing is changed anywhere before the coupon's hold, which is the order's own and lapses by itself; the order
exists from the commit on. Whatever fails before can be repeated, and after it the same key finds the order.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shop_chassis.problems import Problem
from shop_chassis.tables import utc_now
from shop_contracts.address import Address
from shop_contracts.cart.api import Cart
from shop_contracts.catalog.api import Product
from shop_contracts.catalog.promotions import Discounts
from shop_contracts.logistics.api import QuotedOption
from shop_contracts.order_taking.api import (
    NOT_DELIVERABLE,
    NOT_SOLD,
    OUT_OF_STOCK,
    REGION_UNKNOWN,
    TOTAL_CHANGED,
    Figures,
    NewOrder,
    Preview,
    PreviewRequest,
    Shortage,
)
from shop_contracts.order_taking.events import OrderPlaced

from shop_order_taking.figures import Wanted, figures
from shop_order_taking.neighbours import Coupon, Neighbours
from shop_order_taking.orders import CartRef, Orders, Taken, order_id
from shop_order_taking.tax import RegionUnknown, TaxRules, region_of
from shop_order_taking.taxtable import TaxTable


@dataclass(frozen=True, slots=True)
class Priced:
    """A cart with everything that was said of it."""

    cart: CartRef
    figures: Figures
    chosen: QuotedOption
    options: list[QuotedOption]
    coupon: Coupon | None
    shortages: list[Shortage]
    availability_known: bool


class Taking:
    """What a shopper can ask of this service."""

    def __init__(self, neighbours: Neighbours, taxes: TaxTable, orders: Orders) -> None:
        self._neighbours = neighbours
        self._taxes = taxes
        self._orders = orders

    async def preview(self, request: PreviewRequest, subject: str) -> Preview:
        """What it would come to. Raises Problem."""
        priced = await self._priced(request, subject, None)
        return Preview(
            **dict(priced.figures),
            shipping_option=priced.chosen.id,
            options=priced.options,
            shortages=priced.shortages,
            availability_known=priced.availability_known,
        )

    async def order(self, request: NewOrder, subject: str, key: str) -> tuple[Taken, bool]:
        """The order of this key, and whether it is new. Raises Problem, KeyReused."""
        id = order_id(subject, key)
        if (before := await self._orders.find(id, request)) is not None:
            taken, new = before, False
        else:
            try:
                taken, new = await self._take(id, request, subject)
            except Problem:
                # The same request, beside this one, may have been quicker, and the cart went with it.
                if (before := await self._orders.find(id, request)) is None:
                    raise
                taken, new = before, False
        if taken.cart is not None:
            # Also when it was there: who asks again may have missed the answer, and the pod its next line.
            await self._neighbours.forget_cart(taken.cart.cart_id, subject, taken.cart.etag)
        return taken, new

    async def _take(self, id: UUID, request: NewOrder, subject: str) -> tuple[Taken, bool]:
        priced = await self._priced(request, subject, id)
        if request.expected_total not in (None, priced.figures.total):
            raise Problem(
                409,
                "it comes to another total now: show it to the shopper, and order with that one",
                type=TOTAL_CHANGED,
                figures=priced.figures.model_dump(mode="json"),
            )
        if priced.shortages:
            raise Problem(
                409,
                "there is not enough of everything: order less of what `shortages` names",
                type=OUT_OF_STOCK,
                shortages=[shortage.model_dump(mode="json") for shortage in priced.shortages],
            )
        if priced.coupon is not None:
            await self._neighbours.hold(priced.coupon, id, subject)
        placed = OrderPlaced(
            **dict(priced.figures),
            order_id=id,
            subject=subject,
            email=request.email,
            coupon=priced.coupon and priced.coupon.code,
            shipping_address=request.shipping_address,
            billing_address=request.billing_address or request.shipping_address,
            shipping_option=priced.chosen.id,
            payment_method=request.payment_method,
            locale=request.locale,
            placed_at=utc_now(),
        )
        return await self._orders.take(placed, request, priced.cart)

    async def _priced(
        self, request: PreviewRequest | NewOrder, subject: str, order_id: UUID | None
    ) -> Priced:
        address = request.shipping_address
        rules, region = await self._rules(address)
        cart = await self._neighbours.cart(request.cart_id, subject)
        ids = [line.product_id for line in cart.lines]
        products, available = await _together(self._neighbours.products(ids), self._neighbours.available(ids))
        wanted = _wanted(cart, products)
        currency = wanted[0].unit_price.currency
        promoted, coupon, options = await _together(
            self._neighbours.promotions(wanted),
            self._neighbours.coupon(request.coupon, subject, wanted, order_id),
            self._neighbours.options(address.country, address.postal_code, wanted, currency),
        )
        chosen = _chosen(options, request.shipping_option)
        return Priced(
            cart=CartRef(request.cart_id, cart.etag),
            figures=figures(wanted, _discounts(promoted, coupon), chosen.price, rules, region),
            chosen=chosen,
            options=options,
            coupon=coupon,
            shortages=_shortages(wanted, available),
            availability_known=available is not None,
        )

    async def _rules(self, address: Address) -> tuple[TaxRules, str]:
        rules = await self._taxes.rules(address.country)
        if rules is None:
            detail = f"nothing is sold to {address.country}: no tax is known for it"
            raise Problem(422, detail, type=NOT_DELIVERABLE)
        try:
            return rules, region_of(rules, address.region)
        except RegionUnknown as error:
            detail = f"shipping_address.region: {error}"
            raise Problem(422, detail, type=REGION_UNKNOWN, regions=error.expected) from None


def _wanted(cart: Cart, products: Mapping[UUID, Product]) -> list[Wanted]:
    """Raises Problem 409 `not-sold`, naming the products."""
    sold = {id: product for id, product in products.items() if product.active}
    currencies = [sold[line.product_id].price.currency for line in cart.lines if line.product_id in sold]
    gone = [
        str(line.product_id)
        for line in cart.lines
        if line.product_id not in sold or sold[line.product_id].price.currency != currencies[0]
    ]
    if gone:
        detail = "some of what is in the cart is not sold any more: take out what `products` names"
        raise Problem(409, detail, type=NOT_SOLD, products=gone)
    return [_as_wanted(sold[line.product_id], line.quantity) for line in cart.lines]


def _as_wanted(product: Product, quantity: int) -> Wanted:
    return Wanted(
        product_id=product.id,
        sku=product.sku,
        title=product.title,
        category=product.category,
        weight_grams=product.weight_grams,
        unit_price=product.price,
        quantity=quantity,
    )


def _discounts(promoted: Discounts, coupon: Coupon | None) -> dict[UUID, int]:
    """Of both together, by product."""
    off: dict[UUID, int] = {}
    for each in [*promoted.discounts, *(coupon.discounts.discounts if coupon else [])]:
        off[each.product_id] = off.get(each.product_id, 0) + each.discount.amount
    return off


def _chosen(options: Sequence[QuotedOption], wanted: str | None) -> QuotedOption:
    """The one that was asked for, else the cheapest. Raises Problem 422 `not-deliverable`."""
    for option in options:
        if wanted in (None, option.id):
            return option
    expected = ", ".join(option.id for option in options)
    detail = f"shipping_option: expected one of {expected} for this address and cart, found {wanted}"
    raise Problem(422, detail, type=NOT_DELIVERABLE)


def _shortages(wanted: Sequence[Wanted], available: Mapping[UUID, int] | None) -> list[Shortage]:
    if available is None:
        return []
    there = [(each, available.get(each.product_id, 0)) for each in wanted]
    return [
        Shortage(product_id=each.product_id, wanted=each.quantity, available=count)
        for each, count in there
        if count < each.quantity
    ]


async def _together(*questions: Coroutine[Any, Any, Any]) -> list[Any]:
    """The answers, once all are there; the first failure ends the others and is raised itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(question) for question in questions]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
