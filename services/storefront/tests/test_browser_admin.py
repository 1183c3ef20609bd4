"""The admin area in a real browser; and what a lower price there does to who watches the product."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from shop import demo
from shop.local.addresses import Addresses

from .browser import LONG, Opens, Window, window
from .buying import ordered
from .people import shopper
from .test_browser import LOOKS, sign_in
from .test_journeys import PASSWORD, admin, mailed, until

Enters = Callable[[Window], None]
LAMP = next(each for each in demo.products() if "lamp" in each.slug and not each.family)
BOWL = next(each for each in demo.products() if "bowl" in each.slug and not each.family)
VARIANT = next(each for each in demo.products() if each.family)
PAGES = {
    "overview": "/admin",
    "products": "/admin/products",
    "product": f"/admin/products/{LAMP.id}",
    "found": "/admin/products?q=lamp",
    "found-nothing": "/admin/products?q=xyzzyqwerty",
    "variant": f"/admin/products/{VARIANT.id}",
    "product-new": f"/admin/products/new?family={VARIANT.family}",
    "families": "/admin/families",
    "family": f"/admin/families/{VARIANT.family}",
    "offers": "/admin/offers",
    "promotion": "/admin/promotions/new",
    "coupon": "/admin/coupons/WELCOME10",
    "stock": "/admin/stock",
    "stock-of-one": f"/admin/stock?product_id={LAMP.id}",
    "replenishments": "/admin/replenishments",
    "orders": "/admin/orders",
    "orders-none": "/admin/orders?state=returned",
    "sagas": "/admin/sagas",
    "payments": "/admin/payments",
    "shipments": "/admin/shipments",
    "letters": "/admin/letters",
    "campaigns": "/admin/campaigns",
    "campaign-new": "/admin/campaigns/new",
    "mail": "/admin/mails/promotion",
    "engines": "/admin/engines",
    "not-found": "/admin/orders/0198f0a0-0000-7000-8000-000000000001",
}


@pytest.fixture(scope="module")
def order(whole_shop: Addresses) -> str:
    """One that is on its way."""

    async def of_shopper() -> str:
        return await ordered(whole_shop, await shopper(whole_shop))

    with ThreadPoolExecutor(1) as thread:  # here the browser's loop runs already
        id: str = thread.submit(asyncio.run, of_shopper()).result()
    with admin(whole_shop, "order-processing") as orders:

        def shipped() -> bool:
            answer = orders.get(f"/admin/orders/{id}")
            return answer.is_success and bool(answer.json()["shipment"])

        until(shipped)
    return id


@pytest.fixture(scope="module")
def boss(chrome: Chromium, served: str, shots: Path, whole_shop: Addresses) -> Enters:
    """`boss(seen)`: the window is that of the shop's first administrator, who has signed in once."""
    secret = whole_shop.private_key.parent.with_name("first-admin")
    with window(chrome, served, shots, "desktop") as seen:
        page = seen.page
        seen.open("/admin")
        page.get_by_label("E-mail").fill((secret / "email").read_text().strip())
        page.get_by_label("Password").fill((secret / "password").read_text().strip())
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="What needs you").wait_for()
        cookies = [
            {"name": each["name"], "value": each["value"], "url": served} for each in seen.context.cookies()
        ]
    return lambda seen: seen.context.add_cookies(cookies)


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_the_admin_area_is_as_it_should_be(
    opens: Opens, boss: Enters, order: str, dark: bool, width: str
) -> None:
    """In a short run each page in one of the looks, and what is about the order in both."""
    begin, step = (0, 1) if LONG else (LOOKS.index((width, dark)), 2)
    pages = dict(list(PAGES.items())[begin::step])
    about = {"order": "orders", "payment": "payments", "shipment": "shipments"}
    pages |= {name: f"/admin/{kind}/{order}" for name, kind in about.items()}
    with opens(width, dark=dark) as seen:
        boss(seen)
        for name, path in pages.items():
            seen.go(path)
            seen.holds(f"admin-{name}")
        seen.go(f"/admin/orders/{order}")
        seen.page.get_by_role("row").get_by_role("link", name="Order", exact=True).click()
        seen.says("Where it stands")
        seen.holds("admin-saga")
        seen.go("/admin/stock")
        seen.page.get_by_role("row").get_by_role("link").first.click()
        seen.says("What came and left")
        seen.holds("admin-stock-one")


def costs(whole_shop: Addresses, amount: int) -> None:
    """The bowl has this price now."""
    price = {"amount": amount, "currency": BOWL.price.currency}
    with admin(whole_shop, "catalog") as catalog:
        until(lambda: catalog.put(f"/admin/products/{BOWL.id}/price", json=price).is_success)


@contextmanager
def watching(opens: Opens, whole_shop: Addresses) -> Iterator[Window]:
    """Somebody with an account of their own, who waits for the bowl to be cheaper."""
    email = f"{uuid4().hex[:12]}@example.com"
    with httpx.Client(base_url=whole_shop.services["user"], timeout=60) as user:
        wanted = {"email": email, "password": PASSWORD, "name": "Bo Example"}
        user.post("/register", json=wanted).raise_for_status()
        token = mailed(whole_shop, email, "/verify").partition("=")[2]
        user.post("/verify", json={"token": token}).raise_for_status()
        login = user.post("/login", json={"email": email, "password": PASSWORD}).raise_for_status().json()
    headers = {"Authorization": f"Bearer {login['access_token']}"}
    with httpx.Client(base_url=whole_shop.services["wishlist"], headers=headers, timeout=60) as wishlist:
        until(lambda: wishlist.put(f"/watches/{BOWL.id}", json={}).is_success)
    with opens("phone", dark=True) as seen:
        seen.open("/sign-in")
        sign_in(seen, email, PASSWORD)
        seen.go(f"/p/{BOWL.slug}")
        yield seen


def test_a_price_that_is_lowered_is_in_the_inbox_of_who_watches_it(
    opens: Opens, boss: Enters, whole_shop: Addresses
) -> None:
    lower = BOWL.price.amount - 200
    costs(whole_shop, BOWL.price.amount)  # whatever happened to it before
    with opens("desktop") as desk, watching(opens, whole_shop) as customer:
        boss(desk)
        desk.go(f"/admin/products?q={BOWL.slug}")
        desk.page.get_by_role("row").get_by_role("link", name=BOWL.title, exact=True).click()
        price = desk.page.get_by_label("From now on")
        try:
            price.fill(f"{lower / 100:.2f}")
            desk.page.get_by_role("button", name="Change the price").click()
            desk.says("The price is changed.")
            desk.says("since then:")  # it looks again by itself
            desk.holds("admin-price-told")
            customer.go(f"/p/{BOWL.slug}")  # this storefront has a bus of its own, so nothing wakes its pages
            customer.page.locator("#unread").get_by_text(re.compile("[0-9]")).wait_for()
            customer.page.get_by_role("link", name="Inbox").click()
            customer.says(BOWL.title)
            customer.page.get_by_role("button", name=re.compile("^Open: .*")).first.click()
            customer.page.get_by_role("heading", name=BOWL.title, level=1).wait_for()
            customer.says(f"€{lower / 100:.2f}")
            assert customer.errors == []
        finally:
            costs(whole_shop, BOWL.price.amount)
