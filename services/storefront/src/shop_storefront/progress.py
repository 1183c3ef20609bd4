"""What an order's page says of it, and what may be done with it: pure functions of the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from shop_contracts.logistics.api import Shipment
from shop_contracts.order_processing.api import Order, OrderState
from shop_contracts.order_taking.api import OrderLine

RETURN_DAYS = 30
"""After delivery; order-processing has the last word."""

_CANCELLABLE = frozenset(
    {
        OrderState.PLACED,
        OrderState.RESERVED,
        OrderState.ACTION_REQUIRED,
        OrderState.AUTHORISED,
        OrderState.ALLOCATED,
        OrderState.PAID,
        OrderState.CONFIRMED,
    }
)
_STEPS = (
    ("placed", OrderState.PLACED),
    ("paid", OrderState.CONFIRMED),
    ("shipped", OrderState.SHIPPED),
    ("delivered", OrderState.DELIVERED),
)
_ENDED = frozenset({OrderState.CANCELLING, OrderState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the way to the door."""

    name: str
    at: datetime | None
    """Since when it is reached; None: not yet."""
    next: bool = False
    """It is what the order waits for."""


def steps(order: Order) -> list[Step]:
    """The way to the door; none for an order that will not get there."""
    if order.state in _ENDED:
        return []
    reached = {each.state: each.at for each in order.history}
    found: list[Step] = []
    for name, state in _STEPS:
        at = reached.get(state)
        before = found[-1].at is not None if found else True
        found.append(Step(name, at, next=at is None and before))
    return found


def taken(now: datetime) -> list[Step]:
    """The way of an order that only this shop's door has heard of so far."""
    first, *others = (name for name, _ in _STEPS)
    return [Step(first, now), *(Step(name, None, next=name == others[0]) for name in others)]


def cancellable(order: Order) -> bool:
    """Whether a wish to cancel it makes sense."""
    return order.state in _CANCELLABLE and order.cancellation is None


@dataclass(frozen=True, slots=True)
class Returnable:
    """Pieces that can still be sent back."""

    line: OrderLine
    quantity: int


def returnable(order: Order, now: datetime) -> list[Returnable]:
    """What can be sent back now; nothing before it is delivered, or too long after that."""
    delivered = [each.at for each in order.history if each.state is OrderState.DELIVERED]
    if order.state is not OrderState.DELIVERED or not delivered:
        return []
    if now > max(delivered) + timedelta(days=RETURN_DAYS):
        return []
    back = returned_pieces(order)
    left = [(line, line.quantity - back.get(line.product_id, 0)) for line in order.lines]
    return [Returnable(line, quantity) for line, quantity in left if quantity > 0]


def returned_pieces(order: Order) -> dict[UUID, int]:
    """By product: what is on its way back, or here."""
    found: dict[UUID, int] = {}
    for each in order.returns:
        if each.state == "refused":
            continue
        for line in each.lines:
            found[line.product_id] = found.get(line.product_id, 0) + line.quantity
    return found


def mark(order: Order, shipment: Shipment | None) -> str:
    """Another one whenever the page would show something else."""
    shown: Sequence[object] = (
        order.updated_at.isoformat(),
        order.state,
        order.action_url,
        order.invoice,
        [(each.id, each.state, each.label_url) for each in order.returns],
        None if shipment is None else (shipment.state, len(shipment.events)),
    )
    return blake2b(repr(shown).encode(), digest_size=8).hexdigest()
