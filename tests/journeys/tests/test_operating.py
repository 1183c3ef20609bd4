"""What an administrator does about an order that does not go on, and what needs none."""

from shop_journeys.api import Json
from shop_journeys.shop import Shop
from shop_journeys.waiting import eventually


def saga_of(shop: Shop, order_id: str) -> Json | None:
    """The saga that takes an order from its reservation to its invoice."""
    sagas = shop.admin("order-processing").get("/admin/sagas", order_id=order_id, kind="order")["items"]
    return sagas[0] if sagas else None


def waiting(shop: Shop, order_id: str) -> Json:
    """Its saga once it has asked for the money in vain."""

    def look() -> Json | None:
        saga = saga_of(shop, order_id)
        return saga if saga and saga["step"] == "authorise" and saga["attempts"] else None

    return eventually(look, f"{order_id} waits for the gateway")


def test_an_answer_of_the_gateway_that_got_lost_costs_nobody_twice(shop: Shop) -> None:
    lamp, card = shop.product(), shop.card()
    ann = shop.register()
    ann.add(lamp)
    with shop.fault("timeout_after_success", card, operations=["authorise", "capture"], count=2, seconds=1.0):
        order_id = ann.order(payment_method=card)
        order = ann.until(order_id, "confirmed")
    [charge] = shop.charges(order_id)
    assert charge["captured"] == order["total"]["amount"]
    assert order["payment"]["captured"] == order["total"]


def test_a_saga_that_waits_is_shown_and_goes_on_when_it_is_retried(shop: Shop) -> None:
    lamp, card = shop.product(), shop.card()
    ann = shop.register()
    ann.add(lamp)
    with shop.fault("down", card):
        order_id = ann.order(payment_method=card)
        saga = waiting(shop, order_id)
        assert "at authorise" in shop.saga("list", "--order", order_id)
    shop.saga("retry", saga["id"], "--reason", "the gateway is back")
    ann.until(order_id, "confirmed")
    assert "the gateway is back" in shop.saga("show", saga["id"])
    assert len(shop.charges(order_id)) == 1


def test_a_saga_that_waits_is_turned_around_by_an_administrator(shop: Shop) -> None:
    lamp, card = shop.product(stock=1), shop.card()
    ann = shop.register()
    ann.add(lamp)
    with shop.fault("down", card):
        order_id = ann.order(payment_method=card)
        saga = waiting(shop, order_id)
        shop.saga("compensate", saga["id"], "--reason", "no gateway today")
    order = ann.until(order_id, "cancelled")
    assert order["payment"] is None or order["payment"]["captured"]["amount"] == 0
    assert all(charge["captured"] == 0 for charge in shop.charges(order_id))
    eventually(lambda: shop.available(lamp) == 1, "the lamp can be had again")
