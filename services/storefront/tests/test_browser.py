"""Every page in a real browser: no violation of axe's rules, nothing in the console, nothing that moves."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from shop import demo
from shop.local.addresses import Addresses
from shop_chassis.testing.process import ServiceProcess

from .browser import Window, chromium, window
from .conftest import NAMES, NOBODY, running

LAMP = next(each for each in demo.products() if "lamp" in each.slug and not each.family)
VARIANT = next(each for each in demo.products() if each.family)
PAGES = {
    "home": "/",
    "category": "/c/home",
    "search": "/search?q=lamp",
    "search-empty": "/search?q=xyzzyqwerty",
    "product": f"/p/{LAMP.slug}",
    "variants": f"/p/{VARIANT.slug}",
    "cart-empty": "/cart",
    "help": "/help",
    "not-found": "/no-such-page",
}
LOOKS = [("phone", False), ("desktop", True)]
"""In a short run each width and each of light and dark; in a long one, all of both."""
if os.environ.get("SHOP_TEST_LONG"):
    LOOKS += [("phone", True), ("desktop", False)]
FIRST_VISIT = 300 * 1024
"""Bytes over the wire."""

Opens = Callable[..., AbstractContextManager[Window]]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of pages go: `STOREFRONT_SHOTS`."""
    folder = Path(os.environ.get("STOREFRONT_SHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The whole shop with its pictures, which come while the first pages are looked at."""
    with running(tmp_path_factory.mktemp("shop")) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def served(neighbours: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A storefront as in a pod, with patience for a busy machine."""
    urls = {name: neighbours.services.get(name, NOBODY) for name in NAMES}
    environment = {f"{name.replace('-', '_').upper()}_URL": url for name, url in urls.items()}
    process = ServiceProcess(
        "shop_storefront",
        tmp_path_factory.mktemp("storefront"),
        PATIENCE="40",
        PAGE_SECONDS="60",
        REQUEST_TIMEOUT="90",
        DRAIN_SECONDS="0",
        **environment,
    )
    process.start()
    yield process.url
    process.terminate()
    assert process.wait() == 0


@pytest.fixture
def opens(browser: Chromium, served: str, shots: Path) -> Opens:
    return partial(window, browser, served, shots)


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_should_be(opens: Opens, name: str, dark: bool, width: str) -> None:
    with opens(width, dark=dark) as seen:
        seen.open(PAGES[name])
        seen.holds(name)


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_a_cart_is_filled_and_changed_without_leaving_the_page(opens: Opens, width: str) -> None:
    with opens(width) as seen:
        page = seen.page
        for each in (LAMP, VARIANT):
            seen.open(f"/p/{each.slug}")
            page.get_by_role("button", name="Add to cart").click()
            page.get_by_role("link", name="Go to the cart").wait_for()
        seen.holds("product-added")
        page.get_by_role("link", name="Go to the cart").click()
        page.get_by_role("heading", name="Summary").wait_for()
        page.get_by_role("button", name=f"One more of {LAMP.title}").click()
        page.get_by_text("3 pieces").wait_for()
        page.get_by_text("I have a coupon").click()
        page.get_by_label("Coupon code").fill("NOSUCH")
        page.get_by_role("button", name="Use it").click()
        page.locator(".field-wrong").wait_for()
        seen.holds("cart")
        page.get_by_role("button", name=f"Remove {LAMP.title}").click()
        page.get_by_text("One piece").wait_for()
        assert seen.errors == []


def test_without_scripts_the_same_cart_is_filled(opens: Opens) -> None:
    with opens("phone", scripts=False) as seen:
        seen.open(f"/p/{LAMP.slug}")
        seen.page.get_by_role("button", name="Add to cart").click()
        seen.page.get_by_text("It is in your cart.").wait_for()
        seen.page.get_by_role("link", name=LAMP.title, exact=True).wait_for()


def test_the_first_visit_is_light(opens: Opens) -> None:
    with opens("desktop") as seen:
        seen.open("/")
        assert 20_000 < seen.received < FIRST_VISIT, f"{seen.received / 1024:.0f} KiB"


def test_the_keyboard_goes_everywhere(opens: Opens) -> None:
    with opens("desktop") as seen:
        seen.open("/help")
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"
