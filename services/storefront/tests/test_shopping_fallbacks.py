"""A neighbour that is away costs its part of these pages; what a page is about, it asks to try again."""

import asyncio

import httpx
import pytest
from shop.local.addresses import Addresses
from shop_storefront.site import Site

from .buying import TO, buy, fill_cart, goods, to_review, until
from .conftest import NOBODY, Opens
from .people import is_in, new_person, shopper

LAMP = goods(kind="floor lamp")


@pytest.mark.parametrize(
    ("away", "path", "status", "said"),
    [
        ("order-processing", "/account", 200, "Your orders cannot be shown right now"),
        ("order-processing", "/orders", 503, "try again"),
        ("user", "/account", 503, "try again"),
        ("user", "/register", 200, "Make an account"),
        ("notification", "/account", 200, "Where you are signed in"),
        ("notification", "/inbox", 503, "try again"),
        ("notification", "/account/notifications", 503, "try again"),
        ("wishlist", "/wishlists", 503, "try again"),
        ("wishlist", "/account", 200, "Where you are signed in"),
        ("catalog", "/wishlists", 200, "Wishlists"),
        ("catalog", "/account", 200, "Where you are signed in"),
        ("cart", "/wishlists", 200, "Wishlists"),
        ("search", "/account", 200, "Where you are signed in"),
        ("recommendation", "/orders", 200, "Orders"),
    ],
)
async def test_what_a_page_is_without(
    storefront: Opens, neighbours: Addresses, away: str, path: str, status: int, said: str
) -> None:
    person = await shopper(neighbours)
    async with storefront(without=(away,)) as opened:
        browser = await is_in(opened, person)
        answer = await browser.open(path)
        assert answer.status_code == status
        assert said in browser.page.text


async def test_nobody_can_sign_in_without_user_and_is_told_so(storefront: Opens) -> None:
    async with storefront(without=("user",)) as browser:
        await browser.open("/sign-in")
        answer = await browser.send("/sign-in", email="ann@example.com", password="correct horse battery")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_an_order_is_shown_without_its_parcels_way(storefront: Opens, neighbours: Addresses) -> None:
    person = await new_person(neighbours)
    async with storefront() as opened:
        path = await buy(await is_in(opened, person), LAMP)
        await until(opened, path, "The parcel")
    async with storefront(without=("logistics",)) as opened:
        browser = await is_in(opened, person)
        answer = await browser.open(path)
        assert answer.status_code == 200
        assert "Where it is cannot be shown right now" in browser.page.text


async def test_an_order_is_taken_while_nobody_can_say_how_far_it_is(
    storefront: Opens, neighbours: Addresses
) -> None:
    person = await new_person(neighbours)
    async with storefront(without=("order-processing", "notification", "wishlist")) as opened:
        browser = await is_in(opened, person)
        await buy(browser, LAMP)
        assert "Your order is taken." in browser.page.text


async def test_the_checkout_needs_order_taking_and_keeps_what_was_entered(storefront: Opens) -> None:
    async with storefront(without=("order-taking",)) as browser:
        await fill_cart(browser, LAMP)
        await browser.open("/checkout")
        answer = await browser.send("/checkout", **TO)
        assert (answer.url.path, answer.status_code) == ("/checkout/delivery", 503)
        await browser.open("/checkout")
        assert browser.page.form("/checkout")["address.line1"] == TO["address.line1"]


async def test_an_order_of_which_nobody_can_say_whether_it_was_taken_is_sent_again(
    storefront: Opens,
) -> None:
    async with storefront() as browser:
        await to_review(browser, LAMP)
        site: Site = browser.app.state.runtime.get(Site)
        taking = site.near.order_taking
        away = httpx.AsyncClient(base_url=NOBODY, trust_env=False)
        there, taking._http = taking._http, away
        answer = await browser.send("/checkout/order")
        assert (answer.url.path, answer.status_code) == ("/checkout/order", 503)
        assert "you pay once" in browser.page.text
        taking._http = there
        await away.aclose()
        async with asyncio.timeout(60):
            while (answer := await browser.send("/checkout/order")).status_code == 503:  # the breaker is open
                await asyncio.sleep(0.1)
        assert answer.url.path == "/checkout/thanks"


async def test_an_address_can_be_written_while_the_book_is_away(
    storefront: Opens, neighbours: Addresses
) -> None:
    person = await new_person(neighbours)
    async with storefront(without=("user",)) as opened:
        browser = await is_in(opened, person)
        await fill_cart(browser, LAMP)
        await browser.open("/checkout")
        assert "Your address book does not answer right now" in browser.page.text
        answer = await browser.send("/checkout", **TO)
        assert answer.url.path == "/checkout/delivery", browser.page.text
