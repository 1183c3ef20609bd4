"""Anybody's orders, with what payment and logistics know of them."""

from asyncio import gather
from typing import Annotated
from uuid import UUID

from fastapi import Response
from fastapi.responses import HTMLResponse
from shop_contracts.logistics.api import Shipment
from shop_contracts.order_processing.api import Cancel, Order, OrderPage, OrderState, SagaPage
from shop_contracts.payment.api import PaymentDetails

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.admin.desk import PAGE, desk, desk_of, done, may
from shop_storefront.visit import Visit, VisitDep

router = pages()
Orders = Annotated[Desk, desk("order-processing")]

CANCELLABLE = frozenset(OrderState) - {
    OrderState.SHIPPED,
    OrderState.DELIVERED,
    OrderState.CANCELLING,
    OrderState.CANCELLED,
    OrderState.RETURNED,
}
"""What its shopper could cancel, too."""

_INVOICE = "default-src 'none'; style-src 'unsafe-inline'"
"""As order-processing sends it: a page to print, with its style in it and nothing else."""


@router.get("/admin/orders")
async def list_orders(visit: VisitDep, orders: Orders) -> Response:
    """Newest first, of one state or one person if wished. An order's id leads to the order itself."""
    query = visit.request.query_params
    state, subject, after = query.get("state", ""), query.get("subject", "").strip(), query.get("after")
    if (id := as_id(query.get("id", ""))) is not None:
        return visit.to(f"/admin/orders/{id}")
    state = state if state in set(OrderState) else ""
    params = {"state": state, "subject": subject[:128], "after": after, "limit": PAGE}
    given = {name: value for name, value in params.items() if value}
    page = await orders.call("GET", "/admin/orders", params=given, into=OrderPage)
    return await visit.page(
        "pages/admin/orders/list.html",
        page=page,
        state=state,
        subject=subject,
        after=after,
        states=list(OrderState),
        sought=query.get("id", ""),
    )


@router.get("/admin/orders/{id}")
async def read_order(visit: VisitDep, orders: Orders, id: UUID) -> Response:
    """All that is known of one."""
    order, sagas, payment, shipment = await gather(
        orders.call("GET", "/admin/orders/{id}", path={"id": id}, into=Order),
        visit.site.parts.ask(
            "sagas", orders.call("GET", "/admin/sagas", params={"order_id": str(id)}, into=SagaPage)
        ),
        _payment(visit, id),
        _shipment(visit, id),
    )
    return await visit.page(
        "pages/admin/orders/order.html",
        order=order,
        sagas=sagas.value,
        payment=payment.value,
        shipment=shipment.value,
        cancellable=order.state in CANCELLABLE,
    )


@router.get("/admin/orders/{id}/invoice")
async def read_invoice(visit: VisitDep, orders: Orders, id: UUID) -> Response:
    """A page to print."""
    answer = await orders.send("GET", "/admin/orders/{id}/invoice", path={"id": id})
    return HTMLResponse(answer.text, headers={"Content-Security-Policy": _INVOICE})


@router.post("/admin/orders/{id}/cancel")
async def cancel(visit: VisitDep, orders: Orders, id: UUID) -> Response:
    """Wishes it cancelled, as its shopper could."""
    wish = visit.form.into(Cancel)
    if wish is None:
        await visit.notice(visit.say("A reason has one line."), "error")
        return visit.to(f"/admin/orders/{id}")
    work = orders.call(
        "POST", "/admin/orders/{id}:cancel", path={"id": id}, body=wish, into=Order, idempotent=True
    )
    return await done(visit, work, visit.say("The order is being cancelled."), f"/admin/orders/{id}")


async def _payment(visit: Visit, id: UUID) -> Part[PaymentDetails]:
    if not may(visit.session, "payment"):
        return Part()
    payment = await desk_of(visit, "payment")
    asked = payment.call("GET", "/admin/payments/{id}", path={"id": id}, into=PaymentDetails)
    return await visit.site.parts.ask("payment", asked)


async def _shipment(visit: Visit, id: UUID) -> Part[Shipment]:
    if not may(visit.session, "logistics"):
        return Part()
    logistics = await desk_of(visit, "logistics")
    asked = logistics.call("GET", "/admin/shipments/{id}", path={"id": id}, into=Shipment)
    return await visit.site.parts.ask("shipment", asked)


def as_id(text: str) -> UUID | None:
    """The id that somebody looks for."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
