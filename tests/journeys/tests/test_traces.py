"""One checkout is one trace, through requests, events and the saga; of a shop whose spans are sent here."""

import pytest
from shop_chassis.testing.otlp import Collector, Told
from shop_journeys.shop import Shop
from shop_journeys.waiting import eventually

CARD = "4242424242424242"
"""Of every card that the gateway takes in these tests."""

Path = tuple[str, ...]
ROOT = ("order-taking POST /orders",)
PLACED = (*ROOT, "order-taking create order-taking.order.placed")
SAGA = (*PLACED, "order-processing process order-taking.order.placed", "order-processing saga order")


def call(caller: str, callee: str, route: str) -> Path:
    """Both sides of one."""
    return f"{caller} {route}", f"{callee} {route}"


def step(name: str, callee: str, route: str) -> Path:
    """Of the saga."""
    return *SAGA, f"order-processing {name} forward", *call("order-processing", callee, route)


EXPECTED = {
    (
        *ROOT,
        *call("order-taking", "cart", "GET /internal/carts/{cart_id}"),
        *call("cart", "catalog", "POST /products:batch"),
    ),
    (*ROOT, *call("order-taking", "logistics", "POST /quotes")),
    (*PLACED, "order-taking send order-taking.order.placed"),
    (
        *step("reserve", "warehouse", "PUT /internal/reservations/{order_id}"),
        "warehouse create warehouse.stock.changed",
        "catalog process warehouse.stock.changed",
    ),
    (
        *step("authorise", "payment", "PUT /internal/payments/{order_id}"),
        *call("payment", "testgateway", "POST /v1/charges"),
    ),
    step("allocate", "logistics", "PUT /internal/shipments/{order_id}"),
    (
        *step("capture", "payment", "POST /internal/payments/{order_id}:capture"),
        *call("payment", "testgateway", "POST /v1/charges/{id}/capture"),
    ),
    step("commit", "warehouse", "POST /internal/reservations/{order_id}:commit"),
    (*SAGA, "order-processing create order-processing.order.confirmed"),
}
"""Some of the branches, each to its end; service and name of every span on the way."""


@pytest.fixture
def told(collector: Collector | None) -> Collector:
    if collector is None:
        pytest.skip("the spans of a shop that runs elsewhere are not sent here")
    return collector


def test_a_checkout_is_one_trace_from_the_request_to_the_confirmation(shop: Shop, told: Collector) -> None:
    lamp, card, guest = shop.product(), shop.card(), shop.guest()
    guest.add(lamp)
    placed = guest.try_order(payment_method=card)
    assert placed.status_code == 202
    trace_id = placed.headers["X-Request-Id"]  # of a request that brings none it is the trace's
    guest.until(placed.json()["order_id"], "confirmed")

    def spans() -> list[Told]:
        return [span for span in told.spans() if span.trace_id == trace_id]

    eventually(lambda: paths(spans()) >= EXPECTED, "the trace has all of it")
    assert [span.name for span in spans() if span.parent_id == ""] == ["POST /orders"]


def paths(spans: list[Told]) -> set[Path]:
    """From the first span down to each; none while some are still on their way."""
    by_id = {span.span_id: span for span in spans}
    found = set()
    for span in spans:
        path = [span]
        while path[0].parent_id in by_id:
            path.insert(0, by_id[path[0].parent_id])
        if path[0].parent_id == "":
            found.add(tuple(f"{each.service} {each.name}" for each in path))
    return found


def test_no_span_has_the_number_of_a_card(shop: Shop, told: Collector) -> None:
    guest = shop.guest()
    guest.add(shop.product())
    refused = guest.try_order(payment_method=CARD)
    assert refused.status_code == 422
    trace_id = refused.headers["X-Request-Id"]
    assert shop.card()
    eventually(lambda: any(span.trace_id == trace_id for span in told.spans()), "the refusal is told")
    assert CARD not in told.text()
