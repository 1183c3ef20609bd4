"""From registration to refund, and the other ways to an order."""

from uuid import uuid4

from shop_journeys.shop import Shop, together
from shop_journeys.waiting import eventually


def test_from_registration_to_refund(shop: Shop) -> None:
    lamp = shop.product(price=5900, stock=5)
    ann = shop.register()
    ann.add(lamp, 2)
    preview = ann.preview()
    assert preview["subtotal"]["amount"] == 2 * 5900
    assert {option["id"] for option in preview["options"]} >= {"standard", "express"}

    key = str(uuid4())
    wishes = {"key": key, "expected_total": preview["total"]}
    order_id = ann.order(**wishes)
    assert ann.order(**wishes) == order_id  # the answer got lost, so it is sent again
    order = ann.until(order_id, "confirmed")
    total = order["total"]["amount"]
    assert order["total"] == preview["total"]
    assert order["payment"]["captured"] == order["total"]
    assert shop.available(lamp) == 3
    assert ann.at("cart").get("/carts/me")["lines"] == []
    page = ann.at("order-processing").ask("GET", f"/orders/{order_id}/invoice")
    assert order["invoice"] in page.text

    ann.until(order_id, "shipped")
    eventually(lambda: shop.on_hand(lamp) == 3, "two lamps have left")
    shop.deliver(order_id)
    ann.until(order_id, "delivered")
    assert ann.at("logistics").get(f"/shipments/{order_id}")["state"] == "delivered"

    sent = ann.send_back(order_id, lamp, 1)
    shop.bring_back(sent["id"])
    refunded = eventually(lambda: ann.returned(order_id, "refunded"), f"{order_id} is refunded")
    assert 0 < refunded["amount"]["amount"] < total
    eventually(lambda: shop.on_hand(lamp) == 4, "the lamp is back on its shelf")
    [charge] = shop.charges(order_id)
    assert (charge["captured"], charge["refunded"]) == (total, refunded["amount"]["amount"])
    assert [each["id"] for each in ann.at("order-processing").get("/orders")["items"]] == [order_id]


def test_a_guest_checks_out(shop: Shop) -> None:
    lamp = shop.product()
    guest, other = shop.guest(), shop.guest()
    guest.add(lamp)
    order_id = guest.order()
    order = guest.until(order_id, "confirmed")
    assert (order["subject"], order["email"]) == (guest.subject, guest.email)
    assert other.read(order_id) is None


def test_a_guests_cart_goes_into_the_users_at_sign_in(shop: Shop) -> None:
    lamp, cup = shop.product(), shop.product(price=900)
    ann = shop.register()
    ann.add(lamp, 1)
    anonymous = shop.api("cart")
    cart = anonymous.post("/carts")["id"]
    for product, quantity in ((lamp, 2), (cup, 3)):
        line = {"product_id": product.id, "quantity": quantity}
        anonymous.post(f"/carts/{cart}/lines", line, Idempotency_Key=str(uuid4()))
    merged = shop.sign_in(ann.email).at("cart").post(f"/carts/{cart}:merge")
    quantities = {line["product_id"]: line["quantity"] for line in merged["lines"]}
    assert quantities == {lamp.id: 3, cup.id: 3}
    anonymous.get(f"/carts/{cart}", status=410)
    order = ann.until(ann.order(), "confirmed")
    assert order["subtotal"]["amount"] == 3 * lamp.price + 3 * cup.price


def test_of_two_shoppers_who_want_the_last_one_exactly_one_gets_it(shop: Shop) -> None:
    lamp = shop.product(stock=1)
    shoppers = [shop.register(), shop.guest()]
    for shopper in shoppers:
        shopper.add(lamp)
    answers = together(*(shopper.try_order for shopper in shoppers))
    outcomes = []
    for shopper, answer in zip(shoppers, answers, strict=True):
        if answer.status_code == 202:
            order = shopper.settled(answer.json()["order_id"])
            outcomes.append((order["state"], order["reason"]))
            held = [charge["status"] for charge in shop.charges(order["id"])]
            assert held in ([["captured"]] if order["state"] == "confirmed" else [[], ["voided"]])
        else:
            outcomes.append((str(answer.status_code), answer.json()["type"]))
    assert sorted(outcomes)[1:] == [("confirmed", None)]
    assert sorted(outcomes)[0] in {("cancelled", "out-of-stock"), ("409", "out-of-stock")}
    assert shop.available(lamp) == 0


def test_a_coupon_takes_something_off_once(shop: Shop) -> None:
    code = f"J{uuid4().hex[:10].upper()}"
    shop.admin("catalog").put(
        f"/admin/coupons/{code}",
        {
            "title": "A fifth off",
            "rule": {"type": "percentage", "percent": 20},
            "limit_per_subject": 1,
        },
        status=201,
    )
    lamp = shop.product(price=5000)
    ann = shop.register()
    ann.add(lamp)
    without, preview = ann.preview(), ann.preview(coupon=code)
    assert preview["discount"]["amount"] == 1000
    assert without["total"]["amount"] - preview["total"]["amount"] == 1000
    order_id = ann.order(coupon=code, expected_total=preview["total"])
    order = ann.until(order_id, "confirmed")
    assert (order["coupon"], order["payment"]["captured"]) == (code, preview["total"])
    ann.add(lamp)
    refused = ann.try_order(coupon=code)
    assert (refused.status_code, refused.json()["type"]) == (422, "coupon-refused")
    ann.cancel(order_id)  # what is not used for good can be used again
    ann.until(order_id, "cancelled")
    eventually(lambda: ann.try_order(coupon=code).status_code == 202, "the coupon can be used again")


def test_a_price_that_changed_is_shown_before_it_is_paid(shop: Shop) -> None:
    lamp = shop.product(price=4900)
    ann = shop.register()
    ann.add(lamp)
    shown = ann.preview()["total"]
    dearer = {"amount": 5900, "currency": "EUR"}
    shop.admin("catalog").put(f"/admin/products/{lamp.id}/price", dearer)

    def changed() -> bool:
        [line] = ann.at("cart").get("/carts/me")["lines"]
        return bool(line["changed"] and line["price_change"]["new"]["amount"] == 5900)

    eventually(changed, "the cart tells of the new price")
    refused = ann.try_order(expected_total=shown)
    assert (refused.status_code, refused.json()["type"]) == (409, "total-changed")
    now = ann.preview()["total"]
    assert now["amount"] - shown["amount"] == 1000
    order = ann.until(ann.order(expected_total=now), "confirmed")
    assert order["payment"]["captured"] == now


def test_low_stock_is_ordered_and_sold_again(shop: Shop) -> None:
    lamp = shop.product(stock=2, reorder_point=2, reorder_quantity=10)
    ann, ben = shop.register(), shop.register("Ben Example")
    ann.add(lamp, 2)
    ann.until(ann.order(), "confirmed")
    eventually(lambda: shop.shown(lamp) == 0, "catalog shows that it is sold out")
    ben.add(lamp)
    refused = ben.try_order()
    assert (refused.status_code, refused.json()["type"]) == (409, "out-of-stock")

    warehouse = shop.admin("warehouse")
    [ordered] = warehouse.get("/admin/replenishments", product_id=lamp.id, state="open")["items"]
    assert ordered["quantity"] == 10
    warehouse.post(f"/admin/replenishments/{ordered['id']}:receive", {})
    eventually(lambda: shop.shown(lamp) == 10, "catalog shows that it can be had again")
    ben.until(ben.order(), "confirmed")


def test_more_than_there_is_is_refused_before_anything_is_paid(shop: Shop) -> None:
    lamp = shop.product(stock=2)
    ann = shop.register()
    ann.add(lamp, 3)
    assert [each["available"] for each in ann.preview()["shortages"]] == [2]
    refused = ann.try_order()
    assert (refused.status_code, refused.json()["type"]) == (409, "out-of-stock")
