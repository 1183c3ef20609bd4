"""Orders: the list, one as it goes its way, its invoice; cancelling it and sending something back."""

from asyncio import gather
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from shop_chassis.client import CallRefused, NotAllowed, NotFound
from shop_chassis.tables import new_id
from shop_contracts.logistics.api import MyShipment
from shop_contracts.order_processing.api import Cancel, Order, ReturnLine, ReturnRequest

from shop_storefront import progress
from shop_storefront.drafts import just_placed
from shop_storefront.near import orders, payment
from shop_storefront.pages import pages
from shop_storefront.parts import FAILURES, Part
from shop_storefront.visit import SignInNeeded, Visit, VisitDep

router = pages()

REASONS = ("unwanted", "wrong_item", "damaged", "other")
_PRINTED = "default-src 'none'; style-src 'unsafe-inline'"
"""Of what others have drawn and people print: its own style, and nothing else; no script runs in it."""


@router.get("/orders")
async def list_orders(
    visit: VisitDep, after: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """The newest first; before them, what somebody ordered as a guest until they signed in."""
    page, before = await gather(
        orders.page(visit, after), visit.site.parts.ask("orders before", orders.page_before(visit))
    )
    earlier = before.value.items if before.value and not after else []
    return await visit.page("pages/orders/list.html", orders=page, earlier=earlier, after=after)


@router.get("/orders/{id}")
async def read_order(visit: VisitDep, id: UUID) -> Response:
    """How far it is; the page follows it."""
    try:
        order = await orders.order(visit, id)
    except NotFound:
        if not just_placed(visit, id):
            raise
        return visit.to("/checkout/thanks")
    status = await status_of(visit, id, order)
    return await visit.page("pages/orders/order.html", figures=order, **status)


@router.get("/orders/{id}/status")
async def read_status(visit: VisitDep, id: UUID, seen: Annotated[str, Query(max_length=40)] = "") -> Response:
    """The part of the page that changes; nothing while it is as it was `seen`."""
    if not visit.partial:
        return visit.to(f"/orders/{id}")
    try:
        status = await status_of(visit, id, await orders.order(visit, id))
    except (*FAILURES, SignInNeeded):  # what is shown stays, and is asked for again
        return Response(status_code=204)
    if status["mark"] == seen:
        return Response(status_code=204)
    return await visit.page("pages/orders/_status.html", news=True, **status)


async def status_of(visit: Visit, id: UUID, order: Order | None) -> dict[str, Any]:
    """What `_status.html` shows; None: order-processing has not heard of the order yet."""
    if order is None:
        return {"order_id": id, "order": None, "mark": "taken", "steps": progress.taken(datetime.now(UTC))}
    parcel: Part[MyShipment] = Part()
    if order.shipment is not None:
        parcel = await visit.site.parts.ask("shipment", orders.shipment(visit, id))
    return {
        "order_id": id,
        "order": order,
        "mark": progress.mark(order, parcel.value),
        "steps": progress.steps(order),
        "shipment": parcel.value,
        "bank": payment.page_of_bank(order.action_url),
        "cancellable": progress.cancellable(order),
        "returnable": progress.returnable(order, datetime.now(UTC)),
        "titles": {line.product_id: line.title for line in order.lines},
    }


@router.get("/orders/{id}/invoice")
async def read_invoice(visit: VisitDep, id: UUID) -> Response:
    """A page to print."""
    return Response(
        await orders.invoice(visit, id),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _PRINTED},
    )


@router.get("/orders/{id}/returns/{return_id}/label")
async def read_label(visit: VisitDep, id: UUID, return_id: UUID) -> Response:
    """To be put on a parcel back."""
    return Response(
        await orders.label(visit, id, return_id),
        media_type="image/svg+xml",
        headers={"Content-Security-Policy": _PRINTED},
    )


@router.post("/orders/{id}/cancel")
async def cancel_order(visit: VisitDep, id: UUID) -> Response:
    """A wish; the order says what comes of it."""
    _ = visit.say
    try:
        await orders.cancel(visit, id, visit.form.into(Cancel) or Cancel())
    except (NotAllowed, NotFound):
        raise
    except CallRefused as error:
        said = {"already-dispatched": _("It has left already. When it is with you, you can send it back.")}
        await visit.notice(
            said.get(str(error.problem.get("type"))) or _("This order cannot be cancelled any more."), "error"
        )
    else:
        await visit.notice(_("The order is being cancelled."))
    return visit.to(f"/orders/{id}")


@router.get("/orders/{id}/return")
async def show_return(visit: VisitDep, id: UUID) -> Response:
    """Which pieces are to go back, and why."""
    visit.form.fill(key=new_id())
    return await _return_page(visit, id)


@router.post("/orders/{id}/return")
async def return_pieces(visit: VisitDep, id: UUID) -> Response:
    """Announces them; with the form's key, so once."""
    form, _ = visit.form, visit.say
    order = await orders.order(visit, id)
    lines = [
        ReturnLine(product_id=each.line.product_id, quantity=quantity)
        for each in progress.returnable(order, datetime.now(UTC))
        if 0 < (quantity := _pieces(form.get(f"line.{each.line.product_id}"))) <= each.quantity
    ]
    key, reason = form.get("key")[:64], form.get("reason")
    if not lines or not key or reason not in REASONS:
        form.wrong("", _("Choose how many of which you want to send back, and why."))
        return await _return_page(visit, id, order, status=422)
    try:
        wanted = ReturnRequest.model_validate({"lines": lines, "reason": reason})
        await orders.send_back(visit, id, wanted, key)
    except (NotAllowed, NotFound):
        raise
    except CallRefused as error:
        form.refused("", error, _("This cannot be sent back."))
        return await _return_page(visit, id, order, status=409)
    await visit.notice(_("We expect your parcel. Its label is on this page in a moment."))
    return visit.to(f"/orders/{id}")


async def _return_page(visit: Visit, id: UUID, order: Order | None = None, *, status: int = 200) -> Response:
    order = order or await orders.order(visit, id)
    pieces = progress.returnable(order, datetime.now(UTC))
    if not pieces and status == 200:
        await visit.notice(visit.say("There is nothing in this order that can be sent back now."), "info")
        return visit.to(f"/orders/{id}")
    return await visit.page(
        "pages/orders/return.html",
        status=status,
        form=visit.form,
        order=order,
        pieces=pieces,
        reasons=REASONS,
        chosen=visit.form.get("reason") or REASONS[0],
    )


def _pieces(entered: str) -> int:
    return int(entered) if entered.isascii() and entered.isdigit() and len(entered) < 7 else 0
