"""What others looked at and bought is recommended, and the shop says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from shop.local.addresses import Addresses
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


@contextmanager
def browser(addresses: Addresses) -> Iterator[httpx.Client]:
    """Somebody without an account, who is known by a cookie alone."""
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    url = addresses.services["storefront"]
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def look(shop: Shop, client: httpx.Client, *products: Product) -> None:
    """Opens the pages of products; returns when the last one is known to have been looked at."""
    for product in products:
        slug = shop.api("catalog").get(f"/products/{product.id}")["slug"]
        eventually(lambda slug=slug: client.get(f"/p/{slug}").is_success, f"the page of {product}")  # type: ignore[misc]

        def last(product: Product = product) -> bool:
            answer = client.get("/api/recommendation/recently-viewed")
            seen = answer.json()["items"] if answer.is_success else []
            return bool(seen) and seen[0]["product_id"] == product.id

        eventually(last, f"{product} was looked at last")


def test_who_looks_at_a_product_is_shown_what_others_looked_at_then(shop: Shop, addresses: Addresses) -> None:
    lamp, bulb = shop.product(), shop.product()
    for _ in range(3):
        with browser(addresses) as other:
            look(shop, other, lamp, bulb)
    trained(shop)
    with browser(addresses) as client:
        look(shop, client, lamp)
        answer = client.get("/api/recommendation/recommendations", params={"limit": 50}).raise_for_status()
        found = reasons(answer.json())
        assert found[bulb.id] == ("because_viewed", lamp.id)
        assert lamp.id not in found
        nobody = reasons(shop.api("recommendation").get("/recommendations", limit=50))
        assert nobody[bulb.id][0] == "popular", "of another browser nothing is known"
