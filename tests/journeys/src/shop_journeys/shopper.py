"""Somebody who shops, with or without an account."""

from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import httpx

from shop_journeys.api import Api, Json
from shop_journeys.waiting import eventually

if TYPE_CHECKING:
    from shop_journeys.shop import Product

PASSWORD = "correct horse battery staple"
ADDRESS = {
    "name": "Ann Example",
    "line1": "Lindenallee 12",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}
RESTING = {"confirmed", "shipped", "delivered", "cancelled", "returned"}
"""States in which an order waits for something new; from the others it comes here by itself."""

PAST = {"confirmed": {"shipped", "delivered"}, "shipped": {"delivered"}}
"""Who looks for the one may find that the order is further already."""


class Ways(Protocol):
    """The ways to the services."""

    def api(self, service: str, token: str | None = None) -> Api:
        """A service, for anybody or for the owner of a token."""


class Shopper:
    """What one person sees and does."""

    def __init__(self, shop: Ways, token: str, subject: str, email: str) -> None:
        self._shop = shop
        self.token = token
        self.subject = subject
        self.email = email
        self.address: Json = dict(ADDRESS)

    def at(self, service: str) -> Api:
        """A service, with this person's token."""
        return self._shop.api(service, self.token)

    def add(self, product: "Product", quantity: int = 1, *, cart: str = "me") -> Json:
        """The cart with that much more in it."""
        line = {"product_id": product.id, "quantity": quantity}
        path, key = f"/carts/{cart}/lines", str(uuid4())
        shown: Json = self.at("cart").post(path, line, Idempotency_Key=key)
        return shown

    def wish(self, product: "Product", **how: Any) -> Json:
        """Puts it on the default list."""
        return self._once_known(product, f"/wishlists/default/items/{product.id}", how)

    def watch(self, product: "Product", **terms: Any) -> Json:
        """Wants to know when it gets cheaper."""
        return self._once_known(product, f"/watches/{product.id}", terms)

    def _once_known(self, product: "Product", path: str, body: Json) -> Json:
        """The answer to a PUT, as soon as wishlist has heard of the product."""

        def put() -> Json:
            shown: Json = self.at("wishlist").put(path, body)
            return shown

        return eventually(put, f"wishlist knows {product}")

    def held(self, service: str) -> Json:
        """What a service holds about this person, as an export has it."""
        export = self.at("user").get("/me/export")
        assert service in export["data"], f"{service} did not say: {export['unanswered']}"
        found: Json = export["data"][service]
        return found

    def told(self, product: "Product") -> list[int]:
        """The prices that this watcher was told, as wishlist keeps them: one for each notice."""
        watches = [
            each for each in self.held("wishlist")["watches"] if each["product"]["product_id"] == product.id
        ]
        return [notice["amount"] for each in watches for notice in each["notices"]]

    def preview(self, **wishes: Any) -> Json:
        """What the cart would come to."""
        body = {"cart_id": "me", "shipping_address": self.address} | wishes
        shown: Json = self.at("order-taking").post("/orders:preview", body)
        return shown

    def try_order(self, *, key: str | None = None, **wishes: Any) -> httpx.Response:
        """Orders what is in the cart; the answer, whatever it is."""
        body = {
            "cart_id": "me",
            "email": self.email,
            "shipping_address": self.address,
            "shipping_option": "standard",
            "payment_method": "tok_visa",
        }
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self.at("order-taking").try_("POST", "/orders", json=body | wishes, headers=headers)

    def order(self, **wishes: Any) -> str:
        """Orders what is in the cart; the order's id."""
        answer = self.try_order(**wishes)
        assert answer.status_code == 202, f"expected 202, found {answer.status_code} {answer.text}"
        return str(answer.json()["order_id"])

    def read(self, order_id: str) -> Json | None:
        """The order; None until order-processing has heard of it."""
        answer = self.at("order-processing").try_("GET", f"/orders/{order_id}")
        assert answer.status_code in (200, 404), answer.text
        found: Json | None = answer.json() if answer.status_code == 200 else None
        return found

    def until(self, order_id: str, state: str) -> Json:
        """The order once it has come to that state; fails at once when it was cancelled instead."""
        seen = "not known"

        def look() -> Json | None:
            nonlocal seen
            order = self.read(order_id)
            seen = order["state"] if order else "not known"
            if order and order["state"] == "cancelled" != state:
                raise Stuck(f"expected {state}, found cancelled: {order['reason']}")
            return order if order and order["state"] in {state, *PAST.get(state, ())} else None

        try:
            return eventually(look, f"order {order_id} is {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from None

    def settled(self, order_id: str) -> Json:
        """The order once nothing moves it any more."""

        def look() -> Json | None:
            order = self.read(order_id)
            return order if order and order["state"] in RESTING else None

        return eventually(look, f"order {order_id} rests")

    def cancel(self, order_id: str) -> None:
        """Wishes it cancelled."""
        self.at("order-processing").post(f"/orders/{order_id}:cancel", {"reason": "changed my mind"})

    def send_back(self, order_id: str, product: "Product", quantity: int) -> Json:
        """Announces a return; the return, once its label is there."""
        lines = [{"product_id": product.id, "quantity": quantity}]
        body = {"lines": lines, "reason": "unwanted"}
        self.at("order-processing").post(
            f"/orders/{order_id}/returns", body, status=201, Idempotency_Key=str(uuid4())
        )
        return eventually(lambda: self.returned(order_id, "labelled"), f"a label for {order_id}")

    def returned(self, order_id: str, state: str) -> Json | None:
        """The order's first return, if it is in that state."""
        order = self.read(order_id)
        assert order
        return next((each for each in order["returns"] if each["state"] == state), None)


class Stuck(Exception):  # noqa: N818 - the message says what is wrong
    """What is waited for will not come."""
