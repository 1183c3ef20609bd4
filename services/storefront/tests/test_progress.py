"""What an order's page says, and lets people do."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from shop_contracts.order_processing.api import Order, OrderState
from shop_storefront.progress import cancellable, mark, returnable, steps

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LAMP = UUID("018f6d2e-6f00-7cc0-8000-1f6a2d0c0001")
EUR = {"currency": "EUR"}
PATH = [
    OrderState.PLACED,
    OrderState.RESERVED,
    OrderState.AUTHORISED,
    OrderState.ALLOCATED,
    OrderState.PAID,
    OrderState.CONFIRMED,
    OrderState.SHIPPED,
    OrderState.DELIVERED,
]


def order(state: OrderState, *, quantity: int = 3, age: timedelta = timedelta(0), **more: Any) -> Order:
    """An order that came the straight way to its state, `age` ago."""
    past = PATH[: PATH.index(state) + 1] if state in PATH else [OrderState.PLACED, state]
    money = {"amount": 1000, **EUR}
    address = {
        "name": "Ann",
        "line1": "Main Street 1",
        "city": "Delft",
        "postal_code": "2611",
        "country": "NL",
    }
    line = {
        "product_id": LAMP,
        "sku": "LAMP",
        "title": "Lamp",
        "quantity": quantity,
        "unit_price": money,
        "discount": {"amount": 0, **EUR},
        "tax": {"amount": 0, **EUR},
        "total": {"amount": 1000 * quantity, **EUR},
        "weight_grams": 100,
    }
    given = {
        "id": LAMP,
        "subject": "s",
        "email": "ann@example.com",
        "state": state,
        "shipping_address": address,
        "billing_address": address,
        "shipping_option": "standard",
        "placed_at": NOW - age,
        "updated_at": NOW - age,
        "history": [{"state": each, "at": NOW - age} for each in past],
        "lines": [line],
        "subtotal": money,
        "discount": money,
        "shipping": money,
        "shipping_tax": money,
        "tax": money,
        "total": money,
        "prices_include_tax": True,
    }
    return Order.model_validate(given | more)


def back(quantity: int, state: str) -> dict[str, Any]:
    """A return of so many lamps."""
    return {
        "id": LAMP,
        "state": state,
        "lines": [{"product_id": LAMP, "quantity": quantity, "amount": {"amount": 1, **EUR}}],
        "reason": "unwanted",
        "amount": {"amount": 1, **EUR},
        "requested_at": NOW,
    }


@pytest.mark.parametrize(
    ("state", "reached", "waits_for"),
    [
        (OrderState.PLACED, ["placed"], ["paid"]),
        (OrderState.PAID, ["placed"], ["paid"]),
        (OrderState.CONFIRMED, ["placed", "paid"], ["shipped"]),
        (OrderState.SHIPPED, ["placed", "paid", "shipped"], ["delivered"]),
        (OrderState.DELIVERED, ["placed", "paid", "shipped", "delivered"], []),
        (OrderState.CANCELLED, [], []),
    ],
)
def test_the_way_to_the_door(state: OrderState, reached: list[str], waits_for: list[str]) -> None:
    found = steps(order(state))
    assert [each.name for each in found if each.at] == reached
    assert [each.name for each in found if each.next] == waits_for


def test_an_order_is_cancelled_until_it_leaves_and_once() -> None:
    assert cancellable(order(OrderState.CONFIRMED))
    assert not cancellable(order(OrderState.SHIPPED))
    wished = {"requested_at": NOW, "reason": "changed my mind"}
    assert not cancellable(order(OrderState.CONFIRMED, cancellation=wished))


def test_what_arrived_goes_back_for_thirty_days_and_each_piece_once() -> None:
    def left(found: Order) -> list[int]:
        return [each.quantity for each in returnable(found, NOW)]

    assert left(order(OrderState.SHIPPED)) == []
    assert left(order(OrderState.DELIVERED)) == [3]
    assert left(order(OrderState.DELIVERED, age=timedelta(days=30))) == [3]
    assert left(order(OrderState.DELIVERED, age=timedelta(days=30, seconds=1))) == []
    assert left(order(OrderState.DELIVERED, returns=[back(2, "labelled")])) == [1]
    assert left(order(OrderState.DELIVERED, returns=[back(2, "refused")])) == [3]
    assert left(order(OrderState.DELIVERED, returns=[back(3, "refunded")])) == []


def test_the_mark_is_another_one_when_the_page_would_be() -> None:
    shown = [
        order(OrderState.CONFIRMED),
        order(OrderState.SHIPPED),
        order(OrderState.SHIPPED, invoice="2026-000001"),
        order(OrderState.DELIVERED, returns=[back(1, "requested")]),
        order(OrderState.DELIVERED, returns=[back(1, "labelled")]),
    ]
    assert len({mark(each, None) for each in shown}) == len(shown)
    assert mark(shown[0], None) == mark(order(OrderState.CONFIRMED), None)
