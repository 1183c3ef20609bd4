"""An order after it was placed: followed, cancelled, sent back."""

from collections.abc import AsyncIterator

import pytest
from shop.local.addresses import Addresses

from .buying import admin, buy, goods, orders_in, until
from .conftest import Browser, Opens
from .people import PASSWORD, new_person

LAMP = goods(kind="floor lamp")


@pytest.fixture
async def browser(storefront: Opens) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield opened


async def test_an_order_is_cancelled_while_it_is_here(browser: Browser) -> None:
    path = await buy(browser, LAMP)
    await until(browser, path, "Cancel the order")
    await browser.send(f"{path}/cancel")
    assert "The order is being cancelled." in browser.page.text
    await until(browser, path, "It is cancelled")
    assert not any(action.endswith("/cancel") for action, _ in browser.page.forms)


async def test_an_order_goes_to_the_door_and_a_piece_of_it_back(
    browser: Browser, neighbours: Addresses
) -> None:
    path = await buy(browser, LAMP)
    await until(browser, path, "On its way")
    async with admin(neighbours, "logistics") as logistics:
        route = f"/admin/shipments/{path.removeprefix('/orders/')}:advance"
        (await logistics.post(route, json={"state": "delivered", "place": "Berlin"})).raise_for_status()
    await until(browser, path, "It has arrived")
    assert "Berlin" in browser.page.text

    invoice = await browser.open(f"{path}/invoice")
    assert "script" not in invoice.headers["Content-Security-Policy"]
    assert LAMP.title in invoice.text

    await browser.open(f"{path}/return")
    answer = await browser.send(f"{path}/return")
    assert answer.status_code == 422  # nothing was chosen
    field = f"line.{LAMP.id}"
    form = browser.page.form(f"{path}/return") | {field: "1", "reason": "damaged"}
    for _twice in range(2):
        answer = await browser.http.post(f"{path}/return", data=form)
    await until(browser, path, "Label to print")
    assert browser.page.text.count("Return of") == 1
    label = await browser.open(next(link for link in browser.page.links if link.endswith("/label")))
    assert label.headers["Content-Type"] == "image/svg+xml"
    assert label.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_part_that_changes_is_sent_when_it_has_changed(browser: Browser) -> None:
    path = await buy(browser, LAMP)
    await until(browser, path, "It is paid", "On its way")
    htmx = {"HX-Request": "true"}
    shown = await browser.http.get(f"{path}/status", headers=htmx)
    assert shown.status_code == 200
    assert "<html" not in shown.text
    mark = shown.text.partition("seen=")[2].partition('"')[0]
    again = await browser.http.get(f"{path}/status", params={"seen": mark}, headers=htmx)
    assert (again.status_code, again.text) == (204, "") or mark not in again.text
    assert (await browser.open(f"{path}/status")).url.path == path


async def test_somebody_elses_order_is_not_there(browser: Browser, storefront: Opens) -> None:
    path = await buy(browser, LAMP)
    async with storefront() as other:
        assert (await other.open(path)).url.path == "/sign-in"
        await buy(other, LAMP)
        for each in (path, f"{path}/invoice", f"{path}/return"):
            assert (await other.open(each)).status_code == 404, each
        listening = await other.http.get("/live", params={"order": path.removeprefix("/orders/")})
        assert listening.status_code == 204


async def test_what_a_guest_ordered_is_there_after_signing_in_and_not_after_signing_out(
    browser: Browser, neighbours: Addresses
) -> None:
    path = await buy(browser, LAMP)
    await until(browser, path, "It is paid", "On its way")
    person = await new_person(neighbours)
    await browser.open("/sign-in?next=/orders")
    await browser.send("/sign-in", email=person.email, password=PASSWORD)
    assert "Ordered before you signed in" in browser.page.text
    assert orders_in(browser) == [path]
    for each in (path, f"{path}/invoice"):
        assert (await browser.open(each)).status_code == 200, each
    own = await buy(browser, LAMP)
    await until(browser, own, "It is paid", "On its way")
    await browser.open("/orders")
    assert set(orders_in(browser)) == {path, own}
    await browser.send("/sign-out")
    assert (await browser.open(path)).url.path == "/sign-in"
    await browser.send("/sign-in", email=person.email, password=PASSWORD)
    assert (await browser.open(path)).status_code == 404
    assert (await browser.open(own)).status_code == 200
