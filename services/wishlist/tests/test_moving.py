"""From a list into a cart, whatever breaks in between."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException
from prometheus_client import CollectorRegistry
from shop_chassis.client import ClientMetrics, Policy, ServiceClient
from shop_chassis.problems import Problem, install
from shop_contracts.cart.api import AddLine
from shop_wishlist.items import Items
from shop_wishlist.moving import Moving

from .conftest import Shop, problem


@dataclass
class Cart:
    """Adds as cart's contract says, each key once; can be told to misbehave."""

    lines: dict[UUID, int] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Cart and subject of each request."""
    refuses: Problem | None = None
    loses_answers: bool = False

    def app(self) -> FastAPI:
        app = FastAPI()
        install(app)

        @app.post("/internal/carts/{cart_id}/lines")
        async def add(
            cart_id: str, line: AddLine, subject: str, key: str = Header(alias="Idempotency-Key")
        ) -> dict[str, Any]:
            self.asked.append((cart_id, subject))
            if self.refuses:
                raise self.refuses
            if key not in self.keys:
                self.keys.add(key)
                self.lines[line.product_id] = self.lines.get(line.product_id, 0) + line.quantity
            if self.loses_answers:
                raise HTTPException(502)
            return {}

        return app


@pytest.fixture
def cart(shop: Shop) -> Cart:
    """Stands in for cart."""
    stand_in = Cart()
    client = ServiceClient(
        "cart",
        "http://cart",
        metrics=ClientMetrics(CollectorRegistry()),
        policy=Policy(timeout=10),
        transport=httpx.ASGITransport(stand_in.app()),
    )
    shop.runtime.provide(Moving(shop.runtime.get(Items), client))
    return stand_in


async def wished(shop: Shop, quantity: int = 2) -> tuple[UUID, str]:
    """A product on Ann's list, and where it is moved."""
    lamp = await shop.sell("lamp")
    await shop.person("ann").put(f"/wishlists/default/items/{lamp}", json={"quantity": quantity})
    return lamp, f"/wishlists/default/items/{lamp}:move-to-cart"


async def items(shop: Shop) -> int:
    return len((await shop.person("ann").get("/wishlists/default")).json()["items"])


async def test_it_is_in_the_cart_and_off_the_list(shop: Shop, cart: Cart) -> None:
    lamp, path = await wished(shop)
    moved = await shop.person("ann").post(path, json={"cart_id": "me"})
    assert moved.json() == {"cart_id": "me", "product_id": str(lamp), "quantity": 2}
    assert (cart.lines, cart.asked) == ({lamp: 2}, [("me", "ann")])
    assert await items(shop) == 0
    assert problem(await shop.person("ann").post(path, json={})) == (404, "not-on-list")


async def test_an_answer_that_got_lost_puts_nothing_in_twice(shop: Shop, cart: Cart) -> None:
    lamp, path = await wished(shop)
    cart.loses_answers = True
    assert problem(await shop.person("ann").post(path, json={})) == (503, "cart-unavailable")
    assert await items(shop) == 1
    cart.loses_answers = False
    assert (await shop.person("ann").post(path, json={})).status_code == 200
    assert (cart.lines, await items(shop)) == ({lamp: 2}, 0)


async def test_two_at_once_are_one(shop: Shop, cart: Cart) -> None:
    lamp, path = await wished(shop)
    answers = await asyncio.gather(*(shop.person("ann").post(path, json={}) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 404}
    assert 200 in {answer.status_code for answer in answers}
    assert (cart.lines, await items(shop)) == ({lamp: 2}, 0)


async def test_what_is_wished_for_again_is_put_in_again(shop: Shop, cart: Cart) -> None:
    lamp, path = await wished(shop)
    for _ in range(2):
        await shop.person("ann").put(f"/wishlists/default/items/{lamp}", json={"quantity": 2})
        assert (await shop.person("ann").post(path, json={})).status_code == 200
    assert cart.lines == {lamp: 4}


@pytest.mark.parametrize(
    ("status", "type"), [(404, "about:blank"), (409, "cart-limit"), (410, "cart-merged"), (422, "not-sold")]
)
async def test_what_cart_refuses_stays_on_the_list(shop: Shop, cart: Cart, status: int, type: str) -> None:
    _, path = await wished(shop)
    cart.refuses = Problem(status, "the cart says no", type=type)
    answer = await shop.person("ann").post(path, json={"cart_id": "guest-cart"})
    assert (*problem(answer), answer.json()["detail"]) == (status, type, "the cart says no")
    assert (await items(shop), cart.asked) == (1, [("guest-cart", "ann")])


async def test_without_cart_it_stays_on_the_list(shop: Shop) -> None:
    _, path = await wished(shop)
    answer = await shop.person("ann").post(path, json={})
    assert (problem(answer), answer.headers["Retry-After"]) == ((503, "cart-unavailable"), "2")
    assert await items(shop) == 1
