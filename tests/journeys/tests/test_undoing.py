"""Orders that come to nothing: nobody pays, nothing stays reserved."""

import secrets
import string
from uuid import uuid4

import httpx
from shop_journeys.api import Json
from shop_journeys.shop import Shop
from shop_journeys.shopper import Shopper
from shop_journeys.waiting import eventually


def asked_by_bank(shopper: Shopper, order_id: str) -> Json:
    """The order while it waits for the shopper to confirm the payment."""
    order = shopper.until(order_id, "action_required")
    assert order["action_url"]
    return order


def test_a_declined_payment_gives_the_stock_back(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    ann = shop.register()
    ann.add(lamp)
    order = ann.until(ann.order(payment_method="tok_declined"), "cancelled")
    assert order["reason"] == "declined"
    assert order["payment"]["captured"]["amount"] == 0
    assert [charge["status"] for charge in shop.charges(order["id"])] == ["declined"]
    assert shop.available(lamp) == 1
    ann.add(lamp)
    ann.until(ann.order(), "confirmed")


def test_a_payment_that_the_bank_wants_confirmed_goes_on_once_it_is(shop: Shop) -> None:
    lamp = shop.product()
    ann = shop.register()
    ann.add(lamp)
    order_id = ann.order(payment_method="tok_3ds")
    asked = asked_by_bank(ann, order_id)
    page = httpx.get(asked["action_url"], trust_env=False)  # as a browser opens it
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    shop.confirm_payment(order_id)
    order = ann.until(order_id, "confirmed")
    assert order["payment"]["captured"] == order["total"]


def test_a_shipment_that_turns_out_impossible_voids_the_payment(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    ann = shop.register()
    place, carrier = uuid4().hex[:6], f"journey-{uuid4().hex[:8]}"
    ann.address |= {"postal_code": place.upper()}
    logistics = shop.admin("logistics")
    area = {"country": "DE", "postal_prefix": place.upper()}
    logistics.put(f"/admin/zones/{carrier}", {"areas": [area]}, status=201)
    rate = {
        "zone": carrier,
        "option": "standard",
        "max_weight_grams": 20_000,
        "price": {"amount": 490, "currency": "EUR"},
        "days_min": 1,
        "days_max": 2,
    }
    prefix = "".join(secrets.choice(string.ascii_uppercase) for _ in range(4))
    offer = {"title": "One man, one van", "tracking_prefix": prefix, "active": True, "rates": [rate]}
    made = logistics.ask("PUT", f"/admin/carriers/{carrier}", json=offer, status=201)

    ann.add(lamp)
    order_id = ann.order(payment_method="tok_3ds")
    asked_by_bank(ann, order_id)
    gone = offer | {"active": False}
    logistics.put(f"/admin/carriers/{carrier}", gone, If_Match=made.headers["ETag"])
    shop.confirm_payment(order_id)
    order = ann.until(order_id, "cancelled")
    assert order["reason"] == "not-deliverable"
    [charge] = shop.charges(order_id)
    assert (charge["status"], charge["captured"]) == ("voided", 0)
    assert shop.available(lamp) == 1


def test_an_order_is_cancelled_before_it_is_paid(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    ann = shop.register()
    ann.add(lamp)
    order_id = ann.order(payment_method="tok_3ds")
    asked_by_bank(ann, order_id)
    ann.cancel(order_id)
    order = ann.until(order_id, "cancelled")
    assert order["cancellation"]["refused"] is None
    [charge] = shop.charges(order_id)
    assert (charge["status"], charge["captured"]) == ("voided", 0)
    assert shop.available(lamp) == 1


def test_an_order_is_cancelled_after_it_is_paid(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    ann = shop.register()
    ann.add(lamp)
    order_id = ann.order()
    paid = ann.until(order_id, "confirmed")
    ann.cancel(order_id)
    order = ann.until(order_id, "cancelled")
    assert order["payment"]["refunded"] == paid["total"]
    [charge] = shop.charges(order_id)
    assert charge["captured"] == charge["refunded"] == paid["total"]["amount"]
    eventually(lambda: shop.available(lamp) == 1, "the lamp can be had again")
    assert shop.on_hand(lamp) == 1


def test_an_order_that_has_left_cannot_be_cancelled(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    ann = shop.register()
    ann.add(lamp)
    order_id = ann.order()
    ann.until(order_id, "shipped")
    refused = ann.at("order-processing").try_("POST", f"/orders/{order_id}:cancel", json={"reason": "late"})
    assert (refused.status_code, refused.json()["type"]) == (409, "already-dispatched")
