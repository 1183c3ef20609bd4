"""An open page hears that something of its order, or of somebody's inbox, has changed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import pytest
from shop_chassis.events import Event
from shop_contracts.logistics import events as logistics
from shop_contracts.notification import events as notification
from shop_contracts.order_processing import events as orders
from shop_storefront.live import LOOK_ANEW, LivePages

from .conftest import Browser, Opens

ORDER, INBOX = "event: order\ndata: .\n\n", "event: inbox\ndata: .\n\n"
SENT = {"notification_id": str(uuid4()), "template": "order-shipped"}


def live(browser: Browser) -> LivePages:
    found: LivePages = browser.app.state.runtime.get(LivePages)
    return found


async def tell(browser: Browser, stream: str, type: str, about: object, **data: Any) -> None:
    event = Event(id=str(uuid4()), source=f"/{stream}", type=type, subject=str(about), sequence=1, data=data)
    await browser.bus.publish(event.topic, event.encode(), message_id=event.id)


async def streams_are_there(browser: Browser) -> None:
    for stream in (orders.STREAM, logistics.STREAM, notification.STREAM):
        await browser.bus.ensure_stream(stream, max_age=60.0)
        while not browser.bus._followers[stream]:
            await asyncio.sleep(0)


async def begun(told: AsyncGenerator[str, None], *expected: str) -> None:
    """What a page hears at once: something may have happened before anybody listened."""
    assert (await anext(told)).startswith("retry:")
    assert {await anext(told) for _ in expected} == set(expected)


async def test_news_of_the_order_and_of_its_parcel_wake_its_page_alone(storefront_alone: Opens) -> None:
    mine, other = uuid4(), uuid4()
    async with storefront_alone() as browser:
        await streams_are_there(browser)
        async with aclosing(live(browser).events(mine, None)) as told, asyncio.timeout(0.8 * LOOK_ANEW):
            await begun(told, ORDER)
            for stream, type in (
                (orders.STREAM, orders.ORDER_SHIPPED),
                (logistics.STREAM, logistics.SHIPMENT_IN_TRANSIT),
            ):
                news = asyncio.ensure_future(anext(told))
                await tell(browser, stream, type, other)
                await tell(browser, stream, type, mine)
                assert await news == ORDER
        assert live(browser)._watching == {}
        assert live(browser)._open == 0


async def test_news_of_an_inbox_wake_the_pages_of_whose_it_is(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        await streams_are_there(browser)
        async with aclosing(live(browser).events(None, "ann")) as told, asyncio.timeout(0.8 * LOOK_ANEW):
            await begun(told, INBOX)
            news = asyncio.ensure_future(anext(told))
            sent = SENT | {"channel": "inbox"}
            await tell(browser, notification.STREAM, notification.SENT, "bo", **sent, subject="bo")
            await tell(
                browser, notification.STREAM, notification.SENT, "ann", **SENT, channel="email", subject="ann"
            )
            await asyncio.sleep(0)
            assert not news.done()
            await tell(browser, notification.STREAM, notification.SENT, "ann", **sent, subject="ann")
            assert await news == INBOX
            news = asyncio.ensure_future(anext(told))
            await tell(browser, notification.STREAM, notification.INBOX_READ, "ann", subject="ann")
            assert await news == INBOX


async def test_a_page_hears_of_order_and_inbox_by_one_connection(storefront_alone: Opens) -> None:
    mine = uuid4()
    async with storefront_alone() as browser:
        await streams_are_there(browser)
        async with aclosing(live(browser).events(mine, "ann")) as told, asyncio.timeout(0.8 * LOOK_ANEW):
            await begun(told, ORDER, INBOX)
            await tell(browser, notification.STREAM, notification.INBOX_READ, "ann", subject="ann")
            assert await anext(told) == INBOX
            await tell(browser, orders.STREAM, orders.ORDER_SHIPPED, mine)
            assert await anext(told) == ORDER


async def test_what_cannot_be_read_is_passed_over(storefront_alone: Opens) -> None:
    mine = uuid4()
    async with storefront_alone() as browser:
        await streams_are_there(browser)
        async with aclosing(live(browser).events(mine, None)) as told, asyncio.timeout(0.8 * LOOK_ANEW):
            await begun(told, ORDER)
            await browser.bus.publish(f"{orders.STREAM}.{orders.ORDER_SHIPPED}", b"{", message_id="x")
            await tell(browser, orders.STREAM, orders.ORDER_SHIPPED, mine)
            assert await anext(told) == ORDER


async def test_a_process_that_ends_lets_its_pages_go(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser, aclosing(live(browser).events(uuid4(), None)) as told:
        await anext(told)
        browser.app.state.runtime.draining = True
        async for _ in told:
            raise AssertionError("it went on")


@pytest.mark.parametrize("path", ["/live", f"/live?order={UUID(int=7)}"])
async def test_who_has_nothing_to_hear_of_is_told_to_come_no_more(storefront_alone: Opens, path: str) -> None:
    async with storefront_alone() as browser:
        assert (await browser.http.get(path)).status_code == 204
