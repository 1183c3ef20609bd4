"""Getting in and out, by the pages alone."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from shop import demo
from shop.local.addresses import Addresses

from .conftest import Browser, Opens
from .people import PASSWORD, mailed, new_person

MUG = next(each for each in demo.products(demo.A_FEW) if each.attributes["kind"] == "mug" and not each.family)


@pytest.fixture
async def browser(storefront: Opens) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield opened


async def test_somebody_registers_confirms_signs_in_and_out(browser: Browser, neighbours: Addresses) -> None:
    email = f"{uuid4().hex[:12]}@example.com"
    await browser.open("/register")
    await browser.send("/register", email=email, password=PASSWORD, name="Bo")
    assert "Look into your mailbox" in browser.page.text

    token = await mailed(neighbours, email, "verify-email")
    await browser.open(f"/verify?token={token}")
    await browser.open(f"/verify?token={token}")  # a program that looks at mails was here first
    answer = await browser.send("/verify")
    assert answer.url.path == "/sign-in"
    assert "Your address is confirmed" in browser.page.text

    before = browser.http.cookies["shop"]
    answer = await browser.send("/sign-in", email=email, password=PASSWORD)
    assert (answer.url.path, answer.status_code) == ("/account", 200)
    assert "Hello, Bo" in browser.page.text
    assert browser.http.cookies["shop"] != before

    inside = browser.http.cookies["shop"]
    await browser.send("/sign-out")
    assert "You are signed out." in browser.page.text
    assert browser.http.cookies["shop"] != inside
    assert (await browser.open("/account")).url.path == "/sign-in"


async def test_a_token_is_good_once(browser: Browser, neighbours: Addresses) -> None:
    person = await new_person(neighbours)
    token = await mailed(neighbours, person.email, "verify-email")
    await browser.open(f"/verify?token={token}")
    answer = await browser.send("/verify")
    assert answer.status_code == 422
    assert "Ask for another mail" in browser.page.text


async def test_who_is_not_known_learns_nothing_but_that_it_did_not_work(browser: Browser) -> None:
    await browser.open("/sign-in?next=/orders")
    answer = await browser.send("/sign-in", email="nobody@example.com", password=PASSWORD)
    assert answer.status_code == 422
    assert "e-mail or password is wrong" in browser.page.text.lower()
    assert browser.page.form("/sign-in")["next"] == "/orders"
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("/orders", "/orders"), ("https://evil.example/", "/account"), ("//evil.example", "/account")],
)
async def test_after_signing_in_one_is_where_one_wanted_to_be_in_this_shop(
    browser: Browser, wanted: str, reached: str
) -> None:
    await browser.open("/sign-in", params={"next": wanted})
    answer = await browser.send("/sign-in", email=demo.SHOPPER[0], password=demo.SHOPPER[1])
    assert (answer.url.host, answer.url.path) == ("shop", reached)


async def test_what_a_guest_put_into_the_cart_comes_along(browser: Browser, neighbours: Addresses) -> None:
    person = await new_person(neighbours)
    await browser.open(f"/p/{MUG.slug}")
    await browser.send("/cart/lines")
    await browser.open("/sign-in?next=/cart")
    answer = await browser.send("/sign-in", email=person.email, password=PASSWORD)
    assert answer.url.path == "/cart"
    assert MUG.title in answer.text


async def test_a_forgotten_password_is_set_anew(browser: Browser, neighbours: Addresses) -> None:
    person = await new_person(neighbours)
    await browser.open("/reset")
    await browser.send("/reset", email=person.email)
    assert "Look into your mailbox" in browser.page.text
    token = await mailed(neighbours, person.email, "reset-password")
    await browser.open(f"/reset?token={token}")
    short = await browser.send("/reset/confirm", password="short")
    assert short.status_code == 422
    assert "At least 12 characters" in browser.page.text
    answer = await browser.send("/reset/confirm", password="another horse battery")
    assert answer.url.path == "/sign-in"
    answer = await browser.send("/sign-in", email=person.email, password="another horse battery")
    assert answer.url.path == "/account"


async def test_a_link_that_lost_its_end_says_so(browser: Browser) -> None:
    await browser.open("/reset?token=abc")
    answer = await browser.send("/reset/confirm", password=PASSWORD)
    assert answer.status_code == 422
    assert "This link is not complete" in browser.page.text
