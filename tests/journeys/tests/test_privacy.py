"""What the shop holds about somebody, and that it goes."""

from shop_journeys.shop import Shop
from shop_journeys.shopper import PASSWORD
from shop_journeys.waiting import eventually


def test_somebody_takes_their_data_along_and_is_forgotten(shop: Shop) -> None:
    lamp = shop.product()
    ann = shop.register("Ann Unforgettable")
    ann.at("user").post("/me/addresses", {"address": ann.address}, status=201)
    ann.add(lamp)
    order_id = ann.order()
    ann.until(order_id, "confirmed")

    exported = ann.at("user").get("/me/export")
    assert exported["unanswered"] == []
    assert set(exported["data"]) >= {"user", "order-taking", "order-processing", "payment", "logistics"}
    for name in ("user", "order-processing"):
        assert ann.email in str(exported["data"][name]), name
    assert order_id in str(exported["data"]["order-processing"])

    ann.at("user").delete("/me", status=204)
    login = {"email": ann.email, "password": PASSWORD}
    shop.api("user").post("/login", login, status=401)
    for service, path in (("cart", "/carts/me"), ("order-processing", "/orders"), ("user", "/me")):
        eventually(
            lambda service=service, path=path: ann.at(service).try_("GET", path).status_code == 401,  # type: ignore[misc]
            f"{service} refuses the token",
        )

    def forgotten() -> bool:
        order = shop.admin("order-processing").get(f"/admin/orders/{order_id}")
        parcel = shop.admin("logistics").get(f"/admin/shipments/{order_id}")
        return "Unforgettable" not in str(order) + str(parcel) and ann.email not in str(order)

    eventually(forgotten, "order and parcel do not name anybody")
    # What was bought and paid stays, as the law wants it.
    assert shop.admin("order-processing").get(f"/admin/orders/{order_id}")["state"] != "cancelled"


def test_somebody_who_signs_out_is_out_everywhere(shop: Shop) -> None:
    ann = shop.register()
    assert ann.at("cart").try_("GET", "/carts/me").status_code == 200
    ann.at("user").delete("/me/sessions", status=204)
    eventually(lambda: ann.at("cart").try_("GET", "/carts/me").status_code == 401, "cart refuses the token")
    again = shop.sign_in(ann.email)
    assert again.at("cart").try_("GET", "/carts/me").status_code == 200
