"""What anybody may ask, and what shoppers may ask of their own shipments."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from shop_chassis.auth import Principal, require_any
from shop_chassis.limits import limited
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_chassis.tables import utc_now
from shop_contracts.logistics.api import NOT_DELIVERABLE, MyShipment, QuoteRequest, Quotes

from shop_logistics import labels
from shop_logistics.parcels import Labels
from shop_logistics.problems import explained
from shop_logistics.shipments import Shipments
from shop_logistics.tariffs import Tariffs

router = APIRouter(tags=["shipments"], dependencies=[explained])

TariffTable = Annotated[Tariffs, provided(Tariffs)]
Parcels = Annotated[Shipments, provided(Shipments)]
Printer = Annotated[Labels, provided(Labels)]
Shopper = Annotated[Principal, require_any("shop", "guest")]


@router.post("/quotes", dependencies=[limited(per_minute=600, burst=100)], responses=documented(422, 429))
async def quote(tariffs: TariffTable, wanted: QuoteRequest) -> Quotes:
    """How it can be sent and what that costs, cheapest first; changes nothing, so it may be repeated."""
    options = await tariffs.quotes(wanted, utc_now().date())
    if not options:
        detail = f"no carrier takes that to {wanted.country} {wanted.postal_code} for {wanted.currency}"
        raise Problem(422, detail, type=NOT_DELIVERABLE)
    return Quotes(options=options)


@router.get("/shipments/{order_id}", responses=documented(401, 403, 404, 503))
async def read_my_shipment(shipments: Parcels, shopper: Shopper, order_id: UUID) -> MyShipment:
    """Where a parcel of the shopper's is, and what of it comes back."""
    return await shipments.mine(order_id, shopper.subject)


@router.get(
    "/shipments/{order_id}/returns/{return_id}/label",
    response_class=Response,
    responses={200: {"content": {labels.MEDIA_TYPE: {}}}, **documented(401, 403, 404, 503)},
)
async def print_my_return_label(
    printer: Printer, shopper: Shopper, order_id: UUID, return_id: UUID
) -> Response:
    """What the shopper sticks on a parcel back."""
    label = await printer.of_return(order_id, return_id, shopper.subject)
    return Response(labels.draw(label), media_type=labels.MEDIA_TYPE)
