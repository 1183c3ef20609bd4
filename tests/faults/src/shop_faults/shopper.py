"""One shopper: comes, fills a cart, orders, and wants to know what becomes of it."""

import asyncio
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shop_faults.desk import Answer, Desk
from shop_faults.mails import Mails

CARDS = {"good": "4242424242424242", "declined": "4000000000000002", "to be confirmed": "4000000000003220"}
"""Numbers that the test gateway knows, by what comes of them."""
IMPATIENT_SECONDS = 0.05
PASSWORD = "correct horse battery staple"
RESTING = frozenset({"shipped", "delivered", "cancelled", "returned"})
"""In these nobody looks any more; a confirmed order is on its way soon."""
ADDRESS = {
    "name": "Ann Example",
    "line1": "Lindenallee 12",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}


@dataclass(frozen=True)
class Habits:
    """How somebody shops."""

    product: str
    quantity: int = 1
    card: str = "good"
    account: bool = False
    impatient: bool = False
    """Does not wait for the first answer, and asks again."""
    twice: bool = False
    """Presses the button twice."""
    cancels_after: float | None = None
    """Seconds."""
    returns: bool = False


def habits(chance: random.Random, products: list[str], scarce: list[str]) -> Habits:
    """Somebody, by chance."""
    return Habits(
        product=chance.choice(scarce if chance.random() < 0.15 else products),
        quantity=chance.choice((1, 1, 1, 2, 3)),
        card=chance.choices(list(CARDS), (90, 4, 6))[0],
        account=chance.random() < 0.12,
        impatient=chance.random() < 0.15,
        twice=chance.random() < 0.15,
        cancels_after=chance.uniform(0, 5) if chance.random() < 0.12 else None,
        returns=chance.random() < 0.15,
    )


class Shopper:
    """Does all of it in `shop`; what it believes is in the journal."""

    def __init__(self, name: str, habits: Habits, desk: Desk, mails: Mails) -> None:
        self.name = name
        self._habits = habits
        self._desk = desk
        self._mails = mails
        self._token = ""
        self._guest = True
        self._email = f"{name}-{secrets.token_hex(4)}@shop.example"

    async def shop(self) -> None:
        """From the door to the end of the order; returns early when the order is refused."""
        self._token = await self._sign_up() if self._habits.account else ""
        self._guest = not self._token
        if self._guest:
            self._token = await self._come_in()
        card = await self._card()
        cart = await self._fill_cart()
        order_id = None if cart is None else await self._order(cart, card)
        if order_id is not None:
            wish = asyncio.create_task(self._cancel(order_id))
            try:
                await self._follow(order_id)
            finally:
                wish.cancel()
                with suppress(asyncio.CancelledError):
                    await wish

    async def _come_in(self) -> str:
        return str((await self._insist("user", "POST", "/guests")).body["access_token"])

    async def _sign_up(self) -> str:
        """A customer's token; empty when the mail was out of date before it came: then a guest orders."""
        person = {"email": self._email, "password": PASSWORD}
        await self._insist("user", "POST", "/register", body={**person, "name": "Ann Example"})
        token = await self._mails.token(self._email)
        await self._insist("user", "POST", "/verify", body={"token": token})
        login = await self._insist("user", "POST", "/login", body=person)
        return str(login.body["access_token"]) if login.status == 200 else ""

    async def _card(self) -> str:
        """The token of a card that nobody else has: whatever it is charged for is this shopper's order."""
        new = {"number": CARDS[self._habits.card], "exp_month": 12, "exp_year": 2035, "cvc": "123"}
        key = self._desk.gateway_key
        made = await self._desk.insist(self.name, "testgateway", "POST", "/v1/methods", token=key, body=new)
        return str(made.body["token"])

    async def _fill_cart(self) -> str | None:
        """The cart with what is wanted in it; None when that cannot be had."""
        cart = (await self._insist("cart", "POST", "/carts")).body["id"] if self._guest else "me"
        # The quantity is set, not added: a cache that was killed may have forgotten that it was.
        path = f"/carts/{cart}/lines/{self._habits.product}"
        answer = await self._insist("cart", "PUT", path, body={"quantity": self._habits.quantity})
        return str(cart) if answer.status == 200 else None

    async def _order(self, cart: str, card: str) -> str | None:
        """The order's id; None when it is refused."""
        order: dict[str, Any] = {
            "body": {
                "cart_id": cart,
                "email": self._email,
                "shipping_address": ADDRESS,
                "shipping_option": "standard",
                "payment_method": card,
            },
            "key": str(uuid4()),
        }
        if self._habits.impatient:
            await self._ask("order-taking", "POST", "/orders", **order, seconds=IMPATIENT_SECONDS)
        presses = 2 if self._habits.twice else 1
        answers = await asyncio.gather(
            *(self._insist("order-taking", "POST", "/orders", **order) for _ in range(presses))
        )
        taken = [answer for answer in answers if answer.status == 202]
        return str(taken[0].body["order_id"]) if taken else None

    async def _cancel(self, order_id: str) -> None:
        if self._habits.cancels_after is None:
            return
        await asyncio.sleep(self._habits.cancels_after)
        while True:
            path, why = f"/orders/{order_id}:cancel", {"reason": "changed my mind"}
            answer = await self._insist("order-processing", "POST", path, body=why)
            if answer.status != 404:  # it has not heard of the order yet
                return
            await asyncio.sleep(0.5)

    async def _follow(self, order_id: str) -> None:
        """Looks at the order until nothing more is to come."""
        pause, sent_back, key = 0.3, False, str(uuid4())
        while True:
            await asyncio.sleep(pause)
            pause = min(1.3 * pause, 5.0)
            answer = await self._ask("order-processing", "GET", f"/orders/{order_id}")
            if answer is None or answer.status != 200:
                continue
            order = answer.body
            if order["state"] == "action_required" and order["action_url"]:
                await self._confirm(order["action_url"])
            elif order["state"] == "delivered" and self._habits.returns and not sent_back:
                product, quantity = order["lines"][0]["product_id"], 1
                body = {
                    "lines": [{"product_id": product, "quantity": quantity}],
                    "reason": "unwanted",
                }
                path = f"/orders/{order_id}/returns"
                await self._insist("order-processing", "POST", path, body=body, key=key)
                sent_back = True
            elif self._at_rest(order):
                return

    def _at_rest(self, order: dict[str, Any]) -> bool:
        if self._habits.returns and order["state"] in ("shipped", "delivered"):
            return any(each["state"] in ("refunded", "refused") for each in order["returns"])
        return order["state"] in RESTING

    async def _confirm(self, url: str) -> None:
        """On the bank's page; whether that worked is seen by the order."""
        challenge = url.rpartition("/")[2]
        path = f"/challenges/{challenge}:complete"
        await self._desk.ask(self.name, "testgateway", "POST", path, params={"outcome": "approved"})

    async def _ask(self, service: str, method: str, path: str, **options: Any) -> Answer | None:
        return await self._desk.ask(self.name, service, method, path, token=self._mine(), **options)

    async def _insist(self, service: str, method: str, path: str, **options: Any) -> Answer:
        return await self._desk.insist(self.name, service, method, path, token=self._mine(), **options)

    def _mine(self) -> str | None:
        return self._token or None
