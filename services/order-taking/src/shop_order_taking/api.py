"""What shoppers ask for, users and guests alike."""

from typing import Annotated

from fastapi import APIRouter, Response
from shop_chassis.auth import Principal, require_any
from shop_chassis.idempotency import Key
from shop_chassis.limits import limited
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.order_taking.api import AcceptedOrder, NewOrder, Preview, PreviewRequest

from shop_order_taking.orders import KeyReused
from shop_order_taking.taking import Taking

router = APIRouter(
    tags=["orders"], dependencies=[no_card_numbers()], responses=documented(401, 403, 409, 422, 429, 503)
)

Orders = Annotated[Taking, provided(Taking)]
Shopper = Annotated[Principal, require_any("shop", "guest")]


@router.post("/orders:preview", dependencies=[limited(per_minute=300, burst=60)])
async def preview(orders: Orders, shopper: Shopper, request: PreviewRequest) -> Preview:
    """What an order would come to, and how it can be sent; changes nothing, so it may be repeated."""
    return await orders.preview(request, shopper.subject)


@router.post("/orders", status_code=202, dependencies=[limited(per_minute=120, burst=60)])
async def take_order(
    orders: Orders, shopper: Shopper, request: NewOrder, key: Key, response: Response
) -> AcceptedOrder:
    """Takes the order of what is in the cart, at the prices of now. The same key again is the same order."""
    try:
        taken, new = await orders.order(request, shopper.subject, key)
    except KeyReused:
        detail = "this Idempotency-Key came with another order before; make a new one for each order"
        raise Problem(422, detail, type="idempotency-key-reused") from None
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    return taken.order
