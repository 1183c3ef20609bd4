"""Wishlists, links to them, and watched prices, by the pages."""

import re
from collections.abc import AsyncIterator

import pytest
from shop.local.addresses import Addresses

from .buying import goods
from .conftest import Browser, Opens
from .people import is_in, new_person

LAMP = goods(kind="floor lamp")


@pytest.fixture
async def browser(storefront: Opens, neighbours: Addresses) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield await is_in(opened, await new_person(neighbours))


async def wish(browser: Browser) -> str:
    """Puts the lamp on the default list; the path of the list."""
    await browser.open(f"/p/{LAMP.slug}")
    await browser.send(f"/wishes/{LAMP.id}")
    await browser.open("/wishlists")
    path = next(link for link in browser.page.links if link.startswith("/wishlists/0"))
    answer = await browser.open(path)
    assert LAMP.title in answer.text
    return path


async def test_lists_are_made_renamed_and_removed(browser: Browser) -> None:
    await browser.open("/wishlists")
    assert "No wishes yet" in browser.page.text
    form = browser.page.form("/wishlists") | {"title": "Birthday"}
    for _twice in range(2):
        await browser.http.post("/wishlists", data=form)
    await browser.open("/wishlists")
    [path] = {link for link in browser.page.links if link.startswith("/wishlists/0")}
    await browser.open(path)
    stale = browser.page.form(path)
    await browser.send(path, title="Christmas")
    assert "Christmas" in browser.page.text
    assert (await browser.http.post(path, data={**stale, "title": "Easter"})).status_code == 409
    await browser.open(path)
    await browser.send(f"{path}/remove")
    assert "No wishes yet" in browser.page.text


async def test_a_wish_goes_into_the_cart_once(browser: Browser) -> None:
    path = await wish(browser)
    action = f"{path}/items/{LAMP.id}/to-cart"
    form = browser.page.form(action)
    for _twice in range(2):
        answer = await browser.http.post(action, data=form)
        assert answer.url.path == path
    await browser.open(path)
    assert "Nothing on this list" in browser.page.text
    await browser.open("/cart")
    assert "One piece" in browser.page.text


async def test_a_price_is_watched_and_not_any_more(browser: Browser) -> None:
    await wish(browser)
    await browser.send(f"/watches/{LAMP.id}", below="nothing")
    assert "Write a price as" in browser.page.text
    await browser.send(f"/watches/{LAMP.id}", below="10.50")
    assert "We tell you when the price falls." in browser.page.text
    await browser.open("/wishlists")
    assert "You are told at €10.50 or below." in browser.page.text
    await browser.send(f"/watches/{LAMP.id}/end")
    assert "You are told" not in browser.page.text


async def test_who_has_the_link_sees_the_list_and_not_whose_it_is(
    browser: Browser, storefront: Opens
) -> None:
    path = await wish(browser)
    await browser.send(f"{path}/items/{LAMP.id}", note="for the corner")
    shown = await browser.send(f"{path}/share")
    link = re.search(r"/shared/[A-Za-z0-9_-]{32}", shown.text)
    assert link is not None
    async with storefront() as other:
        answer = await other.open(link.group())
        assert answer.status_code == 200
        assert LAMP.title in answer.text
        assert "for the corner" not in answer.text
        assert "Bo Example" not in answer.text
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        await browser.open(path)
        await browser.send(f"{path}/unshare")
        assert (await other.open(link.group())).status_code == 404
        assert (await other.open("/shared/short")).status_code == 404
