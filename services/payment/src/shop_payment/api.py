"""The routes for order-processing."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from shop_chassis.identity import internal
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.payment.api import AuthorisePayment, Id, Payment, RefundPayment

from shop_payment.payments import (
    DifferentRequest,
    IllegalState,
    NotRefundable,
    Payments,
    Unavailable,
    Unknown,
    UnknownGateway,
)


async def explained() -> AsyncIterator[None]:
    """Turns what payments raise into answers."""
    try:
        yield
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except IllegalState as error:
        raise Problem(409, str(error), type="illegal-state", state=error.state) from error
    except DifferentRequest as error:
        raise Problem(409, str(error), type="different-request") from error
    except NotRefundable as error:
        raise Problem(409, str(error), type="not-refundable") from error
    except UnknownGateway as error:
        raise Problem(422, str(error), type="unknown-gateway") from error
    except Unavailable as error:
        detail = f"{error}; it is asked again, and so may you"
        raise Problem(503, detail, type="gateway-unavailable", headers={"Retry-After": "2"}) from error


router = APIRouter(
    prefix="/internal",
    tags=["internal"],
    dependencies=[internal("order-processing"), no_card_numbers(), Depends(explained)],
    responses=documented(401, 403, 409, 503),
)
Store = Annotated[Payments, provided(Payments)]


@router.put("/payments/{order_id}")
async def authorise(payments: Store, order_id: Id, wish: AuthorisePayment) -> Payment:
    """Holds an amount, once per order. Declined and pending are states, not errors."""
    return await payments.authorise(order_id, wish)


@router.get("/payments/{order_id}", responses=documented(404))
async def read(payments: Store, order_id: Id) -> Payment:
    """The payment; what is pending is asked for at the gateway."""
    return await payments.look(order_id)


@router.post("/payments/{order_id}:capture", responses=documented(404))
async def capture(payments: Store, order_id: Id) -> Payment:
    """Takes all that is held; again changes nothing."""
    return await payments.capture(order_id)


@router.post("/payments/{order_id}:void")
async def void(payments: Store, order_id: Id) -> Payment:
    """Gives up the hold; of an order that is not known, so that it can never be authorised."""
    return await payments.void(order_id)


@router.put(
    "/payments/{order_id}/refunds/{refund_id}",
    responses={202: {"model": Payment, "description": "The gateway has taken it on"}, **documented(404)},
)
async def refund(
    payments: Store, order_id: Id, refund_id: Id, wish: RefundPayment, response: Response
) -> Payment:
    """Gives part or all of it back, once per refund id; never more than was captured."""
    payment = await payments.refund(order_id, refund_id, wish)
    if any(made.id == refund_id and made.state == "pending" for made in payment.refunds):
        response.status_code = 202
    return payment
