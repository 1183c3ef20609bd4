"""People who shop: some with something in their carts, some with an order, some who sign in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shop import demo
from shop_chassis.signing import Signer
from shop_journeys.shop import Product, Shop
from shop_journeys.shopper import PASSWORD, Shopper

LINES = 3
"""In a cart."""
TOKEN_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Size:
    """How many there are of each kind."""

    shoppers: int = 100
    fillers: int = 1000
    orders: int = 20
    people: int = 8
    sessions: int = 64
    products: int | None = None
    """Of the demo catalogue; None for all."""


@dataclass
class Crowd:
    """What requests are made of."""

    products: list[str]
    shoppers: list[str]
    """Tokens of people with LINES different things in their carts."""
    fillers: list[str]
    """Tokens of people whose carts are filled while it is measured."""
    orders: list[tuple[str, str]]
    """Token and order."""
    logins: list[dict[str, Any]]
    sessions: deque[str]
    """Refresh tokens, each for one use."""


def gather(shop: Shop, signer: Signer, size: Size) -> Crowd:
    """Makes them, as they would themselves. Returns when their orders have left the house."""
    goods = [Product(str(each.id), each.price.amount) for each in demo.products(size.products)]

    def somebody() -> Shopper:
        subject = str(uuid4())
        token = signer.token(subject, "shop", seconds=TOKEN_SECONDS)
        return Shopper(shop, token, subject, f"{subject}@shop.example")

    shoppers, buyers = ([somebody() for _ in range(count)] for count in (size.shoppers, size.orders))
    for number, shopper in enumerate([*shoppers, *buyers]):
        for line in range(LINES):
            shopper.add(goods[(number * LINES + line) % len(goods)])
    orders = [buyer.order() for buyer in buyers]
    for buyer, order in zip(buyers, orders, strict=True):
        buyer.until(order, "shipped")
    emails = [shop.register().email for _ in range(size.people)]
    logins = [{"email": email, "password": PASSWORD} for email in emails]
    user = shop.api("user")
    opened = [user.post("/login", logins[number % len(logins)]) for number in range(size.sessions)]
    return Crowd(
        products=[each.id for each in goods],
        shoppers=[each.token for each in shoppers],
        fillers=[somebody().token for _ in range(size.fillers)],
        orders=[(buyer.token, order) for buyer, order in zip(buyers, orders, strict=True)],
        logins=logins,
        sessions=deque(tokens["refresh_token"] for tokens in opened),
    )
