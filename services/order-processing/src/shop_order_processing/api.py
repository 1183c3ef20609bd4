"""The API of shoppers, guests included: their own orders, and nobody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Response
from fastapi.responses import HTMLResponse
from shop_chassis.auth import Principal, require_any
from shop_chassis.idempotency import Key
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import StoreDep, provided
from shop_chassis.tables import new_id
from shop_contracts.order_processing.api import Cancel, Order, OrderPage, ReturnRequest

from shop_order_processing.case import Case, NotPossible, cancel, request_return
from shop_order_processing.invoices import page
from shop_order_processing.store import Orders, Unknown
from shop_order_processing.tables import keys

router = APIRouter(tags=["orders"], responses=documented(401, 403, 503))
OrdersDep = Annotated[Orders, provided(Orders)]
Shopper = Annotated[Principal, require_any("shop", "guest")]
Reason = Annotated[Cancel, Body(default_factory=Cancel)]


@contextmanager
def explained() -> Iterator[None]:
    """Refusals of the domain as problems."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except NotPossible as error:
        raise Problem(409, str(error), type=error.type) from error


@router.get("/orders")
async def list_orders(orders: OrdersDep, user: Shopper, limit: Limit = 20, after: After = None) -> OrderPage:
    """The caller's orders, newest first."""
    return await orders.page(subject=user.subject, limit=limit, after=after)


@router.get("/orders/{order_id}", responses=documented(404))
async def read_order(orders: OrdersDep, user: Shopper, order_id: UUID) -> Order:
    """One of the caller's orders, with payment, shipment, returns and history."""
    with explained():
        return await orders.mine(order_id, user.subject)


@router.get(
    "/orders/{order_id}/invoice",
    response_class=HTMLResponse,
    responses={200: {"content": {"text/html": {}}}, **documented(404)},
)
async def read_invoice(orders: OrdersDep, user: Shopper, order_id: UUID) -> HTMLResponse:
    """The invoice, as a page to print; an order has one once it is paid."""
    with explained():
        return invoice_page(*await orders.invoice(order_id, user.subject))


def invoice_page(order: Order, issued_at: Any) -> HTMLResponse:
    """It holds no script and asks for nothing."""
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Cache-Control": "private, no-cache",
    }
    return HTMLResponse(page(order, issued_at), headers=headers)


@router.post("/orders/{order_id}:cancel", status_code=202, responses=documented(404, 409))
async def cancel_order(
    orders: OrdersDep, store: StoreDep, user: Shopper, order_id: UUID, wish: Reason
) -> Order:
    """Wishes an order cancelled; the order's state tells what comes of it. May be repeated."""
    with explained():
        return await cancelled(orders, store, order_id, wish.reason, user.subject)


async def cancelled(orders: Orders, store: Any, id: UUID, reason: str, subject: str | None) -> Order:
    """The order after the wish. Raises Unknown, NotPossible."""
    async with store.transaction() as session:
        changed = await orders.change(
            session, id, lambda case, now: cancel(case, reason, now), subject=subject
        )
    return changed.order()


@router.post("/orders/{order_id}/returns", status_code=201, responses=documented(404, 409))
async def return_pieces(
    orders: OrdersDep, store: StoreDep, user: Shopper, order_id: UUID, wanted: ReturnRequest, key: Key
) -> Any:
    """Announces a return of delivered pieces; the order then shows its label, and later its refund."""
    mine = {"key": key, "subject": user.subject, "route": f"POST /orders/{order_id}/returns"}
    with explained():
        async with store.transaction() as session:
            answer = await keys.begin(session, **mine, body=wanted)
            if answer is not None:
                return answer.response()
            make = partial(_returned, id=new_id(), wanted=wanted)
            changed = (await orders.change(session, order_id, make, subject=user.subject)).order()
            await keys.finish(session, **mine, status=201, body=changed)
    return Response(changed.model_dump_json(), 201, media_type="application/json")


def _returned(case: Case, now: Any, *, id: UUID, wanted: ReturnRequest) -> Any:
    return request_return(case, id, wanted, now)
