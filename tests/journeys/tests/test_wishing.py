"""From a wish to somebody else's link, into the cart, and to the day on which the price falls."""

from shop_journeys.shop import Shop
from shop_journeys.waiting import eventually


def test_a_wish_is_shared_and_moved_into_the_cart(shop: Shop) -> None:
    lamp, mug = shop.product(price=4900, stock=7), shop.product(price=900)
    ann = shop.register("Ann Wishful")
    wishes = ann.at("wishlist")
    for product, note in ((lamp, "the large one"), (mug, "")):
        ann.wish(product, note=note, quantity=2)
    asked = {"product_id": [lamp.id, mug.id]}
    assert wishes.ask("GET", "/wishlist-marks", params=asked).json() == {"product_ids": [lamp.id, mug.id]}

    token = wishes.post("/wishlists/default:share")["token"]
    seen = shop.api("wishlist").get(f"/shared-wishlists/{token}")
    assert [item["product"]["product_id"] for item in seen["items"]] == [mug.id, lamp.id]
    assert "Wishful" not in str(seen)
    assert ann.subject not in str(seen)

    wishes.post(f"/wishlists/default/items/{lamp.id}:move-to-cart", {"cart_id": "me"})
    [line] = ann.at("cart").get("/carts/me")["lines"]
    assert (line["product_id"], line["quantity"]) == (lamp.id, 2)
    assert [each["product"]["product_id"] for each in wishes.get("/wishlists/default")["items"]] == [mug.id]
    wishes.delete("/wishlists/default:share", status=204)
    shop.api("wishlist").ask("GET", f"/shared-wishlists/{token}", status=404)


def test_a_watcher_is_told_once_that_the_price_has_fallen(shop: Shop) -> None:
    lamp = shop.product(price=4900)
    ann, bob = shop.register(), shop.register()
    ann.wish(lamp)
    ann.watch(lamp)
    bob.watch(lamp, below={"amount": 4000, "currency": "EUR"})
    for price in (4500, 4500, 4700, 4600, 3900):
        shop.reprice(lamp, price)
    eventually(lambda: bob.told(lamp) == [3900], "Bob has been told of the last price")
    eventually(lambda: ann.told(lamp) == [4500, 3900], "Ann has been told of each fall, once")


def test_a_person_who_goes_takes_lists_and_watches_along(shop: Shop) -> None:
    lamp, ann = shop.product(price=4900), shop.register()
    ann.wish(lamp, note="for myself")
    ann.watch(lamp)
    held = eventually(lambda: ann.held("wishlist"), "wishlist says what it holds")
    assert held["wishlists"][0]["items"][0]["note"] == "for myself"
    token = ann.at("wishlist").post("/wishlists/default:share")["token"]
    ann.at("user").delete("/me", status=204)
    link = f"/shared-wishlists/{token}"
    eventually(lambda: shop.api("wishlist").try_("GET", link).status_code == 404, "the link has ended")
