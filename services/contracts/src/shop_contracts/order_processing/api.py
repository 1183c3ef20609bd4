"""Bodies of order-processing's HTTP API.

| route | does |
|---|---|
| `GET /orders` | the caller's own orders, newest first |
| `GET /orders/{order_id}` | one of them; 404 until `order.placed` has come, moments after it was accepted |
| `GET /orders/{order_id}/invoice` | its invoice as a page, once it is paid |
| `POST /orders/{order_id}:cancel` | wishes it cancelled; 409 `already-dispatched` when it is on its way |
| `POST /orders/{order_id}/returns` | announces a return, with an `Idempotency-Key` |
| `GET /admin/orders`, `GET /admin/orders/{order_id}`, `POST /admin/orders/{order_id}:cancel` | anybody's |
| `GET /admin/sagas` | by state, kind or order, or only those that are stuck |
| `GET /admin/sagas/{saga_id}` | one with its log |
| `POST /admin/sagas/{saga_id}:retry` | tries its step again now |
| `POST /admin/sagas/{saga_id}:compensate` | turns it around; 409 `after-pivot` when it is too late for that |

Admin routes need the scope `order-processing:admin`, all others `shop` or `guest`.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.address import Address
from shop_contracts.logistics.api import State as ShipmentState
from shop_contracts.money import Money
from shop_contracts.order_taking.api import Figures
from shop_contracts.payment.api import State as PaymentState

ALREADY_DISPATCHED = "already-dispatched"
"""Too late to cancel: the parcel has left. It can be returned."""
AFTER_PIVOT = "after-pivot"
"""What would have to be undone cannot be: the money may have been taken. Cancel the order instead."""
ENDED = "ended"
"""The saga is over; there is nothing to try again or to turn around."""
NOT_RETURNABLE = "not-returnable"
"""The order, the time or the quantity does not allow this return; the detail says which."""


Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text, without control characters."""


class OrderState(StrEnum):
    """How far an order is. `SETTLED` are those in which it rests until something new happens."""

    PLACED = "placed"
    """Accepted; stock is being reserved."""
    RESERVED = "reserved"
    """Its stock is held."""
    ACTION_REQUIRED = "action_required"
    """The shopper has to confirm the payment at `action_url`."""
    AUTHORISED = "authorised"
    """The amount is set aside, not taken."""
    ALLOCATED = "allocated"
    """A carrier will take the parcel; its stock is made its own for good, then the amount is taken."""
    PAID = "paid"
    """The amount is taken."""
    CONFIRMED = "confirmed"
    """Paid and invoiced; it is packed and waits for its carrier."""
    SHIPPED = "shipped"
    """On its way."""
    DELIVERED = "delivered"
    """With the shopper."""
    CANCELLING = "cancelling"
    """What was done for it is being undone."""
    CANCELLED = "cancelled"
    """Undone: nothing is reserved, and nothing of the shopper's money is kept."""
    RETURNED = "returned"
    """Every piece has come back and is refunded."""


SETTLED = frozenset(
    {
        OrderState.CONFIRMED,
        OrderState.SHIPPED,
        OrderState.DELIVERED,
        OrderState.CANCELLED,
        OrderState.RETURNED,
    }
)
"""No step is under way: payment, stock and shipment agree. Every order comes to one of these."""

ReturnState = Literal["requested", "labelled", "received", "refunded", "refused"]
ReturnReason = Literal["unwanted", "wrong_item", "damaged", "other"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Request(BaseModel):
    """A body that a caller sends; an unknown field is a mistake of the caller."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PaymentSummary(_Answer):
    """What is known of an order's payment; payment has the whole of it."""

    state: PaymentState
    captured: Money
    refunded: Money
    reason: str | None = None
    """Why it was declined."""


class ShipmentSummary(_Answer):
    """What is known of an order's shipment; logistics has the whole of it."""

    state: ShipmentState
    carrier: str = ""
    tracking_number: str = ""
    estimated: date | None = None
    """The day on which it should be there at the latest."""


class StateChange(_Answer):
    """Since when an order was in a state."""

    state: OrderState
    at: AwareDatetime
    reason: str | None = None


class Cancellation(_Answer):
    """A wish to cancel, and what came of it."""

    requested_at: AwareDatetime
    reason: str
    refused: str | None = None
    """Why it could not be granted; None while that is open, or when it was."""


class ReturnLine(_Request):
    """So many pieces of one product."""

    product_id: UUID
    quantity: Annotated[int, Field(ge=1, le=1_000_000, examples=[1])]


class ReturnRequest(_Request):
    """What the shopper sends back."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "lines": [{"product_id": "018f6d2e-6f00-7cc0-8000-1f6a2d0c0001", "quantity": 1}],
                "reason": "unwanted",
            }
        }
    )

    lines: list[ReturnLine] = Field(min_length=1, max_length=100)
    reason: ReturnReason = "unwanted"
    """What is damaged, or came back for another reason than the first two, is not sold again."""


class ReturnedLine(_Answer):
    """So many pieces of one product, and what is refunded for them."""

    product_id: UUID
    quantity: int
    amount: Money


class Return(_Answer):
    """Pieces on their way back, and their refund."""

    id: UUID
    state: ReturnState
    lines: list[ReturnedLine]
    reason: ReturnReason
    amount: Money
    """What is refunded once they have come: all lines together, without the shipping of the order."""
    label_url: str | None = None
    """To be put on the parcel; None until the carrier has made it."""
    requested_at: AwareDatetime
    received_at: AwareDatetime | None = None
    refused: str | None = None
    """Why there is no refund."""


class Order(Figures):
    """The whole of an order, as its owner sees it."""

    id: UUID
    subject: str
    """Of the token with which it was placed; empty once the person's data were erased."""
    email: str
    state: OrderState
    reason: str | None = None
    """Why it was cancelled: what a neighbour said (`out-of-stock`, `declined`, …), or a person."""
    coupon: str | None = None
    shipping_address: Address
    billing_address: Address
    shipping_option: str
    locale: str = "en"
    placed_at: AwareDatetime
    updated_at: AwareDatetime
    payment: PaymentSummary | None = None
    action_url: str | None = None
    """Where the shopper confirms the payment; only while the state is `action_required`."""
    shipment: ShipmentSummary | None = None
    cancellation: Cancellation | None = None
    returns: list[Return] = Field(default=[])
    history: list[StateChange]
    """Oldest first."""
    invoice: str | None = None
    """Number of the invoice; None until there is one."""


class OrderPage(_Answer):
    """Newest first."""

    items: list[Order]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


class Cancel(_Request):
    """Why an order is to be cancelled."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "ordered twice"}})

    reason: Line = "changed my mind"


SagaKind = Literal["order", "shipping", "cancellation", "undelivered", "restock", "return"]
"""`order`: from the reservation to the invoice. `shipping`: out of the warehouse. `cancellation`: of an order
that is paid. `undelivered`: refunds what the carrier could not deliver; `restock`: when it came back.
`return`: from label to refund."""
SagaState = Literal["open", "done", "undone"]
"""`undone`: turned around, and all that may have happened is undone."""
Direction = Literal["forward", "back"]
StepOutcome = Literal["begun", "done", "refused", "pending", "unknown", "turned", "retried", "lost"]
"""`unknown`: whether it happened cannot be said, so it is tried again. `turned`: its time was over, or
somebody wished it cancelled. `lost`: the worker vanished, another took over."""


class Saga(_Answer):
    """How one piece of work with an order stands."""

    id: UUID
    kind: SagaKind
    order_id: UUID
    about: UUID
    """The order; of a return, the return."""
    state: SagaState
    step: str
    """Where it stands, or ended."""
    direction: Direction
    attempts: int
    """Of this step in this direction."""
    failures: int
    """Of those, unknown ones since the last answer."""
    waiting: bool
    """For an event or a date, not for a neighbour that fails."""
    stuck: bool
    """It needs a person: more failures or more time than its step should take."""
    reason: str | None = None
    """What the last refusal or failure said."""
    next_at: AwareDatetime | None = None
    """When its step is tried next, unless an event comes before; None when it has ended."""
    since: AwareDatetime
    """In this step."""
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None


class SagaPage(_Answer):
    """Newest first."""

    items: list[Saga]
    next: str | None = None


class SagaLogEntry(_Answer):
    """One transition."""

    at: AwareDatetime
    step: str
    direction: Direction
    outcome: StepOutcome
    attempt: int
    reason: str | None = None
    worker: str
    """The pod."""


class SagaDetail(Saga):
    """A saga with all that happened to it."""

    log: list[SagaLogEntry]
    """Oldest first; of very many the newest 200."""


class Decision(_Request):
    """Why an administrator steps in."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "the carrier is out of business"}})

    reason: Line = "by an administrator"
