"""Stock by warehouse, what is ordered from suppliers, and what was counted."""

from asyncio import gather
from collections.abc import Mapping
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field
from shop_chassis.tables import new_id
from shop_contracts.warehouse.api import (
    MOST,
    Audit,
    Count,
    InitialStock,
    Line,
    MovementPage,
    NewReplenishment,
    NewStockTake,
    Quantity,
    Receipt,
    Reordering,
    Replenishment,
    ReplenishmentPage,
    ReplenishmentState,
    Stock,
    StockPage,
    StockTake,
    WarehouseList,
)

from shop_storefront.forms import Form
from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin.desk import PAGE, desk, done, names, saved
from shop_storefront.visit import Visit, VisitDep

router = pages()
Warehouse = Annotated[Desk, desk("warehouse")]
Code = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]

_STOCK = "/admin/stock/{warehouse}/{product_id}"
_MOVEMENTS = 20


class Counted(BaseModel):
    """What the form of a count has."""

    model_config = ConfigDict(frozen=True)

    counted: int = Field(ge=0, le=MOST)
    reason: Annotated[Line, Field(max_length=200)]
    key: UUID
    """Of the form, so that sent twice it counts once."""


class Ordered(BaseModel):
    """What the form of an order to the supplier has."""

    model_config = ConfigDict(frozen=True)

    quantity: Quantity
    key: UUID


class Where(BaseModel):
    """Where a product is to have stock that no warehouse knows yet."""

    model_config = ConfigDict(frozen=True)

    warehouse: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
    product_id: UUID
    on_hand: int = Field(default=0, ge=0, le=MOST)


@router.get("/admin/stock")
async def list_stock(visit: VisitDep, warehouse: Warehouse) -> Response:
    """What is where; only what is low or short, of one warehouse or product, if wished."""
    query = visit.request.query_params
    only = {name: query.get(name, "") for name in ("warehouse", "product_id", "low", "short")}
    params = _given(only | {"after": query.get("after"), "limit": PAGE})
    places, page, audit = await gather(
        warehouse.call("GET", "/admin/warehouses", into=WarehouseList),
        warehouse.call("GET", "/admin/stock", params=params, into=StockPage),
        visit.site.parts.ask("audit", warehouse.call("GET", "/admin/stock:audit", into=Audit), within=1.0),
    )
    return await visit.page(
        "pages/admin/stock/list.html",
        places=places.items,
        page=page,
        only=only,
        after=query.get("after"),
        audit=audit.value,
        names=await names(visit, (each.product_id for each in page.items)),
    )


@router.post("/admin/stock")
async def begin_stock(visit: VisitDep, warehouse: Warehouse) -> Response:
    """A warehouse has a product that it had not before; what it has already stays as it is."""
    where = visit.form.into(Where)
    if where is None:
        await visit.notice(visit.say("Expected a warehouse and how many pieces are there."), "error")
        return visit.to("/admin/stock", product_id=visit.form.get("product_id"))
    path = {"warehouse": where.warehouse, "product_id": where.product_id}
    work = warehouse.call("PUT", _STOCK, path=path, body=InitialStock(on_hand=where.on_hand), into=Stock)
    return await done(visit, work, visit.say("Saved."), f"/admin/stock/{where.warehouse}/{where.product_id}")


@router.get("/admin/stock/{code}/{product_id}")
async def read_stock(visit: VisitDep, warehouse: Warehouse, code: Code, product_id: UUID) -> Response:
    """One product in one warehouse."""
    return await _shown(visit, warehouse, code, product_id, Form())


@router.post("/admin/stock/{code}/{product_id}/reordering")
async def set_reordering(visit: VisitDep, warehouse: Warehouse, code: Code, product_id: UUID) -> Response:
    """When more is ordered, and how much."""
    form = visit.form
    wanted = form.into(Reordering)
    if wanted is None:
        return await _shown(visit, warehouse, code, product_id, form)
    path = {"warehouse": code, "product_id": product_id}
    work = warehouse.call("PUT", _STOCK + "/reordering", path=path, body=wanted, into=Stock)
    return await done(visit, work, visit.say("Saved."), f"/admin/stock/{code}/{product_id}")


@router.post("/admin/stock/{code}/{product_id}/count")
async def count(visit: VisitDep, warehouse: Warehouse, code: Code, product_id: UUID) -> Response:
    """What somebody counted is what is there; the difference becomes a movement."""
    _, form = visit.say, visit.form
    said = form.into(Counted)
    if said is not None:
        counts = [Count(product_id=product_id, counted=said.counted)]
        body = NewStockTake(warehouse=code, reason=said.reason, counts=counts)
        work = warehouse.call(
            "POST", "/admin/stock-takes", body=body, idempotency_key=str(said.key), into=StockTake
        )
        if take := await saved(visit, work, at="counted", otherwise=_("This count cannot be taken.")):
            difference = take.counts[0].difference
            await visit.notice(
                _("Noted: %(difference)+d against the books.") % {"difference": difference}
                if difference
                else _("Noted: it is as the books say.")
            )
            return visit.to(f"/admin/stock/{code}/{product_id}")
    return await _shown(visit, warehouse, code, product_id, form)


@router.post("/admin/stock/{code}/{product_id}/order")
async def order(visit: VisitDep, warehouse: Warehouse, code: Code, product_id: UUID) -> Response:
    """Orders more from the supplier, unless an order is under way."""
    _, form = visit.say, visit.form
    wanted = form.into(Ordered)
    if wanted is not None:
        body = NewReplenishment(warehouse=code, product_id=product_id, quantity=wanted.quantity)
        work = warehouse.call(
            "POST", "/admin/replenishments", body=body, idempotency_key=str(wanted.key), into=Replenishment
        )
        if await saved(visit, work, at="quantity", otherwise=_("This cannot be ordered.")):
            await visit.notice(_("It is ordered."))
            return visit.to(f"/admin/stock/{code}/{product_id}")
    return await _shown(visit, warehouse, code, product_id, form)


@router.get("/admin/replenishments")
async def list_replenishments(visit: VisitDep, warehouse: Warehouse) -> Response:
    """What was ordered from suppliers, newest first; open ones unless another state is wished."""
    query = visit.request.query_params
    state = query.get("state", "open")
    state = state if state in get_args(ReplenishmentState) else ""
    page = await warehouse.call(
        "GET",
        "/admin/replenishments",
        params=_given({"state": state, "after": query.get("after"), "limit": PAGE}),
        into=ReplenishmentPage,
    )
    return await visit.page(
        "pages/admin/stock/replenishments.html",
        page=page,
        state=state,
        states=get_args(ReplenishmentState),
        after=query.get("after"),
        names=await names(visit, (each.product_id for each in page.items)),
    )


@router.post("/admin/replenishments/{id}/receive")
async def receive(visit: VisitDep, warehouse: Warehouse, id: UUID) -> Response:
    """The goods have come; without a quantity all that was ordered."""
    receipt = visit.form.into(Receipt)
    if receipt is None:
        await visit.notice(visit.say("Expected how many pieces have come."), "error")
        return visit.to(visit.next("/admin/replenishments"))
    work = warehouse.call(
        "POST",
        "/admin/replenishments/{id}:receive",
        path={"id": id},
        body=receipt,
        into=Replenishment,
        idempotent=True,
    )
    return await done(visit, work, visit.say("It is in stock."), visit.next("/admin/replenishments"))


@router.post("/admin/replenishments/{id}/cancel")
async def cancel(visit: VisitDep, warehouse: Warehouse, id: UUID) -> Response:
    """Nothing will come."""
    path = {"id": id}
    work = warehouse.call(
        "POST", "/admin/replenishments/{id}:cancel", path=path, into=Replenishment, idempotent=True
    )
    return await done(visit, work, visit.say("It is cancelled."), visit.next("/admin/replenishments"))


async def _shown(visit: Visit, warehouse: Desk, code: str, product_id: UUID, form: Form) -> Response:
    path, one = (
        {"warehouse": code, "product_id": product_id},
        {"warehouse": code, "product_id": str(product_id)},
    )
    ask = visit.site.parts.ask
    stock, movements, orders, known = await gather(
        warehouse.call("GET", _STOCK, path=path, into=Stock),
        ask(
            "movements",
            warehouse.call("GET", "/admin/movements", params=one | {"limit": _MOVEMENTS}, into=MovementPage),
        ),
        ask(
            "replenishments",
            warehouse.call(
                "GET", "/admin/replenishments", params=one | {"state": "open"}, into=ReplenishmentPage
            ),
        ),
        names(visit, [product_id]),
    )
    status = 422 if form.errors else 200
    form.fill(
        reorder_point=stock.reorder_point,
        reorder_quantity=stock.reorder_quantity,
        quantity=stock.reorder_quantity,
        key=new_id(),
    )
    return await visit.page(
        "pages/admin/stock/stock.html",
        status=status,
        stock=stock,
        title=known.get(product_id, str(product_id)),
        movements=movements.value,
        open=orders.value.items if orders.value else [],
        form=form,
    )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
