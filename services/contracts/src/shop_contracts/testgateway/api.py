"""The test gateway's HTTP API.

| route | does |
|---|---|
| `POST /v1/methods` | a token for card data, of which brand, last four digits and expiry are kept |
| `POST /v1/charges` | holds an amount; `Idempotency-Key` needed, as in all that follows |
| `POST /v1/charges/{id}/capture`, `/void`, `/refunds` | takes it, gives the hold up, gives money back |
| `GET /v1/charges?reference=`, `GET /v1/charges/{id}` | what there is, oldest first |
| `GET /challenges/{id}`, `POST /challenges/{id}:complete?outcome=` | the page of 3-D Secure |
| `PUT /faults`, `GET /faults` | what goes wrong on purpose, and how often it did |

All but the challenges need `Authorization: Bearer <GATEWAY_KEY>`. 402 is a decline, and carries the charge
(`charge`); 409 `illegal-state` another refusal that is final; 422 `idempotency-key-reused` a key with another
body.

What happens to a charge is told to WEBHOOK_URL until it answers 2xx: a `WebhookEvent` with the header
`Gateway-Signature: t=<unix seconds>,v1=<hex>`, an HMAC-SHA256 with WEBHOOK_SECRET over `<t>.<body>`.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.money import Currency

SIGNATURE_HEADER = "Gateway-Signature"

Amount = Annotated[int, Field(gt=0, le=2**53, examples=[5900])]
"""In the currency's minor unit."""
Status = Literal["action_required", "authorised", "declined", "captured", "voided"]
DeclineReason = Literal[
    "declined", "insufficient_funds", "expired_card", "unknown_method", "authentication_failed"
]
Token = Annotated[str, Field(pattern=r"^tok_[A-Za-z0-9_]+$", max_length=64, examples=["tok_visa"])]

TOKENS: dict[str, DeclineReason | Literal["action_required"] | None] = {
    "tok_visa": None,
    "tok_mastercard": None,
    "tok_declined": "declined",
    "tok_insufficient": "insufficient_funds",
    "tok_expired": "expired_card",
    "tok_3ds": "action_required",
    "tok_unknown": "unknown_method",
}
"""Tokens that are there without being made, and what comes of them; None: all goes well."""


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(frozen=True, json_schema_extra={"example": values})


def _strict(**values: Any) -> ConfigDict:
    return _example(**values) | ConfigDict(extra="forbid")


class NewMethod(BaseModel):
    """Card data; it goes no further than this."""

    model_config = _strict(number="4242424242424242", exp_month=12, exp_year=2030, cvc="123") | ConfigDict(
        hide_input_in_errors=True
    )

    number: str = Field(pattern=r"^[0-9]{13,19}$", repr=False)
    """Checked by Luhn's digit. 4000000000000002 is declined, 4000000000009995 has insufficient funds,
    4000000000000069 has expired, 4000000000003220 asks for 3-D Secure; all others are good."""
    exp_month: int = Field(ge=1, le=12)
    exp_year: int = Field(ge=2000, le=2100)
    cvc: str = Field(pattern=r"^[0-9]{3,4}$", repr=False)


class Method(BaseModel):
    """A payment method, by its token."""

    model_config = _example(token="tok_0193a3c4", brand="visa", last4="4242", exp_month=12, exp_year=2030)

    token: Token
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class NewCharge(BaseModel):
    """An amount to be held."""

    model_config = _strict(
        amount=5900, currency="EUR", method="tok_visa", reference="0193a3c4-7c1e-7000-8000-000000000003"
    )

    amount: Amount
    currency: Currency
    method: str = Field(max_length=200, examples=["tok_visa"])
    reference: str = Field(min_length=1, max_length=64)
    """The order."""
    description: str = Field(default="", max_length=200)
    return_url: str | None = Field(default=None, max_length=500, pattern=r"^https?://")
    """Where the shopper goes after 3-D Secure."""


class NewRefund(BaseModel):
    """An amount to be given back."""

    model_config = _strict(amount=1900, reference="return-1")

    amount: Amount
    reference: str = Field(default="", max_length=64)


class Refund(BaseModel):
    """Money given back."""

    model_config = _example(
        id="re_0193a3c4",
        key="0193a3c4:refund:return-1",
        amount=1900,
        reference="return-1",
        at="2026-11-21T12:00:00Z",
    )

    id: str
    key: str
    """The idempotency key that it was made with."""
    amount: int
    reference: str
    at: AwareDatetime


_CHARGE: dict[str, Any] = {
    "id": "ch_0193a3c4",
    "key": "0193a3c4-7c1e-7000-8000-000000000003:authorise",
    "reference": "0193a3c4-7c1e-7000-8000-000000000003",
    "status": "captured",
    "amount": 5900,
    "currency": "EUR",
    "captured": 5900,
    "refunded": 1900,
    "fee": 83,
    "method": "tok_visa",
    "description": "",
    "reason": None,
    "action_url": None,
    "refunds": [],
    "created_at": "2026-11-21T12:00:00Z",
    "version": 3,
}


class Charge(BaseModel):
    """Everything about one charge, complete enough to check a shop by it."""

    model_config = _example(**_CHARGE)

    id: str
    key: str
    """The idempotency key that it was made with."""
    reference: str
    status: Status
    amount: int
    currency: Currency
    captured: int
    refunded: int
    fee: int
    """What the gateway keeps of what was captured."""
    method: str
    description: str = ""
    reason: str | None = None
    """Of a declined one."""
    action_url: str | None = None
    """Of the page of 3-D Secure, while `action_required`."""
    refunds: list[Refund] = []
    created_at: AwareDatetime
    version: int
    """Grows with every change."""


class ChargeList(BaseModel):
    """A part of what there is, oldest first."""

    model_config = _example(items=[_CHARGE], next=None)

    items: list[Charge]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


class WebhookEvent(BaseModel):
    """What the gateway tells by itself: the whole charge, as it was then."""

    model_config = _example(id="evt_0193a3c4", type="charge.captured", created=1795262400, charge=_CHARGE)

    id: str
    type: Literal[
        "charge.action_required",
        "charge.authorised",
        "charge.declined",
        "charge.captured",
        "charge.voided",
        "charge.refunded",
    ]
    created: int
    """Unix seconds."""
    charge: Charge


FaultKind = Literal[
    "declined",
    "insufficient_funds",
    "timeout_after_success",
    "duplicate_webhook",
    "late_webhook",
    "action_required",
    "down",
]
Operation = Literal["authorise", "capture", "void", "refund", "find"]


class Fault(BaseModel):
    """Something that goes wrong on purpose.

    | kind | does | to |
    |---|---|---|
    | `declined`, `insufficient_funds` | refuses | authorise |
    | `action_required` | asks for 3-D Secure | authorise |
    | `timeout_after_success` | does it, then answers 504 after `seconds` | authorise, capture, void, refund |
    | `duplicate_webhook` | tells the same event twice | what changes a charge |
    | `late_webhook` | tells it `seconds` later | what changes a charge |
    | `down` | answers 503 and does nothing | everything |

    Of several that match, the first in the list that strikes does; webhook faults come on top of the others.
    """

    model_config = _strict(kind="timeout_after_success", count=2, operations=["authorise"], seconds=1.5)

    kind: FaultKind
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=0)
    """Only the next so many that match; None: no end."""
    method: str | None = Field(default=None, max_length=200)
    """Only charges of this token."""
    operations: list[Operation] = []
    """Only these; none: all that the kind applies to."""
    seconds: float = Field(default=0.0, ge=0, le=3600)


class FaultState(Fault):
    """A fault and how often it has struck since it was switched on."""

    model_config = _example(kind="timeout_after_success", count=1, seconds=1.5, hits=1) | ConfigDict(
        extra="ignore"
    )

    hits: int = 0


class Faults(BaseModel):
    """What is switched on; a PUT replaces all of it, an empty list ends it."""

    model_config = _strict(faults=[{"kind": "declined", "probability": 0.1}])

    faults: list[Fault] = Field(default=[], max_length=50)


class FaultStates(BaseModel):
    """What is switched on, in order."""

    faults: list[FaultState]
    totals: dict[FaultKind, int] = {}
    """How often each kind struck since the store was made."""
