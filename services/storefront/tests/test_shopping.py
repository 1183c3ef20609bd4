"""What a shopper does without scripts, against the shop's own services."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from shop import demo
from shop.keys import from_file
from shop.local.addresses import Addresses
from shop_chassis.events import Event
from shop_contracts.storefront.events import PAGE_VIEWED, PageViewed
from shop_storefront.site import Site

from .conftest import Browser, Opens


@pytest.fixture
async def browser(storefront: Opens) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield opened


def product(**wanted: str) -> Any:
    """A demo product with these attributes."""
    return next(
        each for each in demo.products() if wanted.items() <= each.attributes.items() and not each.family
    )


async def put_into_cart(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """By the form of the product's page; again while cart says that catalog keeps it waiting."""
    async with asyncio.timeout(90):
        while True:
            await browser.open(path)
            answer = await browser.send("/cart/lines", **fields)
            if answer.status_code != 503:
                return answer


async def test_a_guest_finds_something_and_puts_it_into_the_cart(browser: Browser) -> None:
    home = await browser.open("/")
    assert home.status_code == 200
    top = next(link for link in browser.page.links if link.startswith("/c/"))
    await browser.open(top)
    path = next(link for link in browser.page.links if link.startswith("/p/"))
    await browser.open(path)
    title = re.search(r"<h1>([^<]+)</h1>", (await browser.open(path)).text)
    assert title is not None

    answer = await put_into_cart(browser, path, quantity="2")
    assert (answer.url.path, answer.status_code) == ("/cart", 200)
    assert title.group(1) in answer.text
    assert "It is in your cart." in browser.page.text
    assert "It is in your cart." not in (await browser.open("/cart")).text

    line = next(action for action, _ in browser.page.forms if action.startswith("/cart/lines/"))
    await browser.send(line, quantity="3")
    assert "3 pieces" in browser.page.text
    await browser.send(line, quantity="3", step="1")
    assert "4 pieces" in browser.page.text
    await browser.send(line, quantity="0")
    assert "Your cart is empty" in browser.page.text


async def test_a_coupon_is_used_refused_and_taken_off(browser: Browser) -> None:
    lamp = product(kind="floor lamp")
    await put_into_cart(browser, f"/p/{lamp.slug}")
    refused = await browser.send("/cart/coupon", code="NOSUCH")
    assert refused.status_code == 422
    assert 'value="NOSUCH"' in refused.text
    assert "aria-invalid" in refused.text
    await browser.send("/cart/coupon", code="five")
    async with asyncio.timeout(60):
        while "discounts are left out" in browser.page.text:  # a busy catalog; the cart says so
            await browser.open("/cart")
    assert "Discounts" in browser.page.text
    assert "FIVE" in browser.page.text
    await browser.send("/cart/coupon")
    assert "Discounts" not in browser.page.text


async def test_a_price_that_changed_is_said_in_the_cart(browser: Browser, neighbours: Addresses) -> None:
    mug = product(kind="mug")
    await put_into_cart(browser, f"/p/{mug.slug}")
    token = from_file(neighbours.private_key).token("boss", "catalog:admin")
    async with httpx.AsyncClient(
        base_url=neighbours.services["catalog"], headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as admin:
        cheaper = {"amount": mug.price.amount - 100, "currency": "EUR"}
        (await admin.put(f"/admin/products/{mug.id}/price", json=cheaper)).raise_for_status()
        try:
            async with asyncio.timeout(60):
                while "Now cheaper" not in browser.page.text:  # the cart may answer from memory
                    await browser.open("/cart")
        finally:
            (
                await admin.put(f"/admin/products/{mug.id}/price", json=mug.price.model_dump())
            ).raise_for_status()


async def test_variants_are_a_click_apart(browser: Browser) -> None:
    await browser.open("/p/merino-shirt-s-navy")
    assert {"/p/merino-shirt-m-navy", "/p/merino-shirt-s-moss"} <= set(browser.page.links)
    assert "/p/merino-shirt-m-moss" not in browser.page.links


async def test_money_is_written_for_who_reads_it(storefront: Opens) -> None:
    lamp = product(kind="floor lamp")
    async with storefront() as irish:
        page = await irish.open(f"/p/{lamp.slug}")
        assert f"€{lamp.price.amount // 100}.{lamp.price.amount % 100:02}" in page.text
        assert '<html lang="en">' in page.text


async def test_no_page_has_script_or_style_in_it_and_all_say_what_browsers_may_do(browser: Browser) -> None:
    lamp = product(kind="floor lamp")
    for path in ("/", "/c/home", "/search?q=lamp", f"/p/{lamp.slug}", "/cart", "/help", "/no-such-page"):
        answer = await browser.open(path)
        assert browser.page.inline == [], path
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_what_is_not_there_is_a_page_that_helps(browser: Browser) -> None:
    for path in ("/no-such-page", "/p/no-such-product", "/c/no-such-category", "/admin/nothing"):
        answer = await browser.open(path)
        assert answer.status_code == 404, path
        assert "We cannot find that page" in browser.page.text


async def test_views_are_told_to_the_bus(browser: Browser) -> None:
    lamp = product(kind="floor lamp")
    await browser.open("/")
    await browser.open(f"/p/{lamp.slug}")
    await browser.http.get("/", headers={"User-Agent": "Examplebot/1.0 (+https://bot.example)"})
    await browser.open("/help")
    views: list[PageViewed] = []
    async for message in browser.bus.follow("storefront", [f"storefront.{PAGE_VIEWED}"]):
        views.append(PageViewed.model_validate(Event.decode(message.body).data))
        if views[-1].page == "help":
            break
    assert [each.page for each in views] == ["home", "product", "help"]
    assert (views[1].product_id, views[1].category) == (lamp.id, lamp.category)
    assert len({each.visitor for each in views}) == 1


async def test_what_was_seen_comes_again(browser: Browser) -> None:
    lamp = product(kind="floor lamp")
    await browser.open("/")
    await browser.open(f"/p/{lamp.slug}")
    await browser.open("/")
    assert "You looked at" in browser.page.text


async def test_the_api_leads_to_public_routes_alone(browser: Browser) -> None:
    listed = await browser.http.get("/api/catalog/products", params={"limit": 2, "sort": "price"})
    prices = [each["price"]["amount"] for each in listed.json()["items"]]
    assert prices == sorted(prices)
    made = await browser.http.post("/api/cart/carts", headers={"Cookie": ""})
    assert made.status_code == 201
    for path in (
        "/api/catalog/admin/products",
        "/api/cart/internal/carts/x",
        "/api/user/internal/users/x",
        "/api/user/me/..%2Fadmin/users",
        "/api/user/introspect",
        "/api/console/mails",
        "/api/catalog/products/%2E%2E/%2E%2E/admin/products",
        "/api/order-processing/admin/sagas",
    ):
        answer = await browser.http.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await browser.http.get("/api/user/me")).status_code == 401
    services = (await browser.http.get("/api")).json()["services"]
    assert services["catalog"] == "/api/catalog"


async def test_the_api_knows_a_shopper_by_the_token_they_send(browser: Browser) -> None:
    login = {"email": demo.SHOPPER[0], "password": demo.SHOPPER[1]}
    tokens = (await browser.http.post("/api/user/login", json=login, headers={"Cookie": ""})).json()
    me = await browser.http.get("/api/user/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["email"] == demo.SHOPPER[0]


async def test_the_api_takes_no_change_of_a_browser_without_the_pages_token(browser: Browser) -> None:
    await browser.open("/cart")
    page = (await browser.open("/")).text
    shown = re.search(r"hx-headers=\"([^\"]+)\"", page)
    assert shown is not None
    headers = json.loads(shown.group(1).replace("&#34;", '"'))
    assert (await browser.http.post("/api/cart/carts")).status_code == 403
    assert (await browser.http.post("/api/cart/carts", headers=headers)).status_code == 201
    foreign = headers | {"Sec-Fetch-Site": "cross-site"}
    assert (await browser.http.post("/api/cart/carts", headers=foreign)).status_code == 403


async def test_who_was_signed_out_elsewhere_is_asked_to_sign_in_once(browser: Browser) -> None:
    await browser.open("/help")
    site: Site = browser.app.state.runtime.get(Site)
    cookie = browser.http.cookies["shop"]
    until = time.time() + 600
    ended = {"scope": "shop", "access_token": "x.y.z", "access_until": until, "refresh_token": "r"}
    await site.sessions.change(cookie, lambda session: session.model_copy(update=ended))
    answer = await browser.http.get("/cart", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2Fcart")
    after = await site.sessions.load(cookie)
    assert after is not None
    assert (after.signed_in, after.access_token) == (False, "")
    assert (await browser.open("/cart")).status_code == 200


async def test_a_request_that_is_too_long_is_refused(browser: Browser) -> None:
    await browser.open("/cart")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.http.post("/cart/lines", content=b"x" * 70_000, headers=headers)).status_code == 413
    assert (await browser.http.post("/cart/lines", content=endless(), headers=headers)).status_code == 413
    at_api = await browser.http.post("/api/user/login", content=endless(), headers={"Cookie": ""})
    assert at_api.status_code == 413
