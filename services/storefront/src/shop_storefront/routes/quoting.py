"""What every step of the checkout asks: what it comes to now, or where what is wrong can be put right."""

from typing import Any

from fastapi import Response
from shop_chassis.client import CallRefused
from shop_contracts.order_taking.api import (
    CART_EMPTY,
    NOT_DELIVERABLE,
    NOT_SOLD,
    OUT_OF_STOCK,
    REGION_UNKNOWN,
    TOTAL_CHANGED,
)

from shop_storefront.drafts import Draft
from shop_storefront.near import orders
from shop_storefront.near.orders import Quote
from shop_storefront.visit import Visit

PATHS = {
    "address": "/checkout",
    "delivery": "/checkout/delivery",
    "payment": "/checkout/payment",
    "review": "/checkout/review",
}


async def quoted(visit: Visit, draft: Draft) -> Quote | Response:
    """What it comes to; or, where cart or address are at fault, the way to them."""
    cart_id = await visit.site.carts.id_of(visit)
    if cart_id is None:
        return visit.to("/cart")
    try:
        return await orders.quote(visit, cart_id, draft)
    except CallRefused as error:
        way = await elsewhere(visit, error)
        if way is None:
            raise
        return way


async def elsewhere(visit: Visit, error: CallRefused) -> Response | None:
    """Where what is wrong can be put right; None where no page can."""
    _, problem = visit.say, error.problem
    paths: dict[Any, str] = {
        CART_EMPTY: "/cart",
        NOT_SOLD: "/cart",
        OUT_OF_STOCK: "/cart",
        NOT_DELIVERABLE: PATHS["address"],
        REGION_UNKNOWN: PATHS["address"],
        TOTAL_CHANGED: PATHS["review"],
    }
    path = paths.get(problem.get("type"))
    if path is None:
        return None
    texts = {
        NOT_DELIVERABLE: _("We cannot send this to that address."),
        REGION_UNKNOWN: _("Please name the state or province: %(all)s.")
        % {"all": ", ".join(map(str, problem.get("regions", [])))},
        NOT_SOLD: _("Something in your cart is not sold any more. Take it out to go on."),
    }
    if (text := texts.get(problem["type"])) is not None:
        await visit.notice(text, "error")
    return visit.to(path)
