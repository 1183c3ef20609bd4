"""A neighbour that is away costs its part of a page and never the page."""

import pytest
from shop import demo

from .conftest import NAMES, Opens

LAMP = next(each for each in demo.products() if each.attributes["kind"] == "floor lamp")
PAGES = ("/", "/c/home", "/search?q=lamp", f"/p/{LAMP.slug}", "/cart", "/help")


AWAY = [name for name in NAMES if name not in ("catalog", "cart")]
"""All but those that a page is about, which have tests of their own."""


@pytest.mark.parametrize("name", AWAY)
async def test_pages_come_without(name: str, storefront: Opens) -> None:
    async with storefront(without=(name,)) as browser:
        for path in PAGES:
            answer = await browser.open(path)
            assert answer.status_code == 200, path
        assert LAMP.title in (await browser.open(f"/p/{LAMP.slug}")).text


async def test_without_search_categories_are_lists_without_filters_and_search_says_so(
    storefront: Opens,
) -> None:
    async with storefront(without=("search",)) as browser:
        await browser.open("/c/lighting")
        assert "Filters are not there at the moment" in browser.page.text
        assert any(link.startswith("/p/") for link in browser.page.links)
        await browser.open("/search?q=lamp")
        assert "The search does not answer right now" in browser.page.text
        assert "The categories above still do." in browser.page.text
        assert (await browser.http.get("/suggest?q=lamp")).text.strip() == ""


async def test_without_catalog_the_front_page_says_that_the_shelves_are_empty(storefront: Opens) -> None:
    async with storefront(without=("catalog", "recommendation")) as browser:
        assert (await browser.open("/")).status_code == 200
        assert "cannot be shown right now" in browser.page.text
        answer = await browser.open(f"/p/{LAMP.slug}")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "does not answer" in browser.page.text


async def test_categories_that_are_not_shown_are_pointed_to_by_nobody(storefront: Opens) -> None:
    async with storefront(without=("search", "catalog")) as browser:
        await browser.open("/search?q=lamp")
        assert "The search does not answer right now" in browser.page.text
        assert "Please try again in a moment." in browser.page.text
        assert "categories above" not in browser.page.text


async def test_without_cart_nothing_is_lost_and_the_page_says_try_again(storefront: Opens) -> None:
    async with storefront(without=("cart",)) as browser:
        await browser.open("/cart")
        assert "Your cart is empty" in browser.page.text  # nothing was ever put in: nobody needs to be asked
        await browser.open(f"/p/{LAMP.slug}")
        answer = await browser.send("/cart/lines")
        assert answer.status_code == 503
        assert "safe" in browser.page.text


async def test_with_nobody_there_at_all_pages_are_quick_and_polite(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        for path, status in (
            ("/", 200),
            ("/help", 200),
            ("/search?q=x", 200),
            ("/cart", 200),
            ("/c/home", 503),
        ):
            answer = await browser.open(path)
            assert answer.status_code == status, path
            assert "Hearth" in browser.page.text
