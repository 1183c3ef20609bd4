"""Logistics' HTTP API.

| route | does |
|---|---|
| `POST /quotes` | how something can be sent somewhere, when it arrives, what it costs |
| `GET /shipments/{order_id}` | the shopper's own: where it is |
| `PUT /internal/shipments/{order_id}` | allocates a carrier; order-processing alone, as all `/internal` |
| `POST /internal/shipments/{order_id}:dispatch` | handed to the carrier: it cannot be cancelled any more |
| `DELETE /internal/shipments/{order_id}` | cancels; one that is not known yet is refused when it comes |
| `PUT /internal/shipments/{order_id}/returns/{return_id}` | a label to send something back with |
| `POST /webhooks/{carrier}` | a carrier tells where something is |
| `/admin/…` | shipments, carriers and their rates, zones, delivery routes |
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from shop_contracts.address import Address, Country
from shop_contracts.money import Currency, Money

NOT_DELIVERABLE = "not-deliverable"
"""No carrier goes there, or takes that much, as asked for: 422 of a quote, 409 of a shipment."""
CANCELLED = "cancelled"
"""The shipment was cancelled, perhaps before it was asked for; a request that comes late is refused (409)."""
ALREADY_DISPATCHED = "already-dispatched"
"""It has left and cannot be cancelled any more (409)."""
NOT_DELIVERED = "not-delivered"
"""Only what was delivered can be returned (409)."""
DIFFERENT_REQUEST = "different-request"
"""The id was used with another body (409)."""
ILLEGAL_STATE = "illegal-state"
"""Not possible in the state that the member `state` names (409)."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Option = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40, examples=["standard"])]
"""A speed that shoppers choose: `standard`, `express`, `pickup`."""
Quantity = Annotated[int, Field(ge=1, le=9999)]
Grams = Annotated[int, Field(ge=0, le=10_000_000, examples=[750])]
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
PostalCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=16, pattern=_PRINTABLE),
    Field(examples=["10115"]),
]

State = Literal[
    "allocated", "dispatched", "in_transit", "delivered", "failed", "cancelled", "returning", "returned"
]
ReturnState = Literal["expected", "in_transit", "received"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _kept(id: str, new: type[BaseModel]) -> JsonDict:
    """The example of a thing that has been put there, from the one of what was sent."""
    extra = new.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    assert isinstance(extra["example"], dict)
    return {"example": extra["example"] | {"id": id, "version": 1}}


class QuoteLine(_Request):
    """So many pieces of that weight."""

    quantity: Quantity
    weight_grams: Grams
    """Of one piece."""


class QuoteRequest(_Request):
    """What is to be sent where."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "country": "DE",
                "postal_code": "10115",
                "lines": [{"quantity": 2, "weight_grams": 750}],
                "currency": "EUR",
            }
        },
    )

    country: Country
    postal_code: PostalCode = ""
    lines: list[QuoteLine] = Field(min_length=1, max_length=100)
    currency: Currency = "EUR"


class QuotedOption(_Model):
    """One way to send it: the cheapest carrier of that speed."""

    id: Option
    title: str = Field(examples=["Standard"])
    carrier: str = Field(examples=["paketpost"])
    price: Money
    """Before or with tax as catalog's prices are; order-taking says which."""
    earliest: date
    latest: date


class Quotes(_Model):
    """The options, cheapest first; at least one."""

    options: list[QuotedOption]


class ShipmentLine(_Request):
    """What is in the parcel."""

    product_id: UUID
    title: str = Field(max_length=200)
    quantity: Quantity
    weight_grams: Grams
    """Of one piece."""


class ShipmentRequest(_Request):
    """What order-processing asks for; the same again gets the same answer."""

    option: Option
    subject: str = Field(min_length=1, max_length=128, pattern=_PRINTABLE)
    """Whose it is: the `sub` of the shopper's token."""
    address: Address
    lines: list[ShipmentLine] = Field(min_length=1, max_length=100)
    warehouse: str = Field(default="", max_length=64, pattern=_PRINTABLE)
    """Where it leaves from."""
    currency: Currency = "EUR"
    """In which carriers' prices are compared."""


class TrackingEvent(_Model):
    """Something that happened on the way; recorded once, never changed."""

    at: AwareDatetime
    state: str
    """That the carrier reported; the shipment's own when it came in order."""
    place: str = ""
    text: str = ""


class Shipment(_Model):
    """A shipment and its way so far."""

    order_id: UUID
    state: State
    carrier: str = ""
    """Empty, as what follows, when it was cancelled before it was asked for."""
    option: str = ""
    tracking_number: str = ""
    label_url: str | None = None
    """A path of this service, for administrators."""
    estimated: date | None = None
    """When it should arrive at the latest."""
    events: list[TrackingEvent] = []
    """Oldest first."""


class ReturnLine(_Model):
    """What comes back."""

    product_id: UUID
    quantity: Quantity


class ReturnRequest(_Request):
    """Something of a delivered shipment is to come back."""

    lines: list[ReturnLine] = Field(min_length=1, max_length=100)


class Return(_Model):
    """A parcel on its way back."""

    return_id: UUID
    order_id: UUID
    state: ReturnState
    carrier: str
    tracking_number: str
    label_url: str
    """A path of this service, for the shopper whose order it is."""
    lines: list[ReturnLine]
    events: list[TrackingEvent] = []


class MyShipment(Shipment):
    """What a shopper sees of a shipment."""

    returns: list[Return] = []


class Advance(_Request):
    """What an administrator says has happened."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"example": {"state": "in_transit"}}
    )

    state: State
    place: str = Field(default="", max_length=100, pattern=_PRINTABLE)
    text: str = Field(default="", max_length=200, pattern=_PRINTABLE)


class ShipmentPage(_Model):
    """Newest first."""

    items: list[Shipment]
    next: str | None = None


CARRIER_SIGNATURE = "Carrier-Signature"
"""Header `t=<Unix seconds>,v1=<hex of HMAC-SHA256 of "<t>.<body>">`, with the secret that the carrier has."""


class CarrierReport(_Request):
    """Body of a carrier's webhook. The same `id` again counts once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "id": "8d1f",
                "tracking_number": "PP0123456789",
                "state": "in_transit",
                "at": "2026-11-20T09:30:00Z",
                "place": "Leipzig",
                "text": "Sorted",
            }
        },
    )

    id: str = Field(min_length=1, max_length=64, pattern=_PRINTABLE)
    """The carrier's own, of this report."""
    tracking_number: str = Field(pattern=r"^[A-Z0-9]{1,40}$")
    state: Literal["in_transit", "delivered", "failed", "returning", "returned"]
    """Of the parcel; a return is `delivered` when we have it."""
    at: AwareDatetime
    place: str = Field(default="", max_length=100, pattern=_PRINTABLE)
    text: str = Field(default="", max_length=200, pattern=_PRINTABLE)


class Received(_Model):
    """Answer to a carrier: it is recorded, and need not be sent again."""

    applied: bool
    """False: it was known already, or came after something later."""


class Rate(_Request):
    """What a carrier takes for a parcel up to a weight, to a zone, at a speed."""

    zone: Slug
    option: Option
    max_weight_grams: int = Field(ge=1, le=10_000_000)
    price: Money
    days_min: int = Field(ge=0, le=60)
    """Working days, Monday to Friday."""
    days_max: int = Field(ge=0, le=60)


class NewCarrier(_Request):
    """A carrier and all its rates."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Paketpost",
                "tracking_prefix": "PP",
                "active": True,
                "rates": [
                    {
                        "zone": "de",
                        "option": "standard",
                        "max_weight_grams": 5000,
                        "price": {"amount": 490, "currency": "EUR"},
                        "days_min": 1,
                        "days_max": 3,
                    }
                ],
            }
        },
    )

    title: str = Field(min_length=1, max_length=100, pattern=_PRINTABLE)
    tracking_prefix: str = Field(pattern=r"^[A-Z]{2,4}$")
    """Tracking numbers begin with it; no two carriers have the same."""
    active: bool = True
    """False: carries what it has, gets nothing new."""
    rates: list[Rate] = Field(max_length=500)


class Carrier(NewCarrier):
    """A carrier as it is kept."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=_kept("paketpost", NewCarrier))

    id: Slug
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class CarrierList(_Model):
    """All carriers, by id."""

    items: list[Carrier]


class Area(_Request):
    """A country, or the part of it whose postal codes begin so."""

    country: Country
    postal_prefix: str = Field(default="", max_length=16, pattern=r"^[A-Z0-9]*$")


class NewZone(_Request):
    """Areas that cost the same; the area with the longest prefix that fits an address decides."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {"areas": [{"country": "DE"}, {"country": "AT", "postal_prefix": "6"}]}
        },
    )

    areas: list[Area] = Field(max_length=500)


class Zone(NewZone):
    """A zone as it is kept."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=_kept("near", NewZone))

    id: Slug
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class ZoneList(_Model):
    """All zones, by id."""

    items: list[Zone]


class Stop(_Model):
    """Where a delivery route halts."""

    order_id: UUID
    postal_code: str
    city: str
    tracking_number: str


class Route(_Model):
    """One day's dispatched shipments of a zone in the order in which they are driven to."""

    zone: Slug
    day: date
    stops: list[Stop]
    planned_at: AwareDatetime
