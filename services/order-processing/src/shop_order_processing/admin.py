"""The API of administrators: any order, and the sagas behind them. Needs `order-processing:admin`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from fastapi.responses import HTMLResponse
from shop_chassis.auth import Principal, require
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import StoreDep
from shop_contracts.order_processing.api import (
    AFTER_PIVOT,
    ENDED,
    Decision,
    Line,
    Order,
    OrderPage,
    OrderState,
    SagaDetail,
    SagaKind,
    SagaPage,
    SagaState,
)

from shop_order_processing.api import OrdersDep, Reason, cancelled, explained, invoice_page
from shop_order_processing.store import AfterPivot, Ended

SCOPE = "order-processing:admin"
router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)
Admin = Annotated[Principal, require(SCOPE)]
Why = Annotated[Decision, Body(default_factory=Decision)]


@router.get("/orders")
async def list_all_orders(
    orders: OrdersDep,
    state: OrderState | None = None,
    subject: Annotated[Line | None, Query(max_length=128, description="Whose")] = None,
    limit: Limit = 20,
    after: After = None,
) -> OrderPage:
    """Everybody's orders, newest first."""
    return await orders.page(subject=subject, state=state, limit=limit, after=after)


@router.get("/orders/{order_id}", responses=documented(404))
async def read_any_order(orders: OrdersDep, order_id: UUID) -> Order:
    """One order."""
    with explained():
        return await orders.mine(order_id, None)


@router.get(
    "/orders/{order_id}/invoice",
    response_class=HTMLResponse,
    responses={200: {"content": {"text/html": {}}}, **documented(404)},
)
async def read_any_invoice(orders: OrdersDep, order_id: UUID) -> HTMLResponse:
    """Its invoice."""
    with explained():
        return invoice_page(*await orders.invoice(order_id, None))


@router.post("/orders/{order_id}:cancel", status_code=202, responses=documented(404, 409))
async def cancel_any_order(orders: OrdersDep, store: StoreDep, order_id: UUID, wish: Reason) -> Order:
    """Wishes an order cancelled, as its shopper could."""
    with explained():
        return await cancelled(orders, store, order_id, wish.reason, None)


@router.get("/sagas")
async def list_sagas(
    orders: OrdersDep,
    state: SagaState | None = None,
    kind: SagaKind | None = None,
    order_id: UUID | None = None,
    stuck: Annotated[bool, Query(description="Only those that need a person")] = False,
    limit: Limit = 20,
    after: After = None,
) -> SagaPage:
    """Sagas, newest first."""
    return await orders.sagas(
        state=state, kind=kind, order_id=order_id, stuck=stuck, limit=limit, after=after
    )


@router.get("/sagas/{saga_id}", responses=documented(404))
async def read_saga(orders: OrdersDep, saga_id: UUID) -> SagaDetail:
    """One with all that happened to it."""
    with explained():
        return await orders.saga(saga_id)


@router.post("/sagas/{saga_id}:retry", status_code=202, responses=documented(404, 409))
async def retry_saga(orders: OrdersDep, user: Admin, saga_id: UUID, why: Why) -> SagaDetail:
    """Tries its step again now."""
    with _decided():
        await orders.retry(saga_id, why.reason, user.subject)
        return await orders.saga(saga_id)


@router.post("/sagas/{saga_id}:compensate", status_code=202, responses=documented(404, 409))
async def compensate_saga(orders: OrdersDep, user: Admin, saga_id: UUID, why: Why) -> SagaDetail:
    """Turns it around; past the pivot it is too late, and the order can be cancelled instead."""
    with _decided():
        await orders.compensate(saga_id, why.reason, user.subject)
        return await orders.saga(saga_id)


@contextmanager
def _decided() -> Iterator[None]:
    try:
        with explained():
            yield
    except Ended as error:
        raise Problem(409, str(error), type=ENDED) from error
    except AfterPivot as error:
        raise Problem(409, str(error), type=AFTER_PIVOT) from error
