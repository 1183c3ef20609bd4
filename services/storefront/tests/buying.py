"""What somebody buys: without scripts on the way through the checkout, or by the APIs of the services."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
from shop import demo
from shop.keys import from_file
from shop.local.addresses import Addresses

from .administrator import asking
from .conftest import Browser, Page
from .people import Person

PATIENCE = 90.0
ORDER = re.compile(r"/orders/[0-9a-f-]{36}")
TO = {
    "email": "guest@example.com",
    "address.name": "Gus Guest",
    "address.line1": "Lindenallee 12",
    "address.city": "Berlin",
    "address.postal_code": "10115",
    "address.country": "DE",
}


def goods(**wanted: str) -> Any:
    """A demo product with these attributes."""
    return next(
        each
        for each in demo.products(demo.A_FEW)
        if wanted.items() <= each.attributes.items() and not each.family
    )


async def fill_cart(browser: Browser, product: Any, quantity: int = 1) -> None:
    """By the product's page; again while cart says that catalog keeps it waiting."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await browser.open(f"/p/{product.slug}")
            answer = await browser.send("/cart/lines", quantity=str(quantity))
            if answer.status_code != 503:
                return


async def patiently(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """As shoppers do: again while the page says that something does not answer right now."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await ask()).status_code == 503:
            await asyncio.sleep(0.2)
    return answer


async def step(browser: Browser, page: str, **fields: str) -> httpx.Response:
    """What comes after a page of the checkout whose form is filled in like this."""
    await patiently(lambda: browser.open(page))
    action = page if page != "/checkout/review" else "/checkout/order"
    form = browser.page.form(action) | fields

    async def send() -> httpx.Response:
        answer = await browser.http.post(action, data=form)
        if answer.request.method == "GET":  # it was taken, and led on
            answer = await patiently(lambda: browser.http.get(answer.url.path))
        browser.page = Page.of(answer)
        return answer

    return await patiently(send)


async def to_review(browser: Browser, product: Any, *, card: str = "tok_visa", quantity: int = 1) -> None:
    """All that comes before the last look."""
    await fill_cart(browser, product, quantity)
    answer = await step(browser, "/checkout", **TO)
    assert answer.url.path == "/checkout/delivery", browser.page.text
    answer = await step(browser, "/checkout/delivery")
    assert answer.url.path == "/checkout/payment", browser.page.text
    answer = await step(browser, "/checkout/payment", method=card)
    assert answer.url.path == "/checkout/review", browser.page.text


async def buy(browser: Browser, product: Any, *, card: str = "tok_visa") -> str:
    """The path of the order's page."""
    await to_review(browser, product, card=card)
    answer = await step(browser, "/checkout/review")
    assert answer.url.path == "/checkout/thanks", browser.page.text
    return orders_in(browser)[0]


def orders_in(browser: Browser) -> list[str]:
    """Paths of the orders that the shown page leads to, each once."""
    return list(dict.fromkeys(link for link in browser.page.links if ORDER.fullmatch(link)))


async def until(browser: Browser, path: str, *words: str) -> httpx.Response:
    """The page, once it has one of the words."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await browser.open(path)
            if any(each in browser.page.text for each in words):
                return answer
            await asyncio.sleep(0.1)


async def ordered(neighbours: Addresses, person: Person) -> str:
    """The id of an order that somebody made without the storefront."""
    bearer = person.session.access_token
    async with (
        asking(neighbours, "cart", bearer) as cart,
        asking(neighbours, "order-taking", bearer) as taking,
    ):

        async def filled() -> bool:
            line = {"product_id": str(goods(kind="mug").id), "quantity": 2}
            answer = await cart.post("/carts/me/lines", json=line, headers={"Idempotency-Key": str(uuid4())})
            return answer.is_success

        await eventually(filled)
        order = {
            "cart_id": "me",
            "email": person.email,
            "shipping_address": {name.removeprefix("address."): TO[name] for name in TO if name != "email"},
            "shipping_option": "standard",
            "payment_method": "tok_visa",
        }
        key = str(uuid4())
        found: list[str] = []

        async def taken() -> bool:
            answer = await taking.post("/orders", json=order, headers={"Idempotency-Key": key})
            if answer.is_success:
                found.append(str(answer.json()["order_id"]))
            return answer.is_success

        await eventually(taken)
        return found[0]


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what comes by events."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)


def admin(neighbours: Addresses, service: str) -> httpx.AsyncClient:
    """Its administrator."""
    token = from_file(neighbours.private_key).token("boss", f"{service}:admin")
    return asking(neighbours, service, token)
