"""Real requests to a running shop: what `up` does last, so that its addresses are known to answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx

from shop_platform.platform import SHOP, Platform
from shop_platform.process import Failure

Json = dict[str, Any]
GUEST = {
    "email": "guest@shop.example",
    "shipping_address": {
        "name": "Ann Example",
        "line1": "Lindenallee 12",
        "city": "Berlin",
        "postal_code": "10115",
        "country": "DE",
    },
    "shipping_option": "standard",
    "payment_method": "tok_visa",
}
CONFIRM, CHEAPER = "Confirm your e-mail", "now costs"
VERIFY = re.compile(r"/verify\?token=([\w.~-]+)")
PATIENCE = 90.0  # seconds: the worker may have to wake first


def tour(platform: Platform, patience: float = PATIENCE) -> Iterator[str]:
    """A shopper and an administrator at work; what answered, line by line. Raises Failure."""
    catalog, cart = platform.url("catalog"), platform.url("cart")
    with httpx.Client(timeout=10) as client:
        pages = f"{platform.url('storefront')}/"
        shown = get(client, pages)
        yield f"GET {pages}: the shop's front page, {len(shown.content) // 1024} KiB of HTML"
        page = ask(client, "GET", f"{catalog}/products", params={"limit": 20})
        product = page["items"][0]
        first = f"“{product['title']}”, {money(product['price'])}"
        yield f"GET {catalog}/products: {len(page['items'])} products, first {first}"

        basket = ask(client, "POST", f"{cart}/carts")["id"]
        filled = ask(
            client, "POST", f"{cart}/carts/{basket}/lines", json={"product_id": product["id"], "quantity": 2}
        )
        yield f"POST {cart}/carts/…/lines: {filled['item_count']} pieces, {money(filled['total'])}"
        yield from ordered(platform, client, basket, patience)

        yield from told(platform, client, product, patience)


def ordered(platform: Platform, client: httpx.Client, basket: str, patience: float) -> Iterator[str]:
    """A guest orders what is in the cart; the order's trail through the services. Raises Failure."""
    user, taking = platform.url("user"), platform.url("order-taking")
    guest = ask(client, "POST", f"{user}/guests")
    headers = {"authorization": f"Bearer {guest['access_token']}"}
    begun = time.monotonic()
    taken = ask(
        client,
        "POST",
        f"{taking}/orders",
        json={**GUEST, "cart_id": basket},
        headers={**headers, "idempotency-key": str(uuid4())},
    )
    yield f"POST {taking}/orders: accepted, {money(taken['total'])}, of it {money(taken['tax'])} tax"

    mine = f"{platform.url('order-processing')}/orders/{taken['order_id']}"

    def confirmed() -> bool:
        answer = client.get(mine, headers=headers)
        state = answer.json()["state"] if answer.is_success else None
        if state in ("cancelled", "cancelling"):
            raise Failure(
                f"GET {mine}: expected an order that is confirmed, it is {state}", answer.text[:500]
            )
        return state in ("confirmed", "shipped", "delivered")

    until(confirmed, patience, "the order was not confirmed", "order-processing")
    took = time.monotonic() - begun
    order = ask(client, "GET", mine, headers=headers)
    states = " → ".join(change["state"] for change in order["history"])
    yield f"GET {platform.url('order-processing')}/orders/…: {states}, confirmed after {took:.1f} s"
    shipment = order["shipment"]
    paid, sent = money(order["payment"]["captured"]), f"{shipment['carrier']} {shipment['tracking_number']}"
    yield f"paid {paid}, invoice {order['invoice']}, with {sent}"


def told(platform: Platform, client: httpx.Client, product: Json, patience: float) -> Iterator[str]:
    """Somebody with an account watches the price, which falls, and is told. Raises Failure."""
    user, mailbox = platform.url("user"), platform.url("mailbox")
    who = {"email": f"{uuid4().hex[:12]}@shop.example", "password": uuid4().hex}
    mails = f"{mailbox}/mails?to={who['email']}"

    def mailed(about: str) -> list[Json]:
        return [mail for mail in ask(client, "GET", mails)["items"] if about in mail["subject"]]

    def arrive(about: str) -> None:
        missing = f"the mail “{about}…” did not arrive"
        until(lambda: bool(mailed(about)), patience, missing, "notification-worker")

    ask(client, "POST", f"{user}/register", json={**who, "name": "Ann Example"})
    arrive(CONFIRM)
    [confirm] = mailed(CONFIRM)
    ask(client, "POST", f"{user}/verify", json={"token": VERIFY.findall(confirm["text"])[0]})
    tokens = ask(client, "POST", f"{user}/login", json=who)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    watch = f"{platform.url('wishlist')}/watches/{product['id']}"
    known = lambda: client.put(watch, json={}, headers=headers).is_success  # noqa: E731
    until(known, patience, "the product was not known", "wishlist")

    lower = {**product["price"], "amount": product["price"]["amount"] * 95 // 100}
    price = f"{platform.url('catalog')}/admin/products/{product['id']}/price"
    admin = {"authorization": f"Bearer {platform.token('catalog:admin')}"}
    begun = time.monotonic()
    ask(client, "PUT", price, json=lower, headers=admin)
    yield f"PUT {price.replace(product['id'], '…')}: {money(product['price'])} → {money(lower)}"
    arrive(CHEAPER)
    took = time.monotonic() - begun
    [mail] = mailed(CHEAPER)
    yield f"catalog → wishlist → notification: “{mail['subject']}” at {mailbox} after {took:.1f} s"
    ask(client, "PUT", price, json=product["price"], headers=admin)


def ask(client: httpx.Client, method: str, url: str, **given: Any) -> Json:
    """The JSON of a good answer; raises Failure that quotes any other."""
    answer = get(client, url, method, **given)
    return dict(answer.json()) if answer.content else {}


def get(client: httpx.Client, url: str, method: str = "GET", **given: Any) -> httpx.Response:
    """A good answer; raises Failure that quotes any other."""
    # Just after a rollout a request can still reach a pod that ends.
    for attempt in range(5):
        try:
            answer = client.request(method, url, **given)
        except httpx.TransportError as error:
            if attempt == 4:
                raise Failure(f"{method} {url}: {error or type(error).__name__}") from error
            time.sleep(1)
            continue
        if answer.is_success:
            return answer
        if answer.status_code != 503 or attempt == 4:
            raise Failure(
                f"{method} {url}: expected a good answer, got {answer.status_code}", answer.text[:500]
            )
        time.sleep(1)
    raise AssertionError("unreachable")


def until(true: Callable[[], bool], seconds: float, otherwise: str, who: str) -> None:
    """Waits for something to be true, which `who` brings about; raises Failure."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Failure(f"{otherwise} in {seconds:.0f} s: `kubectl logs -n {SHOP} deploy/{who}`")
        time.sleep(0.5)


def money(price: Json | None) -> str:
    """`49.00 EUR`."""
    return f"{price['amount'] / 100:.2f} {price['currency']}" if price else "nothing"
