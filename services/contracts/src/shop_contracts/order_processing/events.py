"""Order-processing's events, on stream `order-processing`; the subject is the order's id.

Each has the whole order as it was then. The envelope's `sequence` counts the events of an order: of two the
higher is newer.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shop_contracts.money import Money
from shop_contracts.order_processing.api import Order

STREAM = "order-processing"
ORDER_CHANGED: Literal["order.changed"] = "order.changed"
"""Another state that has no event of its own."""
ORDER_ACTION_REQUIRED: Literal["order.action_required"] = "order.action_required"
ORDER_CONFIRMED: Literal["order.confirmed"] = "order.confirmed"
ORDER_SHIPPED: Literal["order.shipped"] = "order.shipped"
ORDER_DELIVERED: Literal["order.delivered"] = "order.delivered"
ORDER_CANCELLED: Literal["order.cancelled"] = "order.cancelled"
ORDER_RETURNED: Literal["order.returned"] = "order.returned"
ORDER_REFUNDED: Literal["order.refunded"] = "order.refunded"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderEvent(_Event):
    """Data of every event but the three below."""

    order: Order


class OrderCancelled(OrderEvent):
    """Nothing will be sent, and no money is kept."""

    reason: str


class OrderReturned(OrderEvent):
    """Pieces have come back and are refunded; comes right before the `order.refunded` of the same refund."""

    return_id: UUID


class OrderRefunded(OrderEvent):
    """Money has gone back."""

    amount: Money
    """By this refund."""
