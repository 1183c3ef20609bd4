"""Bodies of the warehouse's HTTP API.

| route | does |
|---|---|
| `GET /availability?id=…&id=…` | how much of each product can be ordered now; for anybody |
| `PUT /internal/reservations/{order_id}` | holds all that an order wants until `expires_at`, or nothing |
| `POST /internal/reservations/{order_id}:commit` | it does not expire any more; a lapsed one is taken again |
| `DELETE /internal/reservations/{order_id}` | gives it back; what comes later for this order is refused |
| `POST /internal/reservations/{order_id}:ship` | it leaves the warehouse |
| `GET /internal/reservations/{order_id}` | how it stands |
| `PUT /internal/returns/{return_id}` | goods of an order have come back |

Every internal request may be repeated: the answer is how things stand. What is refused for good is a 409
whose `type` is one of the constants below; `illegal-state` and `released` have a member `state`;
`out-of-stock`, `stock-missing` and `too-many-returned` have `shortages`.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.address import Country

OUT_OF_STOCK = "out-of-stock"
"""Less is there than the order wants; nothing was taken."""
RELEASED = "released"
"""The order was released, perhaps before its reservation came."""
DIFFERENT_REQUEST = "different-request"
"""The id was used with another body."""
ILLEGAL_STATE = "illegal-state"
"""Not possible in the state that `state` names: shipping what is not committed, releasing what has left."""
STOCK_MISSING = "stock-missing"
"""A stock take found less than is reserved, so this cannot leave; it can when goods have come in."""
TOO_MANY_RETURNED = "too-many-returned"
"""More would have come back than was shipped."""
ALREADY_OPEN = "already-open"
"""A replenishment is under way; `replenishment_id` names it."""

BATCH_MAX = 100
"""Products that one request may ask for, and lines that an order may have."""
MOST = 1_000_000_000
"""Pieces of one product in one warehouse."""

WarehouseCode = Annotated[
    str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40, examples=["rotterdam"])
]
Line = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters, which databases do not take."""
Quantity = Annotated[int, Field(ge=1, le=1_000_000, examples=[2])]
State = Literal["held", "committed", "shipped", "released", "expired"]
"""held → committed → shipped; held → expired, which a commit takes again; all but shipped → released."""

_PRODUCT = "018f6d2e-6f00-7cc0-8000-1f6a2d0c0001"
_ORDER = "018f6d2e-6f00-7cc0-8000-1f6a2d0c00a1"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Request(BaseModel):
    """A body that a caller sends; an unknown field is a mistake of the caller."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Availability(_Answer):
    """How much of one product can be ordered now, over all warehouses."""

    product_id: UUID
    available: int = Field(ge=0, examples=[12])
    """0 also for a product that no warehouse knows."""


class AvailabilityList(_Answer):
    """In the order asked for."""

    items: list[Availability]


class ReservationLine(_Request):
    """So much of a product."""

    product_id: UUID
    quantity: Quantity


class ReservationRequest(_Request):
    """What an order needs. Lines of the same product are added up."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "lines": [{"product_id": _PRODUCT, "quantity": 2}],
                "country": "NL",
                "hold_seconds": 900,
            }
        }
    )

    lines: list[ReservationLine] = Field(min_length=1, max_length=BATCH_MAX)
    country: Country
    """Where it goes: of two equal choices the warehouse in this country is taken."""
    hold_seconds: int = Field(default=900, ge=1, le=86_400)


class Allocation(_Answer):
    """So much of a product from one warehouse."""

    product_id: UUID
    warehouse: WarehouseCode
    quantity: int


class Reservation(_Answer):
    """How an order's reservation stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "order_id": _ORDER,
                "state": "held",
                "lines": [{"product_id": _PRODUCT, "warehouse": "rotterdam", "quantity": 2}],
                "expires_at": "2026-11-21T12:15:00Z",
            }
        }
    )

    order_id: UUID
    state: State
    lines: list[Allocation] = []
    """From where it comes; of one that is released or expired: from where it would have come."""
    expires_at: AwareDatetime | None = None
    """When the hold lapses; None unless it is held."""


class Shortage(_Answer):
    """Of what there is too little; the problem `out-of-stock` lists them as `shortages`."""

    product_id: UUID
    wanted: int
    available: int


class ReturnLine(_Request):
    """So much of a product has come back."""

    product_id: UUID
    quantity: Quantity
    resell: bool
    """True: back to stock; False: written off."""


class ReturnRequest(_Request):
    """Goods of a shipped order that have come back."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "order_id": _ORDER,
                "lines": [{"product_id": _PRODUCT, "quantity": 1, "resell": True}],
            }
        }
    )

    order_id: UUID
    lines: list[ReturnLine] = Field(min_length=1, max_length=BATCH_MAX)


class ReturnedLine(_Answer):
    """What became of it: it goes to the warehouse that most of it came from."""

    product_id: UUID
    quantity: int
    resell: bool
    warehouse: WarehouseCode


class Return(_Answer):
    """Goods that came back."""

    return_id: UUID
    order_id: UUID
    lines: list[ReturnedLine]
    received_at: AwareDatetime


class NewWarehouse(_Request):
    """What an administrator says of a warehouse."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"title": "Rotterdam", "country": "NL", "priority": 10}}
    )

    title: Annotated[Line, Field(max_length=120, examples=["Rotterdam"])]
    country: Country
    priority: int = Field(default=100, ge=0, le=10_000)
    """The smaller the sooner it is chosen, among those that are equally near."""


class Warehouse(_Answer):
    """A place with stock."""

    code: WarehouseCode
    title: str
    country: Country
    priority: int
    version: int = Field(ge=1)
    """Its quoted form is the ETag."""


class WarehouseList(_Answer):
    """All of them, by code."""

    items: list[Warehouse]


class Reordering(_Request):
    """When a warehouse orders more of a product, and how much: an (s, nQ) policy."""

    model_config = ConfigDict(json_schema_extra={"example": {"reorder_point": 5, "reorder_quantity": 20}})

    reorder_point: int = Field(default=0, ge=0, le=MOST)
    """Ordered as soon as less than this is available; 0: never."""
    reorder_quantity: int = Field(default=1, ge=1, le=MOST)
    """As often as it takes to come back to the reorder point."""


class InitialStock(Reordering):
    """What is there when a warehouse first hears of a product."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"on_hand": 40, "reorder_point": 5, "reorder_quantity": 20}}
    )

    on_hand: int = Field(ge=0, le=MOST)


class Stock(_Answer):
    """A product in a warehouse."""

    warehouse: WarehouseCode
    product_id: UUID
    on_hand: int = Field(ge=0)
    """The physical count, which is the sum of the movements."""
    reserved: int = Field(ge=0)
    available: int = Field(ge=0)
    """What is on hand and not reserved."""
    short: int = Field(ge=0)
    """Reserved, and not there: a stock take found less. 0 when all is well."""
    reorder_point: int
    reorder_quantity: int


class StockPage(_Answer):
    """A part of a list."""

    items: list[Stock]
    next: str | None = None
    """Pass it as `after` for the next page; None on the last."""


MovementKind = Literal["initial", "receipt", "shipment", "return", "write_off", "stock_take"]


class Movement(_Answer):
    """Goods that came, left, or were found or missed by a stock take. Never changed, never removed."""

    id: UUID
    warehouse: WarehouseCode
    product_id: UUID
    quantity: int
    """Negative: it left."""
    kind: MovementKind
    reference: str
    """Of the order, return, replenishment or stock take."""
    reason: str = ""
    at: AwareDatetime


class MovementPage(_Answer):
    """Newest first."""

    items: list[Movement]
    next: str | None = None


class ReservationPage(_Answer):
    """Newest first."""

    items: list[Reservation]
    next: str | None = None


class NewReplenishment(_Request):
    """An order to the supplier that somebody makes by hand."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"warehouse": "rotterdam", "product_id": _PRODUCT, "quantity": 20}}
    )

    warehouse: WarehouseCode
    product_id: UUID
    quantity: Quantity


ReplenishmentState = Literal["open", "received", "cancelled"]


class Replenishment(_Answer):
    """An order to the supplier; at most one is open for a product and warehouse."""

    id: UUID
    warehouse: WarehouseCode
    product_id: UUID
    quantity: int
    state: ReplenishmentState
    received: int | None = None
    """What came; None unless it is received."""
    ordered_at: AwareDatetime
    closed_at: AwareDatetime | None = None


class ReplenishmentPage(_Answer):
    """Newest first."""

    items: list[Replenishment]
    next: str | None = None


class Receipt(_Request):
    """What came of a replenishment."""

    model_config = ConfigDict(json_schema_extra={"example": {"quantity": 20}})

    quantity: int | None = Field(default=None, ge=0, le=MOST)
    """None: what was ordered."""


class Count(_Request):
    """What somebody counted."""

    product_id: UUID
    counted: int = Field(ge=0, le=MOST)


def _each_once(counts: list[Count]) -> list[Count]:
    if len({count.product_id for count in counts}) < len(counts):
        raise ValueError("expected each product once")
    return counts


class NewStockTake(_Request):
    """A count of some products of a warehouse."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "warehouse": "rotterdam",
                "reason": "yearly count, aisle 7",
                "counts": [{"product_id": _PRODUCT, "counted": 38}],
            }
        }
    )

    warehouse: WarehouseCode
    reason: Annotated[Line, Field(max_length=200, examples=["yearly count, aisle 7"])]
    counts: Annotated[list[Count], Field(min_length=1, max_length=BATCH_MAX), AfterValidator(_each_once)]


class Counted(_Answer):
    """What a count came to."""

    product_id: UUID
    counted: int
    expected: int
    """On hand before, by the movements."""
    difference: int
    """A movement, unless it is 0."""
    reserved: int
    """What is reserved stays reserved."""
    short: int
    """Reserved, and not there: orders that cannot be shipped until more comes in."""


class StockTake(_Answer):
    """A count and its outcome."""

    id: UUID
    warehouse: WarehouseCode
    reason: str
    at: AwareDatetime
    counts: list[Counted]


class StockTakePage(_Answer):
    """Newest first."""

    items: list[StockTake]
    next: str | None = None


class Discrepancy(_Answer):
    """A stock whose figures contradict each other: a defect, or a hand in the database."""

    warehouse: WarehouseCode
    product_id: UUID
    on_hand: int
    moved: int
    """Sum of the movements."""
    reserved: int
    allocated: int
    """Sum of what held and committed reservations take from it."""


class Audit(_Answer):
    """Empty when the sum of the movements is what is on hand, and reservations add up to what is reserved."""

    discrepancies: list[Discrepancy]
    """At most 100."""
