"""The warehouse's events, on stream `warehouse`.

The subject is the product's id, but for `reservation.expired`, whose subject is the order's. The envelope's
`sequence` counts all events of a product, in the order of its changes: of two
`stock.changed` the higher is newer.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

STREAM = "warehouse"
STOCK_CHANGED: Literal["stock.changed"] = "stock.changed"
STOCK_LOW: Literal["stock.low"] = "stock.low"
STOCK_REPLENISHED: Literal["stock.replenished"] = "stock.replenished"
RESERVATION_EXPIRED: Literal["reservation.expired"] = "reservation.expired"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class StockChanged(_Event):
    """Another number of pieces can be ordered than before."""

    product_id: UUID
    available: int = Field(ge=0)
    """Over all warehouses."""


class StockLow(_Event):
    """Less is available in a warehouse than its reorder point: more was ordered."""

    product_id: UUID
    warehouse: str
    available: int = Field(ge=0)
    """In this warehouse."""
    reorder_point: int
    replenishment_id: UUID
    quantity: int
    """What was ordered."""


class StockReplenished(_Event):
    """What was ordered has come in. Comes right after the `stock.changed` of the same transaction."""

    product_id: UUID
    warehouse: str
    replenishment_id: UUID
    quantity: int
    available: int = Field(ge=0)
    """Over all warehouses."""


class ReservationExpired(_Event):
    """A hold has lapsed and its stock is given back; a commit would take it again."""

    order_id: UUID
