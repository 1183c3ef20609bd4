"""Logistics' events; the aggregate, and the event's subject, is the order's id. Stream `logistics`."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shop_contracts.logistics.api import ReturnLine, Shipment

STREAM: Final = "logistics"
SHIPMENT_ALLOCATED: Final = "shipment.allocated"
SHIPMENT_DISPATCHED: Final = "shipment.dispatched"
SHIPMENT_IN_TRANSIT: Final = "shipment.in_transit"
SHIPMENT_DELIVERED: Final = "shipment.delivered"
SHIPMENT_FAILED: Final = "shipment.failed"
SHIPMENT_CANCELLED: Final = "shipment.cancelled"
SHIPMENT_RETURNING: Final = "shipment.returning"
SHIPMENT_RETURNED: Final = "shipment.returned"
RETURN_RECEIVED: Final = "return.received"


class ShipmentChanged(BaseModel):
    """Data of every `shipment.…`: it came into the state that the type names; the whole of it then."""

    model_config = ConfigDict(frozen=True)

    shipment: Shipment


class ReturnReceived(BaseModel):
    """Data of `return.received`: what a shopper sent back is here. Once for each return."""

    model_config = ConfigDict(frozen=True)

    order_id: UUID
    return_id: UUID
    lines: list[ReturnLine]
