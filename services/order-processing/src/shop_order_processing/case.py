"""An order and all that is known of it, and what can happen to it: values and pure functions.

A `Change` is what something makes of a case, with the work that it starts. What is told to others follows
from the difference between a case and the next one (`told`), so nothing can happen silently.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from shop_contracts.address import Address
from shop_contracts.logistics import api as logistics
from shop_contracts.money import Money, sum_of
from shop_contracts.order_processing import events
from shop_contracts.order_processing.api import (
    ALREADY_DISPATCHED,
    SETTLED,
    Cancellation,
    Order,
    OrderState,
    PaymentSummary,
    Return,
    ReturnedLine,
    ReturnRequest,
    ReturnState,
    SagaKind,
    ShipmentSummary,
    StateChange,
)
from shop_contracts.order_taking.events import OrderPlaced
from shop_contracts.payment.api import STATES as PAYMENT_STATES
from shop_contracts.payment.api import Payment
from shop_contracts.warehouse.api import Reservation

UNDELIVERED = "undelivered"
"""Reason of an order whose parcel came back, because nobody could be given it."""
RETURN_DAYS = 30
"""After delivery; and how long a return may take until its parcel is here."""

_SHIPMENT_STATES: tuple[logistics.State, ...] = (
    "allocated",
    "dispatched",
    "in_transit",
    "failed",
    "delivered",
    "returning",
    "returned",
    "cancelled",
)
_ON_ITS_WAY = frozenset({"dispatched", "in_transit", "failed", "delivered", "returning", "returned"})
_BEFORE_PAYMENT = frozenset(
    {
        OrderState.PLACED,
        OrderState.RESERVED,
        OrderState.ACTION_REQUIRED,
        OrderState.AUTHORISED,
        OrderState.ALLOCATED,
    }
)

B = TypeVar("B", Payment, PaymentSummary, logistics.Shipment, ShipmentSummary)


class NotPossible(Exception):  # noqa: N818 - the name says it
    """The order's state does not allow it; the message says why, `type` is the problem's."""

    def __init__(self, type: str, detail: str) -> None:
        super().__init__(detail)
        self.type = type


class Case(BaseModel):
    """An order as it is kept."""

    model_config = ConfigDict(frozen=True)

    placed: OrderPlaced
    state: OrderState = OrderState.PLACED
    reason: str | None = None
    payment: PaymentSummary | None = None
    action_url: str | None = None
    shipment: ShipmentSummary | None = None
    warehouse: str = ""
    """From which most of it comes."""
    cancellation: Cancellation | None = None
    returns: list[Return] = []
    history: list[StateChange] = []
    invoice: str | None = None
    updated_at: datetime
    erase: bool = False
    """The person's data are to go as soon as the order needs them no more."""

    @property
    def id(self) -> UUID:
        """Of the order."""
        return self.placed.order_id

    @property
    def total(self) -> Money:
        """What the shopper pays for all of it."""
        return self.placed.total

    def order(self) -> Order:
        """As its owner sees it."""
        kept = self.model_dump(exclude={"placed", "warehouse", "erase"})
        placed = self.placed.model_dump(exclude={"order_id", "payment_method"})
        return Order.model_validate({"id": self.id} | placed | kept)

    def return_(self, id: UUID) -> Return:
        """Raises LookupError."""
        for each in self.returns:
            if each.id == id:
                return each
        raise LookupError(f"order {self.id} has no return {id}")

    def into(self, state: OrderState, now: datetime, reason: str | None = None) -> "Case":
        """In another state since now; nothing changes when it is in that state."""
        if state is self.state:
            return self
        since = StateChange(state=state, at=now, reason=reason)
        url = self.action_url if state is OrderState.ACTION_REQUIRED else None
        return self.but(
            state=state,
            reason=reason or self.reason,
            action_url=url,
            history=[*self.history, since],
            updated_at=now,
        )

    def but(self, **changes: Any) -> "Case":
        """With other values."""
        return self.model_copy(update=changes)

    def with_return(self, id: UUID, **changes: Any) -> "Case":
        """With other values in one of its returns."""
        returns = [each.model_copy(update=changes) if each.id == id else each for each in self.returns]
        return self.but(returns=returns)

    def learn(self, fact: BaseModel | None, now: datetime) -> "Case":
        """Takes in what a neighbour said. Late and repeated news change nothing."""
        match fact:
            case Payment():
                return self._paid(fact, now)
            case logistics.Shipment():
                return self._sent(fact, now)
            case Reservation(lines=lines) if lines:
                return self.but(warehouse=max(lines, key=lambda line: line.quantity).warehouse)
            case logistics.Return(return_id=id, label_url=url):
                return self.with_return(id, label_url=url)
        return self

    def _paid(self, payment: Payment, now: datetime) -> "Case":
        if payment.amount.currency != self.total.currency:
            return self  # voided before it was known: there is no payment
        known = self.payment
        captured, refunded = payment.captured.amount, payment.refunded.amount
        if known is not None:
            captured, refunded = max(captured, known.captured.amount), max(refunded, known.refunded.amount)
        latest = _later(known, payment, PAYMENT_STATES)
        currency = self.total.currency
        summary = PaymentSummary(
            state=latest.state,
            captured=Money(amount=captured, currency=currency),
            refunded=Money(amount=refunded, currency=currency),
            reason=latest.reason,
        )
        changed = self.but(payment=summary)
        if summary.state == payment.state == "action_required" and self.state in (
            OrderState.RESERVED,
            OrderState.ACTION_REQUIRED,
        ):
            changed = changed.but(action_url=payment.action_url)
            return changed.into(OrderState.ACTION_REQUIRED, now).but(action_url=payment.action_url)
        return changed

    def _sent(self, shipment: logistics.Shipment, now: datetime) -> "Case":
        latest = _later(self.shipment, shipment, _SHIPMENT_STATES)
        summary = ShipmentSummary(
            state=latest.state,
            carrier=latest.carrier,
            tracking_number=latest.tracking_number,
            estimated=latest.estimated,
        )
        return self.but(shipment=summary).arrived(now)

    def arrived(self, now: datetime) -> "Case":
        """Once it is confirmed, an order is where its parcel is."""
        changed, parcel = self, self.shipment.state if self.shipment else ""
        if changed.state is OrderState.CONFIRMED and parcel in _ON_ITS_WAY:
            changed = changed.into(OrderState.SHIPPED, now)
        if changed.state is OrderState.SHIPPED and parcel == "delivered":
            changed = changed.into(OrderState.DELIVERED, now)
        return changed

    def forgotten(self) -> "Case":
        """Without what names a person. Lines, amounts, countries and the invoice stay: bookkeeping."""
        return self.but(
            placed=self.placed.model_copy(
                update={
                    "subject": "",
                    "email": "",
                    "payment_method": "erased",
                    "shipping_address": _nobody(self.placed.shipping_address),
                    "billing_address": _nobody(self.placed.billing_address),
                }
            ),
            erase=False,
        )

    @property
    def at_rest(self) -> bool:
        """Nothing will need the shopper's name or address any more."""
        return self.state in SETTLED - {OrderState.CONFIRMED, OrderState.SHIPPED} and not any(
            each.state in ("requested", "labelled", "received") for each in self.returns
        )


def _nobody(address: Address) -> Address:
    return Address(name="erased", line1="erased", city="erased", postal_code="", country=address.country)


def _later(known: Any, said: Any, order: tuple[str, ...]) -> Any:
    """Of two accounts the one that is further on: so news may come late, twice and in any order."""
    if known is None or order.index(said.state) >= order.index(known.state):
        return said
    return known


@dataclass(frozen=True)
class Start:
    """A saga to be begun, or begun anew if it was undone; one that is open or done stays as it is."""

    kind: SagaKind
    about: UUID


@dataclass(frozen=True)
class Change:
    """What something makes of a case."""

    case: Case
    starts: tuple[Start, ...] = ()
    wish: str | None = None
    """Why the saga `order` is to turn around, if it still can."""
    invoice: bool = False
    """It is to get its invoice."""
    news: bool = False
    """Sagas that wait are to ask again."""
    hurry: tuple[SagaKind, ...] = ()
    """Sagas that are not to wait for their time."""

    def then(self, make: "Callable[[Case], Change]") -> "Change":
        """Both, one after the other."""
        after = make(self.case)
        return replace(
            after,
            starts=self.starts + after.starts,
            wish=after.wish or self.wish,
            invoice=self.invoice or after.invoice,
            news=self.news or after.news,
            hurry=self.hurry + after.hurry,
        )


def place(placed: OrderPlaced, now: datetime) -> Change:
    """An order has come."""
    history = [StateChange(state=OrderState.PLACED, at=placed.placed_at)]
    return Change(
        Case(placed=placed, history=history, updated_at=now), starts=(Start("order", placed.order_id),)
    )


def cancel(case: Case, reason: str, now: datetime) -> Change:
    """Somebody wishes it cancelled; the same wish again changes nothing. Raises NotPossible."""
    if case.state in (OrderState.CANCELLING, OrderState.CANCELLED):
        return Change(case)
    if case.cancellation is not None and case.cancellation.refused is None:
        return Change(case)
    if case.cancellation is not None or case.state not in {
        *_BEFORE_PAYMENT,
        OrderState.PAID,
        OrderState.CONFIRMED,
    }:
        raise NotPossible(
            ALREADY_DISPATCHED, f"the order is {case.state}: it cannot be cancelled any more, but returned"
        )
    wished = case.but(cancellation=Cancellation(requested_at=now, reason=reason), updated_at=now)
    if case.state in _BEFORE_PAYMENT:
        return Change(wished, wish=reason)
    return confirmed_or_cancelled(wished, now)


def paid(case: Case, now: datetime) -> Change:
    """The amount is taken."""
    return Change(case.into(OrderState.PAID, now))


def confirm(case: Case, now: datetime) -> Change:
    """It is paid, gets its invoice, and is sent; or cancelled, if that was wished too late to prevent it."""
    return replace(confirmed_or_cancelled(case.into(OrderState.CONFIRMED, now), now), invoice=True)


def confirmed_or_cancelled(case: Case, now: datetime) -> Change:
    """What follows for an order that is paid; nothing yet while it is not confirmed."""
    if case.state is not OrderState.CONFIRMED:
        return Change(case)
    if case.cancellation is not None and case.cancellation.refused is None:
        return begin_cancellation(case, case.cancellation.reason, now)
    shipping = Change(case, starts=(Start("shipping", case.id),))
    return shipping.then(lambda found: followed(found, now))


def begin_cancellation(case: Case, reason: str, now: datetime) -> Change:
    """A paid order is to be undone: shipment, payment, stock."""
    if case.state is not OrderState.CONFIRMED:
        return Change(case)
    wish = case.cancellation or Cancellation(requested_at=now, reason=reason)
    cancelling = case.but(cancellation=wish).into(OrderState.CANCELLING, now, reason)
    return Change(cancelling, starts=(Start("cancellation", case.id),))


def not_sent(case: Case, reason: str, now: datetime) -> Change:
    """It is not to be sent after all, so a paid order is cancelled; unless its parcel has left meanwhile."""
    if case.shipment is not None and case.shipment.state in _ON_ITS_WAY:
        return Change(case, starts=(Start("shipping", case.id),), hurry=("shipping",))
    return begin_cancellation(case, reason, now)


def cancellation_refused(case: Case, reason: str, now: datetime) -> Change:
    """It goes on as if nobody had wished anything."""
    if case.state is not OrderState.CANCELLING or case.cancellation is None:
        return Change(case)
    refused = case.but(cancellation=case.cancellation.model_copy(update={"refused": reason}))
    going_on = Change(refused.into(OrderState.CONFIRMED, now).but(reason=None))
    shipping = replace(going_on, starts=(Start("shipping", case.id),), hurry=("shipping",))
    return shipping.then(lambda found: followed(found, now))


def cancelled(case: Case, reason: str | None, now: datetime) -> Change:
    """All is undone."""
    return Change(case.into(OrderState.CANCELLED, now, reason or case.reason), hurry=("shipping",))


def followed(case: Case, now: datetime) -> Change:
    """A paid order goes where its parcel goes; home again, if nobody could be given it."""
    after, parcel = case.arrived(now), case.shipment.state if case.shipment else ""
    starts: tuple[Start, ...] = ()
    if after.state is OrderState.SHIPPED and parcel in ("returning", "returned"):
        after = after.into(OrderState.CANCELLING, now, UNDELIVERED)
        starts = (Start("undelivered", case.id),)
    undelivered = after.reason == UNDELIVERED and after.state in (OrderState.CANCELLING, OrderState.CANCELLED)
    if undelivered and parcel == "returned":
        starts = (*starts, Start("restock", case.id))
    return Change(after, starts, hurry=("shipping",) if parcel in _ON_ITS_WAY else ())


def shipment_changed(case: Case, shipment: logistics.Shipment, now: datetime) -> Change:
    """News of the parcel."""
    return replace(followed(case.learn(shipment, now), now), news=True)


def payment_changed(case: Case, payment: Payment, now: datetime) -> Change:
    """News of the payment."""
    return Change(case.learn(payment, now), news=True)


def request_return(case: Case, id: UUID, request: ReturnRequest, now: datetime) -> Change:
    """The shopper sends something back; the same id again changes nothing. Raises NotPossible."""
    if any(each.id == id for each in case.returns):
        return Change(case)
    if case.state is not OrderState.DELIVERED:
        raise NotPossible("not-returnable", f"the order is {case.state}: what is not delivered cannot return")
    delivered = max(each.at for each in case.history if each.state is OrderState.DELIVERED)
    if now > delivered + timedelta(days=RETURN_DAYS):
        raise NotPossible("not-returnable", f"it was delivered more than {RETURN_DAYS} days ago")
    wanted: dict[UUID, int] = {}
    for line in request.lines:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    lines = [
        ReturnedLine(product_id=product, quantity=quantity, amount=refund_of(case, product, quantity))
        for product, quantity in wanted.items()
    ]
    made = Return(
        id=id,
        state="requested",
        lines=lines,
        reason=request.reason,
        amount=sum_of((line.amount for line in lines), case.total.currency),
        requested_at=now,
    )
    changed = case.but(returns=[*case.returns, made], updated_at=now)
    return Change(changed, starts=(Start("return", id),))


def refund_of(case: Case, product: UUID, quantity: int) -> Money:
    """What is refunded for so many more pieces. Raises NotPossible.

    All returns of a line together never exceed its total, and are exactly that when all its pieces are back.
    """
    ordered = next((line for line in case.placed.lines if line.product_id == product), None)
    if ordered is None:
        raise NotPossible("not-returnable", f"the order has no product {product}")
    before = [
        line
        for each in case.returns
        if each.state != "refused"
        for line in each.lines
        if line.product_id == product
    ]
    returned = sum(line.quantity for line in before)
    if returned + quantity > ordered.quantity:
        raise NotPossible(
            "not-returnable",
            f"{product}: at most {ordered.quantity - returned} can be returned, found {quantity}",
        )
    due = ordered.total.amount * (returned + quantity) // ordered.quantity
    refunded = sum(line.amount.amount for line in before)
    return Money(amount=max(0, due - refunded), currency=ordered.total.currency)


def return_received(case: Case, id: UUID, now: datetime) -> Change:
    """The parcel is here."""
    if not any(each.id == id and each.received_at is None for each in case.returns):
        return Change(case, news=True)
    return Change(case.with_return(id, received_at=now), news=True)


def return_in(case: Case, id: UUID, state: ReturnState, now: datetime, refused: str | None = None) -> Change:
    """A return is so far; with the last piece the order is returned."""
    changed = case.with_return(id, state=state, refused=refused).but(updated_at=now)
    back = sum(line.quantity for each in changed.returns if each.state == "refunded" for line in each.lines)
    if changed.state is OrderState.DELIVERED and back == sum(line.quantity for line in case.placed.lines):
        changed = changed.into(OrderState.RETURNED, now)
    return Change(changed)


_TYPES = {
    OrderState.ACTION_REQUIRED: events.ORDER_ACTION_REQUIRED,
    OrderState.CONFIRMED: events.ORDER_CONFIRMED,
    OrderState.SHIPPED: events.ORDER_SHIPPED,
    OrderState.DELIVERED: events.ORDER_DELIVERED,
}


def told(before: Case | None, after: Case) -> Iterable[tuple[str, events.OrderEvent]]:
    """The events that a change is: types and data, in their order."""
    order = after.order()
    known = len(before.history) if before else 0
    for place, since in enumerate(after.history[known:], known):
        again = any(since.state is earlier.state for earlier in after.history[:place])
        if since.state is OrderState.CANCELLED:
            reason = since.reason or ""
            yield events.ORDER_CANCELLED, events.OrderCancelled(order=order, reason=reason)
        elif since.state is not OrderState.RETURNED:  # each of its returns is told below
            kind = events.ORDER_CHANGED if again else _TYPES.get(since.state, events.ORDER_CHANGED)
            yield kind, events.OrderEvent(order=order)
    if before is None:
        return
    done = {each.id for each in before.returns if each.state == "refunded"}
    for each in after.returns:
        if each.state == "refunded" and each.id not in done:
            yield events.ORDER_RETURNED, events.OrderReturned(order=order, return_id=each.id)
    given_back = _refunded(after) - _refunded(before)
    if given_back > 0:
        amount = Money(amount=given_back, currency=after.total.currency)
        yield events.ORDER_REFUNDED, events.OrderRefunded(order=order, amount=amount)


def _refunded(case: Case) -> int:
    return case.payment.refunded.amount if case.payment else 0
