"""Every page in a real browser: no violation of axe's rules, nothing in the console, nothing that moves."""

import pytest
from playwright.sync_api import TimeoutError as Late
from shop import demo

from .browser import LONG, Opens, Window

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
    "sign-in": "/sign-in",
    "register": "/register",
    "verify": "/verify?token=abcdefghijklmnopqrstuvwxyz",
    "reset": "/reset",
    "new-password": "/reset?token=abcdefghijklmnopqrstuvwxyz",
    "unsubscribe": "/unsubscribe/nonsense",
}
OWN_PAGES = {
    "account": "/account",
    "addresses": "/account/addresses",
    "address": "/account/addresses/new",
    "payment-methods": "/account/payment-methods",
    "preferences": "/account/preferences",
    "notifications": "/account/notifications",
    "data": "/account/data",
    "orders": "/orders",
    "wishlists": "/wishlists",
    "inbox": "/inbox",
}
"""Of who is signed in."""
LOOKS = [("phone", False), ("desktop", True)]
"""In a short run each width and each of light and dark; in a long one, all of both."""
BUYING = [("phone", True), ("desktop", False)]
"""The same of widths, with scripts and without."""
if LONG:
    LOOKS += [("phone", True), ("desktop", False)]
    BUYING += [("phone", False), ("desktop", True)]
FIRST_VISIT = 300 * 1024
"""Bytes over the wire."""


@pytest.mark.parametrize(("width", "dark"), LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_should_be(opens: Opens, name: str, dark: bool, width: str) -> None:
    with opens(width, dark=dark) as seen:
        seen.open(PAGES[name])
        seen.holds(name)


def sign_in(seen: Window, email: str = demo.SHOPPER[0], password: str = demo.SHOPPER[1]) -> None:
    """By the page that is shown."""
    page = seen.page
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Hello").wait_for()


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_what_is_somebodys_is_as_it_should_be(opens: Opens, dark: bool, width: str) -> None:
    with opens(width, dark=dark) as seen:
        seen.open("/sign-in")
        sign_in(seen)
        for name, path in OWN_PAGES.items():
            seen.go(path)
            seen.holds(name)


@pytest.mark.parametrize(("width", "scripts"), BUYING)
def test_somebody_buys_something(opens: Opens, width: str, scripts: bool) -> None:
    with opens(width, scripts=scripts) as seen:
        page = seen.page

        def shown(name: str, heading: str) -> None:
            page.get_by_role("heading", name=heading, level=1).wait_for()
            if scripts:
                seen.holds(name)

        seen.open(f"/p/{LAMP.slug}")
        page.get_by_role("button", name="Add to cart").click()
        if scripts:
            page.get_by_role("link", name="Go to the cart").click()
        page.get_by_role("link", name="To the checkout").click()
        shown("checkout-address", "Where shall it go?")
        address(seen)
        page.get_by_role("button", name="To the delivery").click()
        shown("checkout-delivery", "How shall it come?")
        page.get_by_role("button", name="To the payment").click()
        shown("checkout-payment", "How do you want to pay?")
        page.get_by_role("button", name="To the review").click()
        shown("checkout-review", "One last look")
        page.get_by_role("button", name="Order and pay").click()
        shown("thanks", "Thank you, we have your order")
        if scripts:  # it comes by itself, without a click
            seen.says("It is paid, and is being packed.", "It is on its way")
            page.get_by_role("link", name="To the order").click()
            shown("order", "Order of")
        assert seen.errors == []


def address(seen: Window, name: str = "Gus Guest", city: str = "Berlin") -> None:
    """Fills in where it shall go."""
    page = seen.page
    page.get_by_label("E-mail").fill("guest@example.com")
    delivery = page.get_by_role("region", name="Delivery address")
    delivery.get_by_label("Name").fill(name)
    delivery.get_by_label("Street and number").fill("Lindenallee 12")
    delivery.get_by_label("Postal code").fill("10115")
    delivery.get_by_label("City").fill(city)
    delivery.get_by_label("Country").select_option("DE")


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_what_is_wrong_is_said_where_it_is(opens: Opens, dark: bool, width: str) -> None:
    with opens(width, dark=dark) as seen:
        page = seen.page
        seen.open("/sign-in")
        page.get_by_label("E-mail").fill("nobody@example.com")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        seen.holds("sign-in-wrong")
        seen.open("/register")
        page.get_by_label("E-mail").fill("nobody@example.com")
        page.get_by_label("Password").fill("passwordpassword")
        page.get_by_role("button", name="Make the account").click()
        page.locator(".field-wrong").wait_for()
        seen.holds("register-wrong")


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_a_cart_is_filled_and_changed_without_leaving_the_page(opens: Opens, width: str) -> None:
    with opens(width) as seen:
        page = seen.page
        for each in (LAMP, VARIANT):
            seen.open(f"/p/{each.slug}")
            page.get_by_role("button", name="Add to cart").click()
            page.get_by_role("link", name="Go to the cart").wait_for()
        seen.holds("product-added", asked=True)
        page.get_by_role("link", name="Go to the cart").click()
        page.get_by_role("heading", name="Summary").wait_for()
        page.get_by_role("button", name=f"One more of {LAMP.title}").click()
        page.get_by_text("3 pieces").wait_for()
        tries_a_coupon(seen)
        seen.holds("cart", asked=True)
        page.get_by_role("button", name=f"Remove {LAMP.title}").click()
        page.get_by_text("One piece").wait_for()
        assert seen.errors == []


def tries_a_coupon(seen: Window) -> None:
    """One that does not exist; again where a busy shop could not say so, as people do."""
    page = seen.page
    for last in (False, False, True):
        page.get_by_text("I have a coupon").click()
        page.get_by_label("Coupon code").fill("NOSUCH")
        page.get_by_role("button", name="Use it").click()
        try:
            page.locator(".field-wrong").wait_for(timeout=30_000)
            return
        except Late:
            if last:
                raise
            seen.errors.clear()  # a 503 is in the console
            seen.open("/cart")


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
