"""The API of administrators: everything needs the scope `warehouse:admin`."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from shop_chassis.auth import Principal, require
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.idempotency import Key
from shop_chassis.paging import After, Limit
from shop_chassis.problems import documented
from shop_chassis.runtime import StoreDep, provided
from shop_contracts.warehouse import api

from shop_warehouse.api import InventoryDep
from shop_warehouse.internal import ReservationsDep
from shop_warehouse.refusals import explained
from shop_warehouse.replenishments import Replenishments
from shop_warehouse.tables import keys
from shop_warehouse.takes import StockTakes

SCOPE = "warehouse:admin"

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)
Admin = Annotated[Principal, require(SCOPE)]
ReplenishmentsDep = Annotated[Replenishments, provided(Replenishments)]
StockTakesDep = Annotated[StockTakes, provided(StockTakes)]
_NEW: dict[int | str, dict[str, Any]] = {201: {"description": "It is new"}}


@router.get("/warehouses")
async def list_warehouses(inventory: InventoryDep) -> api.WarehouseList:
    """All warehouses, by code."""
    return await inventory.warehouses()


@router.put("/warehouses/{code}", responses={**_NEW, **documented(412, 428)})
async def put_warehouse(
    inventory: InventoryDep,
    code: api.WarehouseCode,
    new: api.NewWarehouse,
    response: Response,
    if_match: IfMatch = None,
) -> api.Warehouse:
    """Creates a warehouse, or changes it if it is still as the caller knows it."""
    warehouse, created = await inventory.put_warehouse(code, new, partial(check_match, if_match))
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(warehouse.version)
    return warehouse


@router.get("/stock")
async def list_stock(
    inventory: InventoryDep,
    warehouse: api.WarehouseCode | None = None,
    product_id: UUID | None = None,
    low: Annotated[bool, Query(description="Only what is below its reorder point")] = False,
    short: Annotated[bool, Query(description="Only where less is there than is reserved")] = False,
    limit: Limit = 20,
    after: After = None,
) -> api.StockPage:
    """What is where."""
    return await inventory.page(
        warehouse=warehouse, product=product_id, low=low, short=short, limit=limit, after=after
    )


@router.get("/stock:audit")
async def audit(inventory: InventoryDep) -> api.Audit:
    """Where the movements do not add up to what is on hand, or the reservations to what is reserved."""
    return await inventory.audit()


@router.get("/stock/{warehouse}/{product_id}", responses=documented(404))
async def read_stock(inventory: InventoryDep, warehouse: api.WarehouseCode, product_id: UUID) -> api.Stock:
    """A product in a warehouse."""
    with explained():
        return await inventory.stock(warehouse, product_id)


@router.put("/stock/{warehouse}/{product_id}", responses={**_NEW, **documented(404)})
async def put_stock(
    inventory: InventoryDep,
    warehouse: api.WarehouseCode,
    product_id: UUID,
    initial: api.InitialStock,
    response: Response,
) -> api.Stock:
    """What is there at first. Stock that is known already stays as it is, whatever is said here."""
    with explained():
        stock, created = await inventory.put_stock(warehouse, product_id, initial)
    response.status_code = 201 if created else 200
    return stock


@router.put("/stock/{warehouse}/{product_id}/reordering", responses=documented(404))
async def put_reordering(
    inventory: InventoryDep, warehouse: api.WarehouseCode, product_id: UUID, reordering: api.Reordering
) -> api.Stock:
    """When more is ordered, and how much; at once, where too little is left."""
    with explained():
        return await inventory.reorder(warehouse, product_id, reordering)


@router.get("/movements")
async def list_movements(
    inventory: InventoryDep,
    warehouse: api.WarehouseCode | None = None,
    product_id: UUID | None = None,
    reference: Annotated[
        api.Line | None, Query(max_length=40, description="Id of an order, return, …")
    ] = None,
    limit: Limit = 20,
    after: After = None,
) -> api.MovementPage:
    """What came and left, newest first."""
    return await inventory.movements(
        warehouse=warehouse, product=product_id, reference=reference, limit=limit, after=after
    )


@router.get("/reservations")
async def list_reservations(
    reservations: ReservationsDep, state: api.State | None = None, limit: Limit = 20, after: After = None
) -> api.ReservationPage:
    """What orders hold or held, newest first."""
    return await reservations.page(state=state, limit=limit, after=after)


@router.get("/replenishments")
async def list_replenishments(
    replenishments: ReplenishmentsDep,
    state: api.ReplenishmentState | None = None,
    warehouse: api.WarehouseCode | None = None,
    product_id: UUID | None = None,
    limit: Limit = 20,
    after: After = None,
) -> api.ReplenishmentPage:
    """What was ordered from suppliers, newest first."""
    return await replenishments.page(
        state=state, warehouse=warehouse, product=product_id, limit=limit, after=after
    )


@router.post(
    "/replenishments", status_code=201, response_model=api.Replenishment, responses=documented(404, 409)
)
async def order_replenishment(
    store: StoreDep, replenishments: ReplenishmentsDep, admin: Admin, new: api.NewReplenishment, key: Key
) -> api.Replenishment | Response:
    """Orders by hand, unless an order is open for that product and warehouse."""
    mine = {"key": key, "subject": admin.subject, "route": "POST /admin/replenishments"}
    async with store.transaction() as session:
        if (answer := await keys.begin(session, **mine, body=new)) is not None:
            return answer.response()
        with explained():
            made = await replenishments.order(session, new)
        await keys.finish(session, **mine, status=201, body=made)
    return made


@router.get("/replenishments/{id}", responses=documented(404))
async def read_replenishment(replenishments: ReplenishmentsDep, id: UUID) -> api.Replenishment:
    """One order to a supplier."""
    with explained():
        return await replenishments.get(id)


@router.post("/replenishments/{id}:receive", responses=documented(404, 409))
async def receive_replenishment(
    replenishments: ReplenishmentsDep, id: UUID, receipt: api.Receipt
) -> api.Replenishment:
    """The goods have come. The same again changes nothing."""
    with explained():
        return await replenishments.receive(id, receipt.quantity)


@router.post("/replenishments/{id}:cancel", responses=documented(404, 409))
async def cancel_replenishment(replenishments: ReplenishmentsDep, id: UUID) -> api.Replenishment:
    """Nothing will come. The next change that leaves too little orders again."""
    with explained():
        return await replenishments.cancel(id)


@router.get("/stock-takes")
async def list_stock_takes(
    takes: StockTakesDep, warehouse: api.WarehouseCode | None = None, limit: Limit = 20, after: After = None
) -> api.StockTakePage:
    """Counts and what they came to, newest first."""
    return await takes.page(warehouse=warehouse, limit=limit, after=after)


@router.post("/stock-takes", status_code=201, response_model=api.StockTake, responses=documented(404, 409))
async def record_stock_take(
    store: StoreDep, takes: StockTakesDep, admin: Admin, new: api.NewStockTake, key: Key
) -> api.StockTake | Response:
    """What was counted is what is there. What is reserved stays so; `short` says what of it is not there."""
    mine = {"key": key, "subject": admin.subject, "route": "POST /admin/stock-takes"}
    async with store.transaction() as session:
        if (answer := await keys.begin(session, **mine, body=new)) is not None:
            return answer.response()
        with explained():
            made = await takes.record(session, new)
        await keys.finish(session, **mine, status=201, body=made)
    return made


@router.get("/stock-takes/{id}", responses=documented(404))
async def read_stock_take(takes: StockTakesDep, id: UUID) -> api.StockTake:
    """One count."""
    with explained():
        return await takes.get(id)
