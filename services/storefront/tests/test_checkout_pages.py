"""Buying, by the pages alone, with the shop's own services."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from shop import demo
from shop.local.addresses import Addresses

from .buying import TO, admin, buy, fill_cart, goods, orders_in, to_review, until
from .conftest import Browser, Opens
from .people import is_in, new_person

LAMP = goods(kind="floor lamp")


@pytest.fixture
async def browser(storefront: Opens) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield opened


async def test_a_guest_buys_something_and_sees_what_becomes_of_it(browser: Browser) -> None:
    path = await buy(browser, LAMP)
    assert "guest@example.com" in browser.page.text
    answer = await until(browser, path, "It is paid", "On its way")
    assert LAMP.title in answer.text
    assert "Your cart is empty" in (await browser.open("/cart")).text
    assert path in (await browser.open("/orders")).text


async def test_nobody_skips_a_step(browser: Browser) -> None:
    assert (await browser.open("/checkout")).url.path == "/cart"
    await fill_cart(browser, LAMP)
    for path in ("/checkout/delivery", "/checkout/payment", "/checkout/review"):
        assert (await browser.open(path)).url.path == "/checkout"
    assert (await browser.open("/checkout/thanks")).url.path == "/sign-in"


async def test_what_is_missing_is_said_at_its_field_and_nothing_is_lost(browser: Browser) -> None:
    await fill_cart(browser, LAMP)
    await browser.open("/checkout")
    answer = await browser.send("/checkout", **(TO | {"email": "no address", "address.city": ""}))
    assert answer.status_code == 422
    for name in ("email", "address-city"):
        assert f'id="f-{name}-wrong"' in answer.text
    assert browser.page.form("/checkout")["address.line1"] == TO["address.line1"]


async def test_a_country_with_states_asks_for_one(browser: Browser) -> None:
    await fill_cart(browser, LAMP)
    await browser.open("/checkout")
    american = TO | {"address.country": "US", "address.postal_code": "10001", "address.city": "New York"}
    answer = await browser.send("/checkout", **american)
    assert answer.url.path == "/checkout"
    assert "name the state or province" in browser.page.text
    answer = await browser.send("/checkout", **(american | {"address.region": "NY"}))
    assert answer.url.path == "/checkout/delivery", browser.page.text


async def test_an_order_that_is_sent_twice_is_one(browser: Browser) -> None:
    await to_review(browser, LAMP)
    form = browser.page.form("/checkout/order")
    for _twice in range(2):
        answer = await browser.http.post("/checkout/order", data=form)
        assert answer.url.path == "/checkout/thanks"
    await browser.open("/checkout/thanks")
    [path] = orders_in(browser)
    await until(browser, path, "It is paid", "On its way")
    await browser.open("/orders")
    assert orders_in(browser) == [path]


async def test_a_total_that_changed_is_shown_before_anything_is_ordered(
    browser: Browser, neighbours: Addresses
) -> None:
    other = next(
        each
        for each in demo.products(demo.A_FEW)
        if not each.family and each.attributes["kind"] != "floor lamp"
    )
    await to_review(browser, other)
    dearer = {"amount": other.price.amount + 300, "currency": "EUR"}
    async with admin(neighbours, "catalog") as catalog:
        (await catalog.put(f"/admin/products/{other.id}/price", json=dearer)).raise_for_status()
        try:
            answer = await browser.send("/checkout/order")
            assert (answer.url.path, answer.status_code) == ("/checkout/order", 409)
            assert "The total has changed" in browser.page.text
            assert "Nothing was ordered yet" in browser.page.text
            answer = await browser.send("/checkout/order")
            assert answer.url.path == "/checkout/thanks", browser.page.text
        finally:
            price = other.price.model_dump()
            (await catalog.put(f"/admin/products/{other.id}/price", json=price)).raise_for_status()


async def test_what_is_not_there_in_that_number_is_said_and_cannot_be_ordered(browser: Browser) -> None:
    pieces: dict[object, int] = {}
    for _, product, stock in demo.stock(demo.A_FEW):
        pieces[product] = pieces.get(product, 0) + stock.on_hand
    few = [each for each in demo.products(demo.A_FEW) if not each.family and 0 < pieces.get(each.id, 0) < 90]
    scarce = min(few, key=lambda each: each.weight_grams)  # so many of it are one parcel
    await to_review(browser, scarce, quantity=99)
    assert re.search(r"there (are|is) only", browser.page.text)
    assert not any(action == "/checkout/order" for action, _ in browser.page.forms)


async def test_the_bank_is_asked_where_it_wants_to_be(browser: Browser, neighbours: Addresses) -> None:
    path = await buy(browser, LAMP, card="tok_3ds")
    await until(browser, path, "Your bank wants you to confirm")
    page = next(link for link in browser.page.links if link.startswith(neighbours.services["testgateway"]))
    async with httpx.AsyncClient(timeout=60) as bank:
        assert (await bank.get(page)).status_code == 200
        answer = await bank.post(f"{page}:complete", params={"outcome": "approved"})
        assert answer.headers["Location"].endswith("/checkout/return")
    assert (await browser.open("/checkout/return")).url.path == path
    await until(browser, path, "It is paid", "On its way")


async def test_a_payment_that_was_declined_cancels_the_order_and_says_so(browser: Browser) -> None:
    path = await buy(browser, LAMP, card="tok_declined")
    await until(browser, path, "declined")
    assert "Nothing was charged" in browser.page.text


async def test_a_coupon_counts_to_the_last_step(browser: Browser) -> None:
    await fill_cart(browser, LAMP)
    await browser.open("/checkout")
    await browser.send("/checkout", **TO)
    refused = await browser.send("/checkout/coupon", code="NOSUCH")
    assert refused.status_code == 422
    await browser.send("/checkout/coupon", code="FIVE")
    assert "FIVE" in browser.page.text
    await browser.send("/checkout/delivery")
    await browser.send("/checkout/payment")
    assert "Discounts" in browser.page.text
    assert (await browser.send("/checkout/order")).url.path == "/checkout/thanks"


async def test_who_has_an_account_chooses_from_it(browser: Browser, neighbours: Addresses) -> None:
    person = await new_person(neighbours)
    await is_in(browser, person)
    await browser.open("/account/addresses/new")
    address = {name: value for name, value in TO.items() if name != "email"}
    await browser.send("/account/addresses/new", **address, label="home")
    await browser.open("/account/payment-methods")
    await browser.send("/account/payment-methods", token="tok_mastercard")
    await fill_cart(browser, LAMP)
    await browser.open("/checkout")
    assert "home" in browser.page.text
    assert browser.page.form("/checkout")["email"] == person.email
    await browser.send("/checkout")
    await browser.send("/checkout/delivery")
    assert browser.page.form("/checkout/payment")["method"] == "tok_mastercard"
    await browser.send("/checkout/payment")
    assert "Mastercard ···· 4444" in browser.page.text
    assert (await browser.send("/checkout/order")).url.path == "/checkout/thanks"
