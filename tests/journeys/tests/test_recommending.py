"""What others looked at and bought is recommended, and the shop says why."""

from typing import Any

from shop_journeys.shop import Product, Shop
from shop_journeys.shopper import Shopper
from shop_journeys.waiting import eventually

Reasons = dict[str, tuple[str, str | None]]
"""By product: the kind of reason, and the product that it names."""


def trained(shop: Shop) -> None:
    """Has a model made of all that was heard so far, and in use."""
    admin = shop.admin("recommendation")
    latest = admin.get("/admin/model")["latest"]
    before = latest["version"] if latest else 0

    def newer() -> bool:
        admin.post("/admin/train", status=202)
        loaded = admin.get("/admin/model")["loaded"]
        return bool(loaded) and loaded["version"] > before

    eventually(newer, "a newer model is in use")


def reasons(answer: Any) -> Reasons:
    return {
        item["product_id"]: (item["reason"]["kind"], item["reason"]["product_id"]) for item in answer["items"]
    }


def shown(shopper: Shopper, **query: Any) -> Reasons:
    return reasons(shopper.at("recommendation").get("/recommendations", limit=50, **query))


def heard(shop: Shop, shopper: Shopper, kind: str, *products: Product) -> None:
    """Returns when the service knows that the shopper did that."""
    name = {"cart": "because_viewed", "order": "because_bought"}[kind]

    def known() -> bool:
        found = {why for why, of in shown(shopper).values() if of in {product.id for product in products}}
        return name in found

    eventually(known, f"recommendations know the {kind} of {shopper.subject}")


def test_what_others_put_together_is_recommended_with_the_reason(shop: Shop) -> None:
    lamp, bulb, cable = (shop.product(stock=20) for _ in range(3))
    for _ in range(3):
        guest = shop.guest()
        guest.add(lamp)
        guest.add(bulb)
        heard(shop, guest, "cart", lamp, bulb)
    trained(shop)

    ann, bob = shop.register("Ann Example"), shop.guest()
    ann.add(lamp)
    eventually(
        lambda: shown(ann).get(bulb.id) == ("because_viewed", lamp.id),
        "the bulb goes with the lamp in the cart",
    )
    assert lamp.id not in shown(ann)

    for buyer in (ann, bob):
        if buyer is bob:
            buyer.add(lamp)
        buyer.add(cable)
        order_id = buyer.order()
        buyer.until(order_id, "confirmed")
        heard(shop, buyer, "order", lamp, cable)
    trained(shop)

    assert shown(ann)[bulb.id] == ("because_bought", lamp.id)
    assert {lamp.id, cable.id}.isdisjoint(shown(ann)), "they have been bought"
    anybody = shop.api("recommendation")
    together = reasons(anybody.get(f"/bought-together/{lamp.id}"))
    assert together == {cable.id: ("bought_together", lamp.id)}
    on_page = reasons(anybody.get("/recommendations", slot="product", product_id=lamp.id, limit=50))
    assert on_page[cable.id] == ("bought_together", lamp.id)

    exported = ann.at("user").get("/me/export")["data"]["recommendation"]["interactions"]
    assert {(each["kind"], each["product_id"]) for each in exported} == {
        ("cart", lamp.id),
        ("cart", cable.id),
        ("order", lamp.id),
        ("order", cable.id),
    }
