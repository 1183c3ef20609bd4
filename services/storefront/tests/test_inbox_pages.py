"""Messages, the count of unread ones, and the links that end mails."""

import re

from shop.local.addresses import Addresses

from .buying import buy, goods, until
from .conftest import Opens, Page
from .people import is_in, new_person

LAMP = goods(kind="floor lamp")


async def test_news_of_an_order_come_are_opened_and_are_read(
    storefront: Opens, neighbours: Addresses
) -> None:
    async with storefront() as opened:
        browser = await is_in(opened, await new_person(neighbours))
        await browser.open("/inbox")
        assert "No messages" in browser.page.text
        path = await buy(browser, LAMP)
        await until(browser, "/inbox", "unread message")
        read = next(action for action, _ in browser.page.forms if action.endswith("/read"))
        answer = await browser.send(read)
        assert answer.url.path == path
        await until(browser, "/inbox", "Everything is read", "unread message")
        if "unread message" in browser.page.text:
            await browser.send("/inbox/read-all")
        assert "Everything is read" in browser.page.text


async def test_a_message_leads_nowhere_else(storefront: Opens, neighbours: Addresses) -> None:
    async with storefront() as opened:
        browser = await is_in(opened, await new_person(neighbours))
        await browser.open("/account/data")
        csrf = browser.page.form("/account/erase")["csrf"]
        path = "/inbox/018f6d2e-6f00-7cc0-8000-1f6a2d0c0001/read"
        answer = await browser.http.post(path, data={"csrf": csrf, "next": "https://evil.example/"})
        assert (answer.url.host, answer.url.path) == ("shop", "/inbox")


async def test_the_bell_has_a_number_while_something_is_unread(
    storefront: Opens, neighbours: Addresses
) -> None:
    htmx = {"HX-Request": "true"}
    async with storefront() as opened:
        assert (await opened.http.get("/inbox/unread", headers=htmx)).status_code == 204  # nobody's
        browser = await is_in(opened, await new_person(neighbours))
        assert (await browser.http.get("/inbox/unread", headers=htmx)).text.strip() == ""
        await buy(browser, LAMP)
        await until(browser, "/inbox", "unread message")
        shown = Page.of(await browser.http.get("/inbox/unread", headers=htmx)).text
        assert re.fullmatch(r"unread: [1-9]", shown)
        assert (await browser.open("/inbox/unread")).url.path == "/inbox"


async def test_a_link_that_ends_mails_is_checked_and_needs_no_page(storefront: Opens) -> None:
    async with storefront() as browser:
        assert (await browser.open("/unsubscribe/nonsense")).status_code == 404
        answer = await browser.http.post(
            "/unsubscribe/nonsense", data={"List-Unsubscribe": "One-Click"}, headers={"Cookie": ""}
        )
        assert answer.status_code == 404  # and not 403: programs have no page of ours
        await browser.open("/help")
        at_api = await browser.http.post("/api/notification/unsubscribe/nonsense")
        assert at_api.status_code == 404  # nor has the page that notification makes for the link
