"""What the shop is for, in a real browser from end to end: SHOP_TEST_LONG."""

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from shop import demo
from shop.keys import from_file
from shop.local.addresses import Addresses
from shop_chassis.testing.browser import SLOWEST

from .browser import LONG, Opens, Window, window
from .test_browser import LAMP, address, sign_in

pytestmark = pytest.mark.skipif(not LONG, reason="minutes: SHOP_TEST_LONG=1")

PASSWORD = "correct horse battery"
MUG = next(each for each in demo.products() if "mug" in each.slug and not each.family)
LONG_NAME = "Maximiliane-Alexandrine Freifrau von Hohenstein-Wolfratshausen"
LONG_CITY = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"


@pytest.fixture
def opens(chrome: Chromium, whole_shop: Addresses, shots: Path) -> Opens:
    """The shop's own storefront: mails and gateways lead there, and it hears of what happens."""
    return partial(window, chrome, whole_shop.services["storefront"], shots)


def shown(seen: Window, heading: str) -> None:
    """Returns when the page is there; reloads one that says that something does not answer right now."""
    page = seen.page
    wanted, busy = page.get_by_role("heading", name=heading, level=1), page.get_by_text("Try again")
    while True:
        wanted.or_(busy).first.wait_for()
        if wanted.is_visible():
            return
        page.reload()


def to_review(seen: Window, card: str, **whom: str) -> None:
    """From the product's page to the last look."""
    page = seen.page
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("link", name="Go to the cart").click()
    page.get_by_role("link", name="To the checkout").click()
    shown(seen, "Where shall it go?")
    address(seen, **whom)
    page.get_by_role("button", name="To the delivery").click()
    shown(seen, "How shall it come?")
    page.get_by_role("button", name="To the payment").click()
    shown(seen, "How do you want to pay?")
    page.get_by_text(card).click()
    page.get_by_role("button", name="To the review").click()
    shown(seen, "One last look")


def until(found: Callable[[], Any]) -> Any:
    """What it finds, once it finds something."""
    end = time.monotonic() + SLOWEST / 1000
    while time.monotonic() < end:
        if it := found():
            return it
        time.sleep(0.2)
    raise AssertionError("it never came")


def mailed(whole_shop: Addresses, email: str, path: str) -> str:
    """Path and query of the link to `path` in a mail to somebody, once it has come out of the mail server."""
    link = re.compile(rf"https?://[^/\s]+({re.escape(path)}\?token=[A-Za-z0-9_-]+)")
    with httpx.Client(base_url=whole_shop.services["mailbox"]) as mailbox:

        def found() -> str | None:
            mails = mailbox.get("/mails", params={"to": email}).json()["items"]
            links = [link.search(mail["text"]) for mail in mails]
            return next((each.group(1) for each in links if each), None)

        path_: str = until(found)
        return path_


def admin(whole_shop: Addresses, service: str) -> httpx.Client:
    """Its administrator."""
    token = from_file(whole_shop.private_key).token("boss", f"{service}:admin")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=whole_shop.services[service], headers=headers, timeout=60)


@pytest.mark.parametrize("width", ["phone", "desktop"])
def test_from_the_first_visit_to_the_refund(opens: Opens, whole_shop: Addresses, width: str) -> None:
    email = f"{uuid4().hex[:12]}@example.com"
    with opens(width) as seen:
        page = seen.page
        seen.open("/")
        page.get_by_role("link", name="Sign in").first.click()
        page.get_by_role("link", name="Make one").click()
        page.get_by_label("Name").fill(LONG_NAME)
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        page.get_by_role("heading", name="Look into your mailbox").wait_for()
        seen.holds("mail-sent")
        seen.go(mailed(whole_shop, email, "/verify"))
        page.get_by_role("button", name="Confirm").click()
        seen.says("Your address is confirmed")
        seen.holds("confirmed")
        sign_in(seen, email, PASSWORD)

        page.get_by_role("combobox", name="Search").fill(LAMP.title)
        page.get_by_role("combobox", name="Search").press("Enter")
        page.get_by_role("main").get_by_role("link", name=LAMP.title).first.click()
        to_review(seen, "the bank asks you to confirm", name=LONG_NAME, city=LONG_CITY)
        seen.holds("review-long-names")
        page.get_by_role("button", name="Order and pay").click()
        page.get_by_role("heading", name="Thank you").wait_for()
        page.get_by_role("link", name="To the order").click()
        confirm = page.get_by_role("link", name="Confirm the payment")
        confirm.wait_for()
        seen.holds("order-waits-for-the-bank")
        order = page.url.removeprefix(seen.base)
        confirm.click()
        page.get_by_role("button", name="Approve").click()

        page.wait_for_url(f"**{order}")  # the gateway leads back
        seen.says("It is on its way")
        with admin(whole_shop, "logistics") as logistics:
            said = {"state": "delivered", "place": "Berlin"}
            route = f"/admin/shipments/{order.removeprefix('/orders/')}:advance"
            logistics.post(route, json=said).raise_for_status()
            seen.says("It has arrived")
            seen.holds("order-delivered")
            page.get_by_role("link", name="Send something back").click()
            page.get_by_label(LAMP.title).fill("1")
            page.get_by_text("It is damaged").click()
            seen.holds("return")
            page.get_by_role("button", name="Send it back").click()
            label = page.get_by_role("link", name="Label to print")
            # Read at once: it is there until the carrier has the parcel.
            id = str(label.get_attribute("href")).split("/")[-2]
            seen.holds("order-to-send-back")
            for state in ("in_transit", "delivered"):
                answer = logistics.post(f"/admin/returns/{id}:advance", json={"state": state})
                assert answer.is_success or answer.status_code == 409, answer.text  # the carrier was quicker
            seen.says("went back to you")
            seen.holds("order-refunded")

        for name, path in (
            ("inbox-full", "/inbox"),
            ("orders-full", "/orders"),
            ("account-full", "/account"),
        ):
            seen.go(path)
            seen.holds(name)
        assert seen.errors == []


def test_a_card_that_is_declined(opens: Opens) -> None:
    with opens("phone", dark=True) as seen:
        page = seen.page
        seen.open(f"/p/{LAMP.slug}")
        to_review(seen, "is declined")
        page.get_by_role("button", name="Order and pay").click()
        seen.says("The payment was declined")
        seen.holds("thanks-declined")
        seen.go("/orders")
        seen.holds("orders-of-a-guest")


def test_a_wish_a_lower_price_and_its_news(opens: Opens, whole_shop: Addresses) -> None:
    with opens("desktop") as seen, admin(whole_shop, "catalog") as catalog:
        page = seen.page
        seen.open("/sign-in")
        sign_in(seen)
        heart = page.get_by_role("button", name="Add to wishlist")

        def offered() -> bool:  # a page comes without it where wishlist is busy
            seen.go(f"/p/{MUG.slug}")
            return heart.is_visible()

        until(offered)
        heart.click()
        page.get_by_role("button", name="On your wishlist").wait_for()
        seen.go("/wishlists")
        page.get_by_role("region", name="Your lists").get_by_role("link").first.click()
        page.get_by_role("button", name="Make a link").click()
        page.get_by_label("Link").wait_for()
        seen.holds("wishlist-link")
        link = page.get_by_label("Link").input_value()
        page.get_by_text("Watch the price, note, quantity").first.click()
        seen.holds("wishlist")
        page.get_by_role("button", name="Watch the price").first.click()
        seen.says("We tell you when the price falls.")
        seen.go("/wishlists")
        seen.holds("wishlists-watched")
        lower = MUG.price.amount - 300
        route = f"/admin/products/{MUG.id}/price"
        try:
            catalog.put(route, json={"amount": lower, "currency": "EUR"}).raise_for_status()
            page.locator("#unread").get_by_text(re.compile("[0-9]")).wait_for()  # without a click
            page.get_by_role("link", name="Inbox").click()
            seen.says(MUG.title)
            seen.holds("inbox-price")
            page.get_by_role("button", name=re.compile("^Open: .*")).first.click()
            page.get_by_role("heading", name=MUG.title, level=1).wait_for()
            seen.go("/wishlists")
            page.get_by_role("region", name="Your lists").get_by_role("link").first.click()
            seen.says("Cheaper than when you put it here.")
            seen.go("/shared/" + link.rpartition("/")[2])
            seen.holds("shared")
        finally:
            catalog.put(route, json=MUG.price.model_dump()).raise_for_status()
            assert tidied(seen)


def tidied(seen: Window) -> bool:
    """The demo's shopper wishes for nothing again."""
    page = seen.page
    seen.go("/wishlists")
    page.get_by_role("region", name="Your lists").get_by_role("link").first.click()
    page.get_by_role("button", name="Remove the list").click()
    page.get_by_text("The list is gone.").wait_for()
    return True
