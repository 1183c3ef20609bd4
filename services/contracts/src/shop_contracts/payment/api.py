"""Payment's HTTP API.

| route | does |
|---|---|
| `PUT /internal/payments/{order_id}` | authorises once; the same body again gives the payment as it is now |
| `POST /internal/payments/{order_id}:capture` | takes all that is authorised |
| `POST /internal/payments/{order_id}:void` | gives up the hold; an order not known yet never gets one |
| `PUT /internal/payments/{order_id}/refunds/{refund_id}` | gives part or all of it back, once per refund id |
| `GET /internal/payments/{order_id}` | the payment; a pending one is asked for at the gateway first |
| `POST /webhooks/{gateway}` | what the gateway tells by itself, signed |
| `GET /admin/payments`, `GET /admin/payments/{order_id}` | of all orders, with what was tried |
| `GET /admin/ledger/balances`, `GET /admin/ledger/entries` | accounts, and what moved them |

Answers to internal callers: a decline is a state, not an error. 409 and 422 are final. 503
`gateway-unavailable` means that the gateway's answer is not known: the same request again finds it out, and
nothing is ever done twice. Void of a declined payment is no error: nothing is held. A payment that was voided
before it was known has the amount 0 in XXX, ISO 4217's name for no currency.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shop_contracts.money import Currency, Money

State = Literal[
    "pending",
    "action_required",
    "authorised",
    "declined",
    "captured",
    "voided",
    "partially_refunded",
    "refunded",
]
"""`pending`: the gateway's answer is not known yet; it will be. `action_required`: the shopper has to go to
`action_url` (3-D Secure) and an event tells what came of it."""

STATES: tuple[State, ...] = get_args(State)

Reason = Literal[
    "declined",
    "insufficient_funds",
    "expired_card",
    "unknown_method",
    "authentication_failed",
    "authentication_expired",
    "no_answer",
]
"""Why a payment is declined, as far as the gateway says. A reader takes an unknown one as `declined`."""

RefundState = Literal["pending", "done", "refused"]

NO_CURRENCY = "XXX"

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


def _positive(amount: Money) -> Money:
    if amount.amount <= 0:
        raise ValueError("expected an amount above 0")
    return amount


Positive = Annotated[Money, AfterValidator(_positive)]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(frozen=True, json_schema_extra={"example": values})


def _strict(**values: Any) -> ConfigDict:
    return _example(**values) | ConfigDict(extra="forbid")


class AuthorisePayment(BaseModel):
    """What is to be held for an order."""

    model_config = _strict(
        amount={"amount": 5900, "currency": "EUR"},
        method="tok_visa",
        customer="0193a3c4-7c1e-7000-8000-000000000001",
        description="Order 0193a3c4",
        tax={"amount": 942, "currency": "EUR"},
        shipping={"amount": 490, "currency": "EUR"},
    )

    amount: Positive
    """All of it, tax and shipping included."""
    method: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$", examples=["tok_visa"])
    """The gateway's token of a payment method; never a card number."""
    gateway: str | None = Field(default=None, max_length=32, pattern=r"^[a-z][a-z0-9-]*$", examples=["test"])
    """None: the one that the service is set up with."""
    customer: str = Field(max_length=128)
    """Subject of the order."""
    description: str = Field(default="", max_length=200)
    tax: Money | None = None
    """Of the amount; for the ledger."""
    shipping: Money | None = None
    """Of the amount; for the ledger. What is neither tax nor shipping is sales."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        parts = [part for part in (self.tax, self.shipping) if part is not None]
        if any(part.currency != self.amount.currency or part.amount < 0 for part in parts):
            raise ValueError(f"tax and shipping: expected amounts from 0 in {self.amount.currency}")
        if sum(part.amount for part in parts) > self.amount.amount:
            raise ValueError("tax and shipping: expected at most the amount together")
        return self


class RefundPayment(BaseModel):
    """What is to be given back."""

    model_config = _strict(amount={"amount": 1900, "currency": "EUR"}, reason="returned")

    amount: Positive
    reason: str = Field(default="", max_length=200)


class Refund(BaseModel):
    """One refund of a payment."""

    model_config = _example(
        id="0193a3c4-7c1e-7000-8000-000000000002",
        amount={"amount": 1900, "currency": "EUR"},
        reason="returned",
        state="done",
    )

    id: str
    amount: Money
    reason: str = ""
    state: RefundState


_PAYMENT: dict[str, Any] = {
    "order_id": "0193a3c4-7c1e-7000-8000-000000000003",
    "state": "captured",
    "amount": {"amount": 5900, "currency": "EUR"},
    "captured": {"amount": 5900, "currency": "EUR"},
    "refunded": {"amount": 0, "currency": "EUR"},
    "reason": None,
    "action_url": None,
    "gateway": "test",
    "refunds": [],
}


class Payment(BaseModel):
    """The payment of one order."""

    model_config = _example(**_PAYMENT)

    order_id: str
    state: State
    amount: Money
    """Authorised, or to be."""
    captured: Money
    refunded: Money
    """Done by the gateway; never above `captured`."""
    reason: str | None = None
    """Of a declined one: see `Reason`."""
    action_url: str | None = None
    """Where the shopper has to go, while `action_required`."""
    gateway: str
    refunds: list[Refund] = []


class Attempt(BaseModel):
    """Something that was asked of the gateway, recorded before it was."""

    model_config = _example(
        kind="capture",
        key="0193a3c4-7c1e-7000-8000-000000000003:capture",
        state="done",
        amount={"amount": 5900, "currency": "EUR"},
        tries=1,
        error=None,
        started_at="2026-11-21T12:00:00Z",
        updated_at="2026-11-21T12:00:01Z",
    )

    kind: Literal["authorise", "capture", "void", "refund"]
    key: str
    """The idempotency key that the gateway gets, always the same for the same thing."""
    state: Literal["open", "done", "refused"]
    """`open`: the gateway's answer is not known; it is asked again."""
    amount: Money
    tries: int
    error: str | None = None
    """What came of the last try, while it is open or refused."""
    started_at: AwareDatetime
    updated_at: AwareDatetime


class PaymentDetails(Payment):
    """A payment as administrators see it."""

    model_config = _example(
        **_PAYMENT,
        customer="0193a3c4-7c1e-7000-8000-000000000001",
        description="Order 0193a3c4",
        charge="ch_0193a3c4",
        created_at="2026-11-21T12:00:00Z",
        updated_at="2026-11-21T12:00:01Z",
        attempts=[],
    )

    customer: str
    description: str
    charge: str | None = None
    """The gateway's name of it."""
    created_at: AwareDatetime
    updated_at: AwareDatetime
    attempts: list[Attempt] = []


class PaymentPage(BaseModel):
    """A part of the list, newest first."""

    model_config = _example(items=[_PAYMENT], next=None)

    items: list[Payment]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


class Balance(BaseModel):
    """Of one account in one currency."""

    model_config = _example(account="gateway:test", currency="EUR", amount=5900, entries=1)

    account: str
    """`gateway:<name>` (asset), `customers` (owed to them), `sales`, `tax`, `shipping`, `fees`, `refunds`."""
    currency: Currency
    amount: int
    """In minor units; debits count positive, credits negative."""
    entries: int


class Balances(BaseModel):
    """Of every account; per currency they sum to zero."""

    items: list[Balance]


class Entry(BaseModel):
    """One side of a transaction of the ledger."""

    model_config = _example(
        id=1,
        posting="0193a3c4-7c1e-7000-8000-000000000004",
        order_id="0193a3c4-7c1e-7000-8000-000000000003",
        kind="receipt",
        key="",
        account="gateway:test",
        amount={"amount": 5900, "currency": "EUR"},
        at="2026-11-21T12:00:01Z",
    )

    id: int
    posting: str
    """Of the transaction: the entries that have it sum to zero."""
    order_id: str
    kind: str
    key: str
    """Tells transactions of the same kind apart: the refund's id."""
    account: str
    amount: Money
    """Positive for a debit, negative for a credit."""
    at: AwareDatetime


class EntryPage(BaseModel):
    """A part of the ledger, oldest first."""

    items: list[Entry]
    next: str | None = None
