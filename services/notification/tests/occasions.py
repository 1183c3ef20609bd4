"""Events of other services, as these publish them."""

from typing import Any
from uuid import UUID, uuid4

from shop_chassis.events import Event
from shop_contracts.address import Address
from shop_contracts.money import Money
from shop_contracts.order_processing.api import Order
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped

ORDER = UUID(int=0x1F6A2D0C, version=5)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def price_drop(subject: str, sequence: int, **changes: Any) -> Event:
    drop = PriceDropped.model_validate(
        {
            "notice_id": uuid4(),
            "subject": subject,
            "product_id": uuid4(),
            "slug": "merino-throw",
            "title": "Merino throw",
            "old": eur(8990),
            "new": eur(5990),
            "reference": eur(9900),
        }
        | changes
    )
    return Event(
        source="/wishlist",
        type=PRICE_DROPPED,
        subject=str(uuid4()),
        sequence=sequence,
        data=drop.model_dump(mode="json"),
    )


def order(subject: str, email: str, **changes: Any) -> Order:
    address = Address(
        name="Ann Example", line1="Lindenallee 12", city="Berlin", postal_code="10115", country="DE"
    )
    line = {
        "product_id": UUID(int=7),
        "sku": "THR-1",
        "title": "Merino throw",
        "quantity": 1,
        "unit_price": eur(8990),
        "discount": eur(0),
        "tax": eur(1435),
        "total": eur(8990),
        "weight_grams": 900,
    }
    return Order.model_validate(
        {
            "id": ORDER,
            "subject": subject,
            "email": email,
            "state": "confirmed",
            "shipping_address": address,
            "billing_address": address,
            "shipping_option": "standard",
            "placed_at": "2026-11-20T19:42:00Z",
            "updated_at": "2026-11-20T19:43:00Z",
            "history": [],
            "lines": [line],
            "subtotal": eur(8990),
            "discount": eur(0),
            "shipping": eur(490),
            "shipping_tax": eur(78),
            "tax": eur(1513),
            "total": eur(9480),
            "prices_include_tax": True,
        }
        | changes
    )


def order_event(type: str, subject: str, email: str, sequence: int, **changes: Any) -> Event:
    more = {key: changes.pop(key) for key in ("reason_given", "return_id", "amount") if key in changes}
    data = {"order": order(subject, email, **changes).model_dump(mode="json"), **more}
    if "reason_given" in data:
        data["reason"] = data.pop("reason_given")
    order_id = data["order"]["id"]
    return Event(source="/order-processing", type=type, subject=order_id, sequence=sequence, data=data)
