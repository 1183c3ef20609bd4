"""The sagas, as data: what is asked of whom, in which order, and how it is undone.

Of a step that may have happened the undo is sent even if the step never arrived: the neighbour keeps a
tombstone, which refuses the step should it come late.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shop_chassis.client import CallRefused
from shop_contracts.catalog import promotions as catalog
from shop_contracts.logistics import api as logistics
from shop_contracts.money import Money
from shop_contracts.order_processing.api import OrderState, SagaKind
from shop_contracts.payment import api as payment
from shop_contracts.warehouse import api as warehouse

from shop_order_processing import case as cases
from shop_order_processing.calls import Call, Outcome, refused_by_type
from shop_order_processing.case import Case, Change
from shop_order_processing.machine import Kind, Step

HOLD_SECONDS = 900
"""Of the stock, until the order has it for good."""
ACTION_SECONDS = 600.0
"""For the shopper to confirm the payment, within the hold."""


# Coupon


def _has_coupon(case: Case, _about: UUID) -> bool:
    return case.placed.coupon is not None


def _here(_case: Case, _about: UUID) -> Outcome:
    """Nobody is asked: it is done already, or by what the step makes of the case."""
    return Outcome("done")


def _final_use(case: Case, _about: UUID) -> catalog.CouponUseRequest:
    return catalog.CouponUseRequest(code=str(case.placed.coupon), subject=case.placed.subject, final=True)


REDEEM = Call("catalog", "PUT", "/internal/coupon-uses/{order_id}", catalog.CouponUse, _final_use)
GIVE_BACK = Call("catalog", "DELETE", "/internal/coupon-uses/{order_id}", catalog.CouponUse)


# Stock


def _wanted(case: Case, _about: UUID) -> warehouse.ReservationRequest:
    lines = [
        warehouse.ReservationLine(product_id=line.product_id, quantity=line.quantity)
        for line in case.placed.lines
    ]
    country = case.placed.shipping_address.country
    return warehouse.ReservationRequest(lines=lines, country=country, hold_seconds=HOLD_SECONDS)


def _insisted(_case: Case, _about: UUID, error: CallRefused) -> Outcome:
    """The goods are here: a warehouse that does not take them is no reason to go back."""
    return Outcome("unknown", f"{error.callee}: {error.what}")


def _returned(case: Case, about: UUID) -> warehouse.ReturnRequest:
    if about == case.id:  # the whole parcel came back, because nobody took it
        goods = {line.product_id: line.quantity for line in case.placed.lines}
        resell = True
    else:
        back = case.return_(about)
        goods = {line.product_id: line.quantity for line in back.lines}
        resell = back.reason in ("unwanted", "wrong_item")
    lines = [
        warehouse.ReturnLine(product_id=product, quantity=quantity, resell=resell)
        for product, quantity in goods.items()
    ]
    return warehouse.ReturnRequest(order_id=case.id, lines=lines)


_RESERVATION = "/internal/reservations/{order_id}"
RESERVE = Call("warehouse", "PUT", _RESERVATION, warehouse.Reservation, _wanted)
RELEASE = Call("warehouse", "DELETE", _RESERVATION, warehouse.Reservation)
COMMIT = Call("warehouse", "POST", _RESERVATION + ":commit", warehouse.Reservation)
SHIP = Call("warehouse", "POST", _RESERVATION + ":ship", warehouse.Reservation)
RESTOCK = Call(
    "warehouse", "PUT", "/internal/returns/{return_id}", warehouse.Return, _returned, refused=_insisted
)


# Payment


def _costs(case: Case, _about: UUID) -> bool:
    return case.total.amount > 0


def _amount(case: Case, _about: UUID) -> payment.AuthorisePayment:
    return payment.AuthorisePayment(
        amount=case.total,
        method=case.placed.payment_method,
        customer=case.placed.subject,
        description=f"Order {case.id}",
        tax=case.placed.tax,
        shipping=case.placed.shipping,
    )


def _authorised(_case: Case, _about: UUID, said: payment.Payment) -> Outcome:
    match said.state:
        case "authorised" | "captured":
            return Outcome("done", fact=said)
        case "pending" | "action_required":
            return Outcome("pending", said.state, said)
        case _:
            return Outcome("refused", said.reason or said.state, said)


def _captured(_case: Case, _about: UUID, said: payment.Payment) -> Outcome:
    match said.state:
        case "captured" | "partially_refunded" | "refunded":
            return Outcome("done", fact=said)
        case "declined" | "voided":
            return Outcome("refused", said.reason or said.state, said)
        case _:
            return Outcome("pending", said.state, said)


def _ask_whether_captured(case: Case, about: UUID, error: CallRefused) -> Outcome | Call:
    """What is refused here may have happened before: the payment's state decides."""
    return ASK_CAPTURED if error.status == 409 else refused_by_type(case, about, error)


def _voided(_case: Case, _about: UUID, said: payment.Payment) -> Outcome | Call:
    match said.state:
        case "voided" | "declined" | "refunded":
            return Outcome("done", fact=said)
        case "captured" | "partially_refunded":
            return REFUND  # somebody has taken it all the same
        case _:
            return Outcome("unknown", f"the payment is {said.state}", said)


def _ask_whether_voided(case: Case, about: UUID, error: CallRefused) -> Outcome | Call:
    return ASK_VOIDED if error.status == 409 else refused_by_type(case, about, error)


def _to_refund(case: Case, about: UUID) -> Money:
    return case.total if about == case.id else case.return_(about).amount


def _refund(case: Case, about: UUID) -> payment.RefundPayment:
    return payment.RefundPayment(
        amount=_to_refund(case, about),
        reason="returned" if about != case.id else (case.reason or "cancelled")[:200],
    )


def _refunded(_case: Case, about: UUID, said: payment.Payment) -> Outcome:
    mine = next((refund for refund in said.refunds if refund.id == str(about)), None)
    match mine.state if mine else None:
        case "done":
            return Outcome("done", fact=said)
        case "pending":
            return Outcome("pending", "the gateway has not answered yet", said)
        case "refused":
            return Outcome("refused", "the gateway refuses the refund", said)
        case _:
            return Outcome("unknown", "the payment does not show this refund", said)


def _owed(case: Case, about: UUID) -> bool:
    return _to_refund(case, about).amount > 0


_PAYMENT = "/internal/payments/{order_id}"
AUTHORISE = Call("payment", "PUT", _PAYMENT, payment.Payment, _amount, _authorised)
ASK_AUTHORISED = Call("payment", "GET", _PAYMENT, payment.Payment, read=_authorised)
CAPTURE = Call(
    "payment", "POST", _PAYMENT + ":capture", payment.Payment, None, _captured, _ask_whether_captured
)
ASK_CAPTURED = Call("payment", "GET", _PAYMENT, payment.Payment, read=_captured)
VOID = Call("payment", "POST", _PAYMENT + ":void", payment.Payment, None, _voided, _ask_whether_voided)
ASK_VOIDED = Call("payment", "GET", _PAYMENT, payment.Payment, read=_voided)
REFUND = Call("payment", "PUT", _PAYMENT + "/refunds/{refund_id}", payment.Payment, _refund, _refunded)


# Shipment


def _parcel(case: Case, _about: UUID) -> logistics.ShipmentRequest:
    lines = [
        logistics.ShipmentLine(
            product_id=line.product_id,
            title=line.title,
            quantity=line.quantity,
            weight_grams=line.weight_grams,
        )
        for line in case.placed.lines
    ]
    return logistics.ShipmentRequest(
        option=case.placed.shipping_option,
        subject=case.placed.subject,
        address=case.placed.shipping_address,
        lines=lines,
        warehouse=case.warehouse,
        currency=case.total.currency,
    )


def _allocated(_case: Case, _about: UUID, said: logistics.Shipment) -> Outcome:
    if said.state == "cancelled":
        return Outcome("refused", "cancelled", said)
    return Outcome("done", fact=said)


def _dispatched(_case: Case, _about: UUID, said: logistics.Shipment) -> Outcome:
    match said.state:
        case "cancelled":
            return Outcome("refused", "cancelled", said)
        case "allocated":
            return Outcome("pending", "the carrier has not taken it yet", said)
        case _:
            return Outcome("done", fact=said)


def _back(case: Case, about: UUID) -> logistics.ReturnRequest:
    lines = [
        logistics.ReturnLine(product_id=line.product_id, quantity=line.quantity)
        for line in case.return_(about).lines
    ]
    return logistics.ReturnRequest(lines=lines)


def _received(case: Case, about: UUID) -> Outcome:
    if case.return_(about).received_at is None:
        return Outcome("pending", "the parcel is not here yet")
    return Outcome("done")


_SHIPMENT = "/internal/shipments/{order_id}"
ALLOCATE = Call("logistics", "PUT", _SHIPMENT, logistics.Shipment, _parcel, _allocated)
DEALLOCATE = Call("logistics", "DELETE", _SHIPMENT, logistics.Shipment)
DISPATCH = Call("logistics", "POST", _SHIPMENT + ":dispatch", logistics.Shipment, None, _dispatched)
LABEL = Call("logistics", "PUT", _SHIPMENT + "/returns/{return_id}", logistics.Return, _back)


# What an order becomes


def _into(state: OrderState) -> Callable[[Case, UUID, datetime], Change]:
    return lambda case, _about, now: Change(case.into(state, now))


def _cancelling(case: Case, _about: UUID, reason: str, now: datetime) -> Change:
    return Change(case.into(OrderState.CANCELLING, now, reason))


def _undelivered(case: Case, _about: UUID, now: datetime) -> Change:
    return cases.cancelled(case, cases.UNDELIVERED, now)


def _not_sent(case: Case, _about: UUID, reason: str, now: datetime) -> Change:
    return cases.not_sent(case, f"shipment {reason}", now)


ORDER = Kind(
    "order",
    "From the reservation to the invoice",
    (
        Step("coupon", None, GIVE_BACK, needed=_has_coupon),  # order-taking has taken it
        Step("reserve", RESERVE, RELEASE, done=_into(OrderState.RESERVED), patience=120),
        Step(
            "authorise",
            AUTHORISE,
            VOID,
            ask=ASK_AUTHORISED,
            needed=_costs,
            done=_into(OrderState.AUTHORISED),
            patience=ACTION_SECONDS,
        ),
        Step("allocate", ALLOCATE, DEALLOCATE, done=_into(OrderState.ALLOCATED), patience=120),
        Step("commit", COMMIT, patience=120),
        Step("capture", CAPTURE, needed=_costs, done=_into(OrderState.PAID), pivot=True),
        Step("confirm", _here, done=lambda case, _about, now: cases.confirm(case, now)),
        Step("redeem", REDEEM, needed=_has_coupon),
    ),
    turned=_cancelling,
    undone=lambda case, _about, reason, now: cases.cancelled(case, reason, now),
)

SHIPPING = Kind(
    "shipping",
    "Out of the warehouse, once there was time to pack",
    (Step("dispatch", DISPATCH, pivot=True), Step("ship", SHIP)),
    undone=_not_sent,
)

CANCELLATION = Kind(
    "cancellation",
    "Of a paid order, unless its parcel has left",
    (
        Step("deallocate", DEALLOCATE, pivot=True),
        Step("refund", REFUND, needed=_owed),
        Step("release", RELEASE),
        Step("coupon", GIVE_BACK, needed=_has_coupon),
    ),
    done=lambda case, _about, now: cases.cancelled(case, None, now),
    undone=lambda case, _about, reason, now: cases.cancellation_refused(case, reason, now),
)

UNDELIVERED = Kind(
    "undelivered",
    "The parcel comes back, because nobody could be given it: so does the money",
    (Step("refund", REFUND, needed=_owed), Step("close", _here)),
    done=_undelivered,
    turns=False,
)

HOMECOMING = Kind(
    "restock",
    "And here it is",
    (Step("ship", SHIP), Step("restock", RESTOCK)),  # it cannot come back before it has left
    turns=False,
)

RETURN = Kind(
    "return",
    "Pieces that the shopper sends back",
    (
        Step("label", LABEL, done=lambda case, about, now: cases.return_in(case, about, "labelled", now)),
        Step(
            "receive",
            _received,
            done=lambda case, about, now: cases.return_in(case, about, "received", now),
            patience=cases.RETURN_DAYS * 86_400.0,
            poll=86_400.0,
        ),
        Step("restock", RESTOCK, pivot=True),
        Step("refund", REFUND, needed=_owed),
    ),
    done=lambda case, about, now: cases.return_in(case, about, "refunded", now),
    undone=lambda case, about, reason, now: cases.return_in(case, about, "refused", now, reason),
)

KINDS: Mapping[SagaKind, Kind] = {
    kind.name: kind for kind in (ORDER, SHIPPING, CANCELLATION, UNDELIVERED, HOMECOMING, RETURN)
}


def kinds(pack_seconds: float) -> Mapping[SagaKind, Kind]:
    """All sagas, with so much time between an order's confirmation and its dispatch."""
    return {**KINDS, "shipping": replace(SHIPPING, delay=pack_seconds)}
