"""The hot routes: what shoppers ask most, each with the rate at which its latency is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from uuid import uuid4

from shop_journeys.shopper import ADDRESS
from shop_platform.openload import Send

from shop_bench.services.crowd import LINES, Crowd
from shop_bench.services.wire import Answer, Connections

Requests = Callable[[Crowd, Connections], Iterator[bytes]]
PAGE = 20
"""Products in a list, a batch, a question for availability."""
ADDRESSES = 4096
"""That requests come from."""


@dataclass(frozen=True)
class Route:
    """One route of one service."""

    name: str
    service: str
    rate: float
    """Requests per second of the open load: well below what one core can do."""
    sending: Callable[[Crowd, Connections], Send]


def asked(requests: Requests) -> Callable[[Crowd, Connections], Send]:
    """Sends one after the other; whatever is not 200 is a failure."""

    def sending(crowd: Crowd, connections: Connections) -> Send:
        waiting = requests(crowd, connections)

        async def send() -> str:
            return fault(await connections.exchange(next(waiting)))

        return send

    return sending


def fault(answer: Answer) -> str:
    """What is wrong with an answer; nothing with a 200."""
    return "" if answer.status == 200 else f"status {answer.status}"


def from_everywhere() -> Iterator[str]:
    """Addresses as a balancer adds them; rate limits count by address and by subject."""
    return cycle(f"10.0.{number // 256}.{number % 256}" for number in range(ADDRESSES))


def _list(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for address in from_everywhere():
        yield to.request("GET", f"/products?limit={PAGE}", X_Forwarded_For=address)


def _product(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for address, id in zip(from_everywhere(), cycle(crowd.products), strict=False):
        yield to.request("GET", f"/products/{id}", X_Forwarded_For=address)


def _batch(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for address, ids in zip(from_everywhere(), _pages(crowd), strict=False):
        yield to.request("POST", "/products:batch", {"ids": ids}, X_Forwarded_For=address)


def _availability(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for address, ids in zip(from_everywhere(), _pages(crowd), strict=False):
        query = "&".join(f"id={id}" for id in ids)
        yield to.request("GET", f"/availability?{query}", X_Forwarded_For=address)


def _pages(crowd: Crowd) -> Iterator[list[str]]:
    twice = crowd.products * 2
    return (twice[at : at + PAGE] for at in cycle(range(len(crowd.products))))


def _cart(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for token in cycle(crowd.shoppers):
        yield to.request("GET", "/carts/me", Authorization=f"Bearer {token}")


def _add(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    """Everybody adds one piece in turn, of as many products as the carts that are read have."""
    for number in count():
        turn, which = divmod(number, len(crowd.fillers))
        line = {"product_id": crowd.products[turn % LINES], "quantity": 1}
        who = f"Bearer {crowd.fillers[which]}"
        yield to.request("POST", "/carts/me/lines", line, Authorization=who, Idempotency_Key=str(uuid4()))


def _quote(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    lines = [{"quantity": 1 + line, "weight_grams": 450 * (1 + line)} for line in range(LINES)]
    body = {"country": "DE", "postal_code": "10115", "lines": lines, "currency": "EUR"}
    for address in from_everywhere():
        yield to.request("POST", "/quotes", body, X_Forwarded_For=address)


def _preview(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    body = {"cart_id": "me", "shipping_address": ADDRESS}
    for token in cycle(crowd.shoppers):
        yield to.request("POST", "/orders:preview", body, Authorization=f"Bearer {token}")


def _order(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for token, order in cycle(crowd.orders):
        yield to.request("GET", f"/orders/{order}", Authorization=f"Bearer {token}")


def _login(crowd: Crowd, to: Connections) -> Iterator[bytes]:
    for address, login in zip(from_everywhere(), cycle(crowd.logins), strict=False):
        yield to.request("POST", "/login", login, X_Forwarded_For=address)


def _refresh(crowd: Crowd, connections: Connections) -> Send:
    """Each answer has the token of that session's next request; one at a time, as clients do."""
    addresses = from_everywhere()

    async def send() -> str:
        if not crowd.sessions:
            return "all sessions are under way"
        body = {"refresh_token": crowd.sessions.popleft()}
        request = connections.request("POST", "/refresh", body, X_Forwarded_For=next(addresses))
        answer = await connections.exchange(request)
        if answer.status == 200:
            crowd.sessions.append(json.loads(answer.body)["refresh_token"])
        return fault(answer)

    return send


ROUTES = (
    Route("product list", "catalog", 50, asked(_list)),
    Route("product", "catalog", 50, asked(_product)),
    Route("batch of products", "catalog", 50, asked(_batch)),
    Route("cart", "cart", 50, asked(_cart)),
    Route("add to cart", "cart", 30, asked(_add)),
    Route("availability", "warehouse", 50, asked(_availability)),
    Route("shipping quote", "logistics", 50, asked(_quote)),
    Route("order preview", "order-taking", 15, asked(_preview)),
    Route("order", "order-processing", 50, asked(_order)),
    Route("login", "user", 5, asked(_login)),
    Route("refresh", "user", 30, _refresh),
)
