"""Order-taking's events; the aggregate, and the event's subject, is the order's id. Stream `order-taking`."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shop_contracts.address import Address
from shop_contracts.order_taking.api import Figures

STREAM = "order-taking"
ORDER_PLACED: Literal["order.placed"] = "order.placed"


class OrderPlaced(Figures):
    """An order was taken: all that fulfilment needs, which never asks order-taking, cart or catalog."""

    order_id: UUID
    subject: str
    """The `sub` of the shopper's token: a user's id, or `guest:<uuid>`."""
    email: str
    coupon: str | None = None
    shipping_address: Address
    billing_address: Address
    shipping_option: str
    payment_method: str
    """The gateway's token."""
    locale: str
    placed_at: AwareDatetime
