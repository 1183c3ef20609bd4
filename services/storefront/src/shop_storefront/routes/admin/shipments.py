"""Shipments: where they are, and what an administrator says has happened to them."""

from typing import Annotated, get_args
from uuid import UUID

from fastapi import Response
from shop_contracts.logistics.api import Advance, Return, Shipment, ShipmentPage, State

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin.desk import PAGE, desk, done
from shop_storefront.routes.admin.orders import as_id
from shop_storefront.visit import Visit, VisitDep

router = pages()
Logistics = Annotated[Desk, desk("logistics")]

FOLLOWING: dict[State, tuple[State, ...]] = {
    "dispatched": ("in_transit", "delivered", "failed"),
    "in_transit": ("delivered", "failed"),
    "failed": ("in_transit", "delivered", "returning"),
    "returning": ("returned",),
}
"""What is offered after what; the order's saga dispatches. Whether it is possible logistics says."""


@router.get("/admin/shipments")
async def list_shipments(visit: VisitDep, logistics: Logistics) -> Response:
    """Newest first, of one state if wished."""
    query = visit.request.query_params
    if (id := as_id(query.get("id", ""))) is not None:
        return visit.to(f"/admin/shipments/{id}")
    state, after = query.get("state", ""), query.get("after")
    state = state if state in get_args(State) else ""
    given = {name: value for name, value in (("state", state), ("after", after)) if value}
    page = await logistics.call("GET", "/admin/shipments", params=given | {"limit": PAGE}, into=ShipmentPage)
    return await visit.page(
        "pages/admin/shipments/list.html",
        page=page,
        state=state,
        states=get_args(State),
        after=after,
        sought=query.get("id", ""),
    )


@router.get("/admin/shipments/{id}")
async def read_shipment(visit: VisitDep, logistics: Logistics, id: UUID) -> Response:
    """One with its way."""
    shipment = await logistics.call("GET", "/admin/shipments/{id}", path={"id": id}, into=Shipment)
    return await visit.page(
        "pages/admin/shipments/shipment.html",
        shipment=shipment,
        following=FOLLOWING.get(shipment.state, ()),
    )


@router.get("/admin/shipments/{id}/label")
async def read_label(visit: VisitDep, logistics: Logistics, id: UUID) -> Response:
    """What is stuck on the parcel."""
    answer = await logistics.send("GET", "/admin/shipments/{id}/label", path={"id": id})
    return Response(answer.content, media_type=answer.headers.get("Content-Type", "image/svg+xml"))


@router.post("/admin/shipments/{id}")
async def advance(visit: VisitDep, logistics: Logistics, id: UUID) -> Response:
    """Says what has happened to the parcel."""
    return await _advance(
        visit, logistics, "/admin/shipments/{id}:advance", id, Shipment, f"/admin/shipments/{id}"
    )


@router.post("/admin/returns/{id}")
async def advance_return(visit: VisitDep, logistics: Logistics, id: UUID) -> Response:
    """Says what has happened to a parcel that comes back: it is on its way, or here."""
    back = visit.next("/admin/orders")
    return await _advance(visit, logistics, "/admin/returns/{id}:advance", id, Return, back)


async def _advance(
    visit: Visit, logistics: Desk, route: str, id: UUID, into: type[Shipment] | type[Return], back: str
) -> Response:
    said = visit.form.into(Advance)
    if said is None:
        await visit.notice(visit.say("Expected what has happened, and where on one line."), "error")
        return visit.to(back)
    work = logistics.call("POST", route, path={"id": id}, body=said, into=into)
    return await done(visit, work, visit.say("Noted."), back)
