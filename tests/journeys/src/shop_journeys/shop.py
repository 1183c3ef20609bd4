"""The shop: where its services are, who may do what in them, and what stands on its shelves."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import uuid4

import httpx
from shop.cli import main
from shop.keys import from_file
from shop.local.addresses import CONSOLE, Addresses

from shop_journeys.api import Api, Json
from shop_journeys.mails import BrokerMails, ConsoleMails, Mails
from shop_journeys.shopper import PASSWORD, Shopper
from shop_journeys.waiting import eventually

CATEGORY = "journeys"
WAREHOUSE = "rotterdam"


@dataclass(frozen=True)
class Product:
    """Something that was put up for sale for one test."""

    id: str
    price: int
    """In cents."""


class Shop:
    """Everything a journey needs; nothing in it says where the shop runs."""

    def __init__(self, at: Addresses) -> None:
        self._signer = from_file(at.private_key)
        self._http = {
            name: httpx.Client(base_url=url, timeout=30, trust_env=False) for name, url in at.services.items()
        }
        self.mails: Mails = BrokerMails(at.broker) if at.broker else ConsoleMails(at.services[CONSOLE])
        self.gateway = Api(self._http["testgateway"], at.gateway_key)
        """Its faults and its charges."""
        self.services = frozenset(at.services) - {CONSOLE}

    def close(self) -> None:
        """Gives up all connections."""
        for http in self._http.values():
            http.close()

    def api(self, service: str, token: str | None = None) -> Api:
        """A service, for anybody or for the owner of a token."""
        return Api(self._http[service], token)

    def admin(self, service: str) -> Api:
        """A service, for its administrator."""
        return self.api(service, self.token("administrator", f"{service}:admin"))

    def token(self, subject: str, scope: str) -> str:
        """As user would give it, for ten minutes."""
        return self._signer.token(subject, scope, seconds=600)

    def open(self) -> None:
        """Makes what all tests share."""
        category = {"slug": CATEGORY, "title": "Journeys"}
        self.admin("catalog").put(f"/admin/categories/{CATEGORY}", category)
        made = self.admin("warehouse").ask(
            "PUT",
            f"/admin/warehouses/{WAREHOUSE}",
            json={"title": "Rotterdam", "country": "NL", "priority": 10},
            headers={"If-Match": "*"},
        )
        assert made.status_code in (200, 201)

    def product(
        self, *, price: int = 4900, stock: int = 10, reorder_point: int = 0, reorder_quantity: int = 1
    ) -> Product:
        """A new one, on the shelf and in catalog; returns when catalog knows that it can be had."""
        name = f"journey-{uuid4().hex[:12]}"
        new = {
            "sku": name.upper(),
            "slug": name,
            "title": f"Lamp {name}",
            "category": CATEGORY,
            "price": {"amount": price, "currency": "EUR"},
        }
        made: Json = self.admin("catalog").post("/admin/products", new, status=201)
        product = Product(made["id"], price)
        shelf = {"on_hand": stock, "reorder_point": reorder_point, "reorder_quantity": reorder_quantity}
        self.admin("warehouse").put(f"/admin/stock/{WAREHOUSE}/{product.id}", shelf, status=201)
        eventually(lambda: self.shown(product) == stock, f"catalog shows {stock} of {product}")
        return product

    def reprice(self, product: Product, price: int) -> None:
        """The administrator sets another price, in cents."""
        self.admin("catalog").put(f"/admin/products/{product.id}/price", {"amount": price, "currency": "EUR"})

    def shown(self, product: Product) -> int | None:
        """How many can be had, as catalog shows it."""
        found: int | None = self.api("catalog").get(f"/products/{product.id}")["available"]
        return found

    def available(self, product: Product) -> int:
        """How many can be ordered, as warehouse knows it."""
        [item] = self.api("warehouse").get("/availability", id=product.id)["items"]
        return int(item["available"])

    def on_hand(self, product: Product) -> int:
        """The physical count."""
        return int(self.admin("warehouse").get(f"/admin/stock/{WAREHOUSE}/{product.id}")["on_hand"])

    def charges(self, order_id: str) -> list[Json]:
        """What the gateway holds or took for an order, by its own books."""
        found: list[Json] = self.gateway.get("/v1/charges", reference=order_id)["items"]
        return found

    def confirm_payment(self, order_id: str) -> None:
        """What the shopper does on the bank's page."""
        [charge] = self.charges(order_id)
        challenge = charge["action_url"].rpartition("/")[2]
        path = f"/challenges/{challenge}:complete"
        answer = self.api("testgateway").try_("POST", path, params={"outcome": "approved"})
        assert answer.status_code < 400, answer.text

    def card(self) -> str:
        """The token of a good card that nobody else has, so that faults can be made for it alone."""
        new = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2035, "cvc": "123"}
        return str(self.gateway.post("/v1/methods", new)["token"])

    @contextmanager
    def fault(self, kind: str, card: str, **details: Any) -> Iterator[None]:
        """The gateway does that to charges of this card meanwhile."""
        self.gateway.put("/faults", {"faults": [{"kind": kind, "method": card, **details}]})
        try:
            yield
        finally:
            self.gateway.put("/faults", {"faults": []})

    def saga(self, *arguments: str) -> str:
        """What `shop saga …` prints."""
        where = ["--url", str(self._http["order-processing"].base_url)]
        token = self.token("administrator", "order-processing:admin")
        with redirect_stdout(StringIO()) as printed:
            code = main(["saga", *arguments, *where, "--token", token])
        assert code == 0, printed.getvalue()
        return printed.getvalue()

    def guest(self) -> Shopper:
        """Somebody without an account."""
        tokens = self.api("user").post("/guests")
        return Shopper(
            self, tokens["access_token"], tokens["subject"], f"{secrets.token_hex(6)}@guest.example"
        )

    def register(self, name: str = "Ann Example") -> Shopper:
        """Somebody with an account: registered, confirmed by the mail, signed in."""
        email = f"{secrets.token_hex(6)}@shop.example"
        self.api("user").post("/register", {"email": email, "password": PASSWORD, "name": name})
        self.api("user").post("/verify", {"token": self.mailed_token(email, "verify-email")})
        return self.sign_in(email)

    def sign_in(self, email: str) -> Shopper:
        """Somebody who has an account already."""
        tokens = self.api("user").post("/login", {"email": email, "password": PASSWORD})
        return Shopper(self, tokens["access_token"], tokens["subject"], email)

    def mailed_token(self, email: str, template: str) -> str:
        """The token of the newest mail of that kind."""

        def look() -> str | None:
            mails = self.mails.to(email)
            return next((mail.data["token"] for mail in mails if mail.template == template), None)

        return eventually(look, f"a mail {template} to {email}")

    def deliver(self, order_id: str) -> None:
        """The carrier brings an order that has left; it may be on its way by itself."""
        self._advance(f"/admin/shipments/{order_id}", "in_transit", "delivered")

    def bring_back(self, return_id: str) -> None:
        """The carrier brings a return."""
        self._advance(f"/admin/returns/{return_id}", "in_transit", "delivered")

    def _advance(self, path: str, *states: str) -> None:
        logistics = self.admin("logistics")
        for state in states:
            answer = logistics.try_("POST", f"{path}:advance", json={"state": state})
            # 409: the demo carrier was quicker.
            assert answer.status_code in (200, 409), answer.text


def together(*works: Any) -> list[Any]:
    """What these come to, done at the same time."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]
