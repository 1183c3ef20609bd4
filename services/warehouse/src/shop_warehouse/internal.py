"""What order-processing asks for. Every request may be repeated and may come late."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from shop_chassis.identity import internal
from shop_chassis.problems import documented
from shop_chassis.runtime import provided
from shop_contracts.warehouse.api import Reservation, ReservationRequest, Return, ReturnRequest

from shop_warehouse.refusals import explained
from shop_warehouse.reservations import Reservations
from shop_warehouse.returns import Returns

router = APIRouter(
    prefix="/internal",
    tags=["internal"],
    dependencies=[internal("order-processing")],
    responses=documented(401, 403, 503),
)
ReservationsDep = Annotated[Reservations, provided(Reservations)]
ReturnsDep = Annotated[Returns, provided(Returns)]


@router.put("/reservations/{order_id}", responses={201: {"description": "It is new"}, **documented(409)})
async def hold(
    reservations: ReservationsDep, order_id: UUID, request: ReservationRequest, response: Response
) -> Reservation:
    """Holds all that an order wants, or nothing. The same again answers how it stands."""
    with explained():
        reservation, created = await reservations.hold(order_id, request)
    response.status_code = 201 if created else 200
    return reservation


@router.get("/reservations/{order_id}", responses=documented(404))
async def read_reservation(reservations: ReservationsDep, order_id: UUID) -> Reservation:
    """How it stands."""
    with explained():
        return await reservations.get(order_id)


@router.post("/reservations/{order_id}:commit", responses=documented(404, 409))
async def commit(reservations: ReservationsDep, order_id: UUID) -> Reservation:
    """It does not expire any more. A hold that has lapsed is taken again, from where there is stock now."""
    with explained():
        return await reservations.act(order_id, "commit")


@router.post("/reservations/{order_id}:ship", responses=documented(404, 409))
async def ship(reservations: ReservationsDep, order_id: UUID) -> Reservation:
    """What was committed leaves."""
    with explained():
        return await reservations.act(order_id, "ship")


@router.delete("/reservations/{order_id}", responses=documented(409))
async def release(reservations: ReservationsDep, order_id: UUID) -> Reservation:
    """Gives it back. An order that is not known yet will be refused when it comes."""
    with explained():
        return await reservations.act(order_id, "release")


@router.put("/returns/{return_id}", responses={201: {"description": "It is new"}, **documented(404, 409)})
async def receive_return(
    returns: ReturnsDep, return_id: UUID, request: ReturnRequest, response: Response
) -> Return:
    """Goods of an order have come back, to be sold again or written off. The same again changes nothing."""
    with explained():
        received, created = await returns.receive(return_id, request)
    response.status_code = 201 if created else 200
    return received
