"""What order-processing asks for; every request may be repeated."""

from uuid import UUID

from fastapi import APIRouter, Response
from shop_chassis.identity import internal
from shop_chassis.problems import documented
from shop_contracts.logistics.api import Return, ReturnRequest, Shipment, ShipmentRequest

from shop_logistics.api import Parcels
from shop_logistics.problems import explained

router = APIRouter(
    prefix="/internal/shipments",
    tags=["internal"],
    dependencies=[internal("order-processing"), explained],
    responses=documented(401, 403, 503),
)


@router.put("/{order_id}", responses={201: {"description": "It is new"}, **documented(409)})
async def allocate(
    shipments: Parcels, order_id: UUID, wanted: ShipmentRequest, response: Response
) -> Shipment:
    """The cheapest carrier that can. 409 `not-deliverable`, `cancelled`, `different-request`."""
    shipment, created = await shipments.allocate(order_id, wanted)
    response.status_code = 201 if created else 200
    return shipment


@router.get("/{order_id}", responses=documented(404))
async def read_shipment(shipments: Parcels, order_id: UUID) -> Shipment:
    """How it stands."""
    return await shipments.read(order_id)


@router.post("/{order_id}:dispatch", responses=documented(404, 409))
async def dispatch(shipments: Parcels, order_id: UUID) -> Shipment:
    """It is handed to the carrier. 409 `illegal-state` once it is cancelled."""
    return await shipments.dispatch(order_id)


@router.delete("/{order_id}", responses=documented(409))
async def cancel(shipments: Parcels, order_id: UUID) -> Shipment:
    """It is not sent; one that is not known yet never will be. 409 `already-dispatched`."""
    return await shipments.cancel(order_id)


@router.put(
    "/{order_id}/returns/{return_id}", responses={201: {"description": "It is new"}, **documented(404, 409)}
)
async def take_back(
    shipments: Parcels, order_id: UUID, return_id: UUID, wanted: ReturnRequest, response: Response
) -> Return:
    """A label for a parcel back. 409: `not-delivered`, `different-request`."""
    back, created = await shipments.take_back(order_id, return_id, wanted)
    response.status_code = 201 if created else 200
    return back
