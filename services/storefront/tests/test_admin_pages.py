"""What an administrator does without scripts, against the shop's own services."""

import re
import struct
import zlib
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from shop import demo
from shop.local.addresses import Addresses
from shop_storefront import csrf

from .administrator import administers, asking, jwks
from .buying import eventually, ordered
from .conftest import Browser, Opens, Page
from .people import shopper

LISTS = (
    "/admin",
    "/admin/products",
    "/admin/products?category=home",
    "/admin/products/new",
    "/admin/families",
    "/admin/offers",
    "/admin/promotions/new",
    "/admin/coupons/new",
    "/admin/stock",
    "/admin/stock?low=true",
    "/admin/replenishments",
    "/admin/orders",
    "/admin/sagas",
    "/admin/sagas?stuck=1",
    "/admin/payments",
    "/admin/shipments",
    "/admin/letters",
    "/admin/campaigns",
    "/admin/campaigns/new",
    "/admin/mails/promotion",
    "/admin/engines",
)


@pytest.fixture
async def browser(storefront: Opens, neighbours: Addresses) -> AsyncIterator[Browser]:
    async with storefront(auth_jwks=jwks(neighbours)) as opened:
        await administers(opened, neighbours)
        yield opened


@pytest.fixture
async def product(browser: Browser) -> str:
    """The path of the page of a product of our own."""
    return await made(browser)


async def made(browser: Browser, **fields: str) -> str:
    """Makes a product by its form; the path of its page."""
    name = uuid4().hex[:10]
    await browser.open("/admin/products/new")
    given = {
        "sku": f"TST-{name.upper()}",
        "slug": f"test-{name}",
        "title": f"Test lamp {name}",
        "category": "desk-lamps",
        "price": "49.00",
        "attributes": "material: oak\nbrand: Nobody",
        "description": "Made by a test.",
    }
    answer = await browser.send("/admin/products", **(given | fields))
    assert answer.status_code == 200, browser.page.text
    return answer.url.path


async def test_every_page_comes_and_nothing_stands_in_it(browser: Browser) -> None:
    for path in LISTS:
        answer = await browser.open(path)
        assert answer.status_code == 200, path
        assert browser.page.inline == [], path
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "/admin" in browser.page.links


async def test_a_product_is_made_found_and_changed(browser: Browser, product: str) -> None:
    await browser.open(product)
    form = browser.page.form(product)
    assert set(form["attributes"].splitlines()) == {"brand: Nobody", "material: oak"}
    assert form["category"] == "desk-lamps"
    await browser.open(f"/admin/products?q={form['slug']}")
    assert product in browser.page.links

    await browser.open(product)
    await browser.send(product, title="Another title", description="", active="")
    assert "Saved." in browser.page.text
    assert "Not sold" in browser.page.text
    kept = browser.page.form(product)
    assert (kept["title"], kept["description"], kept["slug"]) == ("Another title", "", form["slug"])
    await browser.open(f"/admin/products?q={form['slug']}")
    assert product in browser.page.links  # though it is in no list of the shop


async def test_what_somebody_else_did_meanwhile_is_not_lost_unseen(browser: Browser, product: str) -> None:
    await browser.open(product)
    opened_before = browser.page.form(product)
    await browser.send(product, title="Theirs")
    answer = await browser.http.post(product, data={**opened_before, "title": "Ours"})
    assert answer.status_code == 422
    assert "Somebody has changed it meanwhile." in answer.text
    browser.page = Page.of(answer)
    assert browser.page.form(product)["title"] == "Ours"
    await browser.send(product)
    assert browser.page.form(product)["title"] == "Ours"


async def test_what_is_wrong_with_a_product_is_said_at_its_field(browser: Browser) -> None:
    await browser.open("/admin/products/new")
    answer = await browser.send(
        "/admin/products", sku="x", slug="Not A Slug", title="", category="desk-lamps", price="4,9,0"
    )
    assert answer.status_code == 422
    for field in ("sku", "slug", "title", "price"):
        assert f'id="f-{field}-wrong"' in answer.text, field
    assert 'value="Not A Slug"' in answer.text


async def test_a_lower_price_is_told_to_who_watches_and_the_page_shows_it(
    browser: Browser, product: str, neighbours: Addresses
) -> None:
    person = await shopper(neighbours)
    id = product.rpartition("/")[2]
    async with asking(neighbours, "wishlist", person.session.access_token) as wishlist:

        async def watched() -> bool:
            return (await wishlist.put(f"/watches/{id}", json={})).is_success

        await eventually(watched)  # it hears of new products by events
    await browser.open(product)
    refused = await browser.send(f"{product}/price", price="cheap")
    assert refused.status_code == 422
    answer = await browser.send(f"{product}/price", price="39.00")
    assert "The price is changed." in browser.page.text
    assert "€39.00" in browser.page.text
    since = answer.url.params["since"]

    async def told() -> bool:
        part = await browser.http.get(
            f"{product}/told", params={"since": since}, headers={"HX-Request": "true"}
        )
        assert part.status_code in (200, 286)  # 286: looked for long enough
        return "since then:" in part.text

    await eventually(told)
    await browser.open(f"{product}?{answer.url.query.decode()}")
    assert "since then:" in browser.page.text


async def test_a_price_is_planned_and_taken_back(browser: Browser, product: str) -> None:
    await browser.open(product)
    await browser.send(f"{product}/plans", **{"plan.price": "44.50", "plan.valid_from": "2099-01-01T08:00"})
    assert "The price is planned." in browser.page.text
    assert "€44.50" in browser.page.text
    remove = next(
        action for action, _ in browser.page.forms if action.endswith("/remove") and "/plans/" in action
    )
    await browser.send(remove)
    assert "€44.50" not in browser.page.text
    answer = await browser.send(f"{product}/plans", **{"plan.price": "44.50", "plan.valid_from": "sometime"})
    assert answer.status_code == 422


async def test_pictures_are_uploaded_arranged_and_removed(browser: Browser, product: str) -> None:
    await browser.open(product)

    async def upload(content: bytes, alt: str) -> httpx.Response:
        answer = await browser.http.post(
            f"{product}/pictures",
            data={"csrf": token(browser), "alt": alt},
            files={"file": ("lamp.png", content, "image/png")},
        )
        browser.page = Page.of(answer)
        return answer

    refused = await upload(b"no picture at all", "nothing")
    assert refused.status_code == 422
    assert 'id="f-file-wrong"' in refused.text
    assert "The picture is there." in (await upload(png(200), "a red one")).text
    assert 'alt="a blue one"' in (await upload(png(40), "a blue one")).text
    assert await shown(browser) == ["a red one", "a blue one"]
    await browser.send(f"{product}/pictures/first")  # of the second one: the first has no such form
    assert await shown(browser) == ["a blue one", "a red one"]
    await browser.send(f"{product}/pictures/remove")
    assert await shown(browser) == ["a red one"]


async def test_variants_are_made_in_their_family(browser: Browser) -> None:
    name = f"shirt-{uuid4().hex[:8]}"
    await browser.open("/admin/families")
    await browser.send("/admin/families", title="Shirt", slug=name, options="size, colour")
    path = f"/admin/products/new?family={name}"
    assert path in browser.page.links
    again = await browser.http.post(
        "/admin/families",
        data={"csrf": token(browser), "title": "Other", "slug": name, "options": "size"},
    )
    assert again.status_code == 422
    assert "There is one of that name already." in again.text
    await browser.open(path)
    sku = f"SHT-{uuid4().hex[:8].upper()}"
    variant = {"sku": sku, "slug": f"{name}-m", "title": "Shirt, M", "category": "textiles", "price": "25"}
    answer = await browser.send(
        "/admin/products", **variant, **{"options.size": "M", "options.colour": "navy"}
    )
    assert answer.status_code == 200, browser.page.text
    product = answer.url.path
    assert browser.page.form(product)["options.size"] == "M"
    await browser.open(f"/admin/families/{name}")
    assert product in browser.page.links


async def test_a_promotion_is_made_changed_and_ended(browser: Browser, product: str) -> None:
    await browser.open(product)
    slug = browser.page.form(product)["slug"]
    await browser.open("/admin/promotions/new")
    action = next(leads for leads, _ in browser.page.forms if leads.startswith("/admin/promotions/"))
    percent = "rule.percentage.percent"
    answer = await browser.send(action, title="Test offer", products="no-such-thing", **{percent: "0"})
    assert answer.status_code == 422
    assert "There is no product no-such-thing." in browser.page.text
    assert 'id="f-rule-percentage-percent-wrong"' in answer.text
    await browser.send(action, products=slug, **{percent: "12"})
    assert "12 % off" in browser.page.text
    await browser.open(action)
    form = browser.page.form(action)
    assert (form[percent], form["products"], form["kind"]) == ("12", slug, "percentage")
    await browser.send(action, kind="amount", active="", **{"rule.amount.amount": "3.50"})
    assert "€3.50 off the order" in browser.page.text
    assert "Off" in browser.page.text.split("Test offer")[1][:120]


async def test_a_coupon_is_made_once_and_changed(browser: Browser) -> None:
    code = f"T{uuid4().hex[:8].upper()}"
    await browser.open("/admin/coupons/new")
    terms = {"title": "Test coupon", "rule.percentage.percent": "20", "minimum": "50.00"}
    answer = await browser.send("/admin/coupons", code=f" {code.lower()} ", **terms)
    assert answer.url.path == f"/admin/coupons/{code}"
    assert browser.page.form(answer.url.path)["minimum"] == "50.00"
    await browser.send(answer.url.path, limit="7")
    assert browser.page.form(answer.url.path)["limit"] == "7"
    await browser.open("/admin/coupons/new")
    again = await browser.send("/admin/coupons", code=code, **terms)
    assert again.status_code == 422
    assert "There is one of that code already." in browser.page.text


async def test_stock_begins_is_counted_ordered_and_received(browser: Browser, product: str) -> None:
    id = product.rpartition("/")[2]
    await browser.open(f"/admin/stock?product_id={id}")
    answer = await browser.send("/admin/stock", warehouse="rotterdam", on_hand="12")
    here = f"/admin/stock/rotterdam/{id}"
    assert answer.url.path == here
    await browser.send(f"{here}/reordering", reorder_point="5", reorder_quantity="10")
    assert browser.page.form(f"{here}/reordering")["reorder_point"] == "5"
    await browser.send(f"{here}/count", counted="10", reason="shelf 7")
    assert "Noted: -2 against the books." in browser.page.text
    assert "shelf 7" in browser.page.text
    await browser.send(f"{here}/order", quantity="20")
    assert "20 pieces are ordered" in browser.page.text
    receive = next(action for action, _ in browser.page.forms if action.endswith("/receive"))
    await browser.send(receive, quantity="19")
    assert "It is in stock." in browser.page.text
    assert "On hand 29" in browser.page.text
    await browser.open("/admin/replenishments?state=received")
    assert here in browser.page.links


async def test_an_order_is_followed_through_the_services(browser: Browser, neighbours: Addresses) -> None:
    id = await ordered(neighbours, await shopper(neighbours))

    async def confirmed() -> bool:
        answer = await browser.open(f"/admin/orders/{id}")
        return answer.status_code == 200 and "Invoice" in browser.page.text

    await eventually(confirmed)
    assert demo.SHOPPER[0] in browser.page.text
    # The last one is the oldest: the order's own.
    saga = [link for link in browser.page.links if re.fullmatch(r"/admin/sagas/[0-9a-f-]{36}", link)][-1]
    invoice = await browser.http.get(f"/admin/orders/{id}/invoice")
    assert "script" not in invoice.headers["Content-Security-Policy"]
    assert (await browser.open(f"/admin/payments?id={id}")).url.path == f"/admin/payments/{id}"
    assert "capture" in browser.page.text.lower()
    assert (await browser.open(f"/admin/shipments?id={id}")).url.path == f"/admin/shipments/{id}"
    await browser.open(f"/admin/orders?id={id}")
    assert f"/admin/payments/{id}" in browser.page.links

    async def ended() -> bool:
        await browser.open(saga)
        return "Help it on" not in browser.page.text

    await eventually(ended)
    refused = await browser.http.post(f"{saga}/retry", data={"csrf": token(browser), "reason": "to see"})
    assert refused.url.path == saga
    assert 'class="notice error"' in refused.text


async def test_a_campaign_is_looked_at_before_it_goes(browser: Browser) -> None:
    headline = f"For nobody {uuid4().hex[:6]}"
    await browser.open("/admin/campaigns/new")
    words = {"en.headline": headline, "en.text": "One.\r\n\r\nTwo.", "orders_at_least": "1000000"}
    answer = await browser.send("/admin/campaigns", **words)
    assert answer.text.count("<p>One.</p>") == 1
    assert "Is it right?" in browser.page.text
    await browser.open("/admin/campaigns")
    assert headline not in browser.page.text  # nothing was sent yet
    browser.page = Page.of(answer)
    await browser.send("/admin/campaigns")
    assert "The campaign is on its way." in browser.page.text
    assert headline in browser.page.text


async def test_a_mail_is_shown_where_nothing_of_it_can_run(browser: Browser) -> None:
    await browser.open("/admin/mails/promotion?locale=de")
    assert "/admin/mails/promotion/page?locale=de" in browser.page.links
    policy = (await browser.http.get("/admin/mails/promotion/page")).headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")


async def test_the_index_is_built_anew(browser: Browser) -> None:
    await browser.open("/admin/engines")
    await browser.send("/admin/engines/index")
    assert "Every replica builds its index anew." in browser.page.text


async def test_an_engine_that_is_away_leaves_the_other(storefront: Opens, neighbours: Addresses) -> None:
    async with storefront(without=["recommendation"]) as browser:
        await administers(browser, neighbours, "search", "recommendation")
        await browser.open("/admin/engines")
        assert "Recommendation does not answer right now." in browser.page.text
        assert "Products in it" in browser.page.text


async def shown(browser: Browser) -> list[str]:
    """What the pictures of the page show, in their order."""
    answer = await browser.open(product_of(browser))
    pictures = answer.text.partition("admin-pictures")[2].partition("</ul>")[0]
    return re.findall(r'alt="([^"]*)"', pictures)


def product_of(browser: Browser) -> str:
    """The product whose page is shown."""
    return next(
        action for action, _ in browser.page.forms if re.fullmatch(r"/admin/products/[0-9a-f-]{36}", action)
    )


def token(browser: Browser) -> str:
    """For a form that the shown page has not got."""
    return csrf.token(browser.http.cookies["shop"])


def png(red: int) -> bytes:
    """A picture of one colour, 64 pixels wide and high."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = (b"\0" + bytes([red, 80, 200]) * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
