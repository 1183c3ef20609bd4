"""Sagas: which are stuck, what happened to one, and a person's two ways to help it on."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from fastapi import Response
from shop_contracts.order_processing.api import Decision, SagaDetail, SagaKind, SagaPage, SagaState

from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin.desk import PAGE, desk, done
from shop_storefront.visit import VisitDep

router = pages()
Orders = Annotated[Desk, desk("order-processing")]


@router.get("/admin/sagas")
async def list_sagas(visit: VisitDep, orders: Orders) -> Response:
    """Newest first, of one state or kind, or only those that need a person."""
    query = visit.request.query_params
    state, kind = query.get("state", ""), query.get("kind", "")
    only = {
        "state": state if state in get_args(SagaState) else "",
        "kind": kind if kind in get_args(SagaKind) else "",
        "stuck": "true" if query.get("stuck") else "",
    }
    params = only | {"after": query.get("after") or "", "limit": PAGE}
    given = {name: value for name, value in params.items() if value}
    page = await orders.call("GET", "/admin/sagas", params=given, into=SagaPage)
    return await visit.page(
        "pages/admin/sagas/list.html",
        page=page,
        only=only,
        after=query.get("after"),
        states=get_args(SagaState),
        kinds=get_args(SagaKind),
    )


@router.get("/admin/sagas/{id}")
async def read_saga(visit: VisitDep, orders: Orders, id: UUID) -> Response:
    """One with its log."""
    saga = await orders.call("GET", "/admin/sagas/{id}", path={"id": id}, into=SagaDetail)
    return await visit.page("pages/admin/sagas/saga.html", saga=saga)


@router.post("/admin/sagas/{id}/{deed}")
async def decide(visit: VisitDep, orders: Orders, id: UUID, deed: Literal["retry", "compensate"]) -> Response:
    """Has its step tried again now, or turns it around; why is in its log for good."""
    _ = visit.say
    why = visit.form.into(Decision)
    if why is None:
        await visit.notice(_("A reason has one line."), "error")
        return visit.to(f"/admin/sagas/{id}")
    work = orders.call("POST", f"/admin/sagas/{{id}}:{deed}", path={"id": id}, body=why, into=SagaDetail)
    said = _("Its step is tried again now.") if deed == "retry" else _("It turns around.")
    return await done(visit, work, said, f"/admin/sagas/{id}")
