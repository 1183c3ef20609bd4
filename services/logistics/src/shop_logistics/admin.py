"""The API of administrators: everything needs the scope `logistics:admin`."""

from datetime import date
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.paging import After, Limit
from shop_chassis.problems import documented
from shop_chassis.runtime import provided
from shop_contracts.logistics.api import (
    Advance,
    Carrier,
    CarrierList,
    NewCarrier,
    NewZone,
    Return,
    Route,
    Shipment,
    ShipmentPage,
    Slug,
    State,
    Zone,
    ZoneList,
)

from shop_logistics import labels
from shop_logistics.api import Parcels, Printer, TariffTable
from shop_logistics.problems import explained
from shop_logistics.rounds import Rounds

SCOPE = "logistics:admin"
NEW: dict[int | str, dict[str, Any]] = {201: {"description": "It is new"}}

router = APIRouter(
    prefix="/admin",
    tags=["admin"],
    dependencies=[require(SCOPE), explained],
    responses=documented(401, 403, 503),
)
Planner = Annotated[Rounds, provided(Rounds)]


@router.get("/shipments")
async def list_shipments(
    shipments: Parcels, state: State | None = None, limit: Limit = 20, after: After = None
) -> ShipmentPage:
    """All, newest first."""
    return await shipments.page(state=state, limit=limit, after=after)


@router.get("/shipments/{order_id}", responses=documented(404))
async def read_shipment(shipments: Parcels, order_id: UUID) -> Shipment:
    """One, with its way."""
    return await shipments.read(order_id)


@router.post("/shipments/{order_id}:advance", responses=documented(404, 409))
async def advance(shipments: Parcels, order_id: UUID, said: Advance) -> Shipment:
    """Says what has happened; in the order that the README draws, otherwise 409 `illegal-state`."""
    return await shipments.move(order_id, said)


@router.get(
    "/shipments/{order_id}/label",
    response_class=Response,
    responses={200: {"content": {labels.MEDIA_TYPE: {}}}, **documented(404)},
)
async def print_label(printer: Printer, order_id: UUID) -> Response:
    """What is stuck on the parcel."""
    return Response(labels.draw(await printer.of_shipment(order_id)), media_type=labels.MEDIA_TYPE)


@router.post("/returns/{return_id}:advance", responses=documented(404, 409))
async def advance_return(shipments: Parcels, return_id: UUID, said: Advance) -> Return:
    """Says what has happened to a return: `in_transit`, then `delivered` when we have it."""
    return await shipments.move_return(return_id, said)


@router.get("/carriers")
async def list_carriers(tariffs: TariffTable) -> CarrierList:
    """All, with their rates."""
    return CarrierList(items=await tariffs.carriers())


@router.get("/carriers/{id}", responses=documented(404))
async def read_carrier(tariffs: TariffTable, id: Slug, response: Response) -> Carrier:
    """One, with its rates."""
    carrier = await tariffs.carrier(id)
    response.headers["ETag"] = etag(carrier.version)
    return carrier


@router.put("/carriers/{id}", responses=NEW | documented(409, 412, 428))
async def put_carrier(
    tariffs: TariffTable, id: Slug, new: NewCarrier, response: Response, if_match: IfMatch = None
) -> Carrier:
    """Creates a carrier, or replaces it and all its rates if it is still as the caller knows it.

    What is so already needs no `If-Match`: the same request may be repeated.
    """
    carrier, created = await tariffs.put_carrier(id, new, partial(check_match, if_match))
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(carrier.version)
    return carrier


@router.get("/zones")
async def list_zones(tariffs: TariffTable) -> ZoneList:
    """All, with their areas."""
    return ZoneList(items=await tariffs.zones())


@router.get("/zones/{id}", responses=documented(404))
async def read_zone(tariffs: TariffTable, id: Slug, response: Response) -> Zone:
    """One, with its areas."""
    zone = await tariffs.zone(id)
    response.headers["ETag"] = etag(zone.version)
    return zone


@router.put("/zones/{id}", responses=NEW | documented(409, 412, 428))
async def put_zone(
    tariffs: TariffTable, id: Slug, new: NewZone, response: Response, if_match: IfMatch = None
) -> Zone:
    """Creates a zone, or replaces its areas; as for carriers."""
    zone, created = await tariffs.put_zone(id, new, partial(check_match, if_match))
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(zone.version)
    return zone


@router.put("/routes/{zone}/{day}", responses=documented(404))
async def plan_route(rounds: Planner, zone: Slug, day: date) -> Route:
    """Plans the route of what was dispatched on that day and is not there yet, anew if there is one."""
    return await rounds.plan(zone, day)


@router.get("/routes/{zone}/{day}", responses=documented(404))
async def read_route(rounds: Planner, zone: Slug, day: date) -> Route:
    """The route as it was planned last."""
    return await rounds.read(zone, day)
