"""What other services' events give occasion to tell: pure functions from event to Occasion.

Data are what the templates of that name need, as their `sample.json` shows it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_contracts.money import Money
from shop_contracts.notification.api import Promotion
from shop_contracts.order_processing.api import Order
from shop_contracts.order_processing.events import (
    ORDER_ACTION_REQUIRED,
    ORDER_CANCELLED,
    ORDER_CONFIRMED,
    ORDER_DELIVERED,
    ORDER_REFUNDED,
    ORDER_RETURNED,
    ORDER_SHIPPED,
)
from shop_contracts.user.events import MailRequested
from shop_contracts.wishlist.events import PriceDropped

from shop_notification.deciding import Occasion

ORDERS = {
    ORDER_ACTION_REQUIRED: "order-action-required",
    ORDER_CONFIRMED: "order-confirmed",
    ORDER_SHIPPED: "order-shipped",
    ORDER_DELIVERED: "order-delivered",
    ORDER_CANCELLED: "order-cancelled",
    ORDER_RETURNED: "order-returned",
    ORDER_REFUNDED: "order-refunded",
}
"""The template of each event."""
_WAITS_FOR_THE_SHOPPER = frozenset({ORDERS[ORDER_ACTION_REQUIRED]})


def of_order(type: str, order: Order, sequence: int, **more: Any) -> Occasion | None:
    """What an event of order-processing says; None where nobody is left to be told."""
    if not order.subject and not order.email:
        return None
    template = ORDERS[type]
    # Refunds and returns may come several times; the rest is said once of an order.
    several = f":{sequence}" if type in (ORDER_REFUNDED, ORDER_RETURNED) else ""
    return Occasion(
        key=f"{template}:{order.id}{several}",
        kind="order",
        template=template,
        subject=order.subject or None,
        email=order.email or None,
        locale=order.locale,
        about=str(order.id),
        version=sequence,
        urgent=type == ORDER_ACTION_REQUIRED,
        overtakes=_WAITS_FOR_THE_SHOPPER if type in (ORDER_CONFIRMED, ORDER_CANCELLED) else frozenset(),
        data={
            "name": order.shipping_address.name,
            "order": order.model_dump(mode="json", exclude={"subject", "email", "history"}),
            **more,
        },
    )


def returned(order: Order, return_id: UUID) -> dict[str, Any]:
    """What came back, for the template: its lines with their titles."""
    back = next((each for each in order.returns if each.id == return_id), None)
    titles = {line.product_id: line.title for line in order.lines}
    lines = [] if back is None else back.lines
    amount = Money.zero(order.total.currency) if back is None else back.amount
    return {
        "amount": amount.model_dump(mode="json"),
        "lines": [
            {
                "title": titles.get(line.product_id, ""),
                "quantity": line.quantity,
                "amount": _json(line.amount),
            }
            for line in lines
        ],
    }


def of_mail(event_id: str, asked: MailRequested) -> Occasion:
    """A mail of the account, which user asks for."""
    return Occasion(
        key=f"mail:{event_id}",
        kind="account",
        template=asked.template,
        subject=None,
        email=asked.to,
        locale=asked.locale,
        data=dict(asked.data),
    )


def of_drop(drop: PriceDropped, sequence: int) -> Occasion:
    """A price that somebody watches has fallen. Its key is the notice: one for each watcher and drop."""
    return Occasion(
        key=f"price-drop:{drop.notice_id}",
        kind="price_drop",
        template="price-drop",
        subject=drop.subject,
        about=str(drop.product_id),
        version=sequence,
        data=drop.model_dump(mode="json", exclude={"subject", "notice_id"}),
    )


def of_campaign(campaign: UUID, subject: str, promotion: Promotion) -> Occasion:
    """A promotion, for one person."""
    return Occasion(
        key=f"campaign:{campaign}:{subject}",
        kind="promotion",
        template="promotion",
        subject=subject,
        about=str(campaign),
        data=promotion.model_dump(mode="json"),
    )


def digest_key(subject: str, send_at: datetime) -> str:
    """Of the digest that somebody gets at that moment."""
    return f"digest:{subject}:{send_at.isoformat(timespec='seconds')}"


def _json(amount: Money) -> dict[str, Any]:
    return amount.model_dump(mode="json")
