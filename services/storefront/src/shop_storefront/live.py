"""Tells open pages that something of theirs has changed, as it does: server-sent events that say what, and
nothing else. What has changed the page then asks for, as a part of itself, with tokens of that moment.

Each replica follows the streams by itself. A page has one connection, whatever it shows.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Gauge
from pydantic import ValidationError
from shop_chassis.events.bus import Bus
from shop_chassis.events.event import Event, MalformedEventError
from shop_chassis.events.service import bus_of
from shop_chassis.runtime import Background, Runtime
from shop_chassis.tables import utc_now
from shop_contracts.logistics import events as logistics
from shop_contracts.notification import events as notification
from shop_contracts.order_processing import events as orders

log = structlog.get_logger(__name__)

LOOK_ANEW = 20.0
"""Seconds without news after which an order is looked at all the same; proxies close what is silent for
longer."""
LONGEST = 300.0
"""Seconds for one connection: the browser comes again, and who it is is looked at again."""
_DRAINING = 5.0

Key = tuple[str, str]
"""What is watched: `order` and its id, or `inbox` and whose it is. The first is the event's name, too."""


@dataclass(eq=False)
class Page:
    """One that is open."""

    keys: Collection[Key]
    changed: set[str] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, name: str) -> None:
        """Something of it has changed."""
        self.changed.add(name)
        self.woken.set()


class LivePages:
    """The pages that are open in browsers connected to this replica."""

    def __init__(self, runtime: Runtime[Any], most: int) -> None:
        """At most so many at a time: each holds a connection and some memory."""
        self._runtime = runtime
        self._most = most
        self._bus: Bus = bus_of(runtime)
        self._watching: dict[Key, set[Page]] = defaultdict(set)
        self._open = 0
        gauge = Gauge("storefront_live_pages", "Pages that listen for news", registry=runtime.metrics)
        gauge.set_function(lambda: self._open)
        inbox = [f"{notification.STREAM}.{type}" for type in (notification.SENT, notification.INBOX_READ)]
        for stream, topics, key_of in (
            (orders.STREAM, [f"{orders.STREAM}.>"], _order),
            (logistics.STREAM, [f"{logistics.STREAM}.>"], _order),
            (notification.STREAM, inbox, _inbox),
        ):
            follow = partial(self._follow, stream, topics, key_of)
            runtime.add(Background(f"news of {stream}", follow))
        runtime.add(Background("live pages that end", self._end_when_draining))

    @property
    def full(self) -> bool:
        """Whether there is no room for another one."""
        return self._open >= self._most

    async def events(self, order: UUID | None, subject: str | None) -> AsyncGenerator[str, None]:
        """Of an order, of somebody's inbox, or of both: one of each at once, since something may have
        happened before anybody listened, then one for each news."""
        keys = [("order", str(order))] if order else []
        keys += [("inbox", subject)] if subject else []
        page = Page(keys, changed={name for name, _ in keys})
        for key in keys:
            self._watching[key].add(page)
        self._open += 1
        until = asyncio.get_running_loop().time() + LONGEST
        try:
            yield "retry: 3000\n\n"
            while not self._runtime.draining:
                while page.changed:
                    yield f"event: {page.changed.pop()}\ndata: .\n\n"
                page.woken.clear()
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    return
                try:
                    async with asyncio.timeout(min(left, LOOK_ANEW)):
                        await page.woken.wait()
                except TimeoutError:
                    if order:
                        page.changed.add("order")
                    else:
                        yield ": still here\n\n"
        finally:
            self._open -= 1
            for key in keys:
                self._watching[key].discard(page)
                if not self._watching[key]:
                    del self._watching[key]

    async def _follow(self, stream: str, topics: list[str], key_of: Callable[[Event], Key | None]) -> None:
        async with aclosing(self._bus.follow(stream, topics, since=utc_now())) as stored:
            async for message in stored:
                try:
                    key = key_of(Event.decode(message.body))
                except (MalformedEventError, ValidationError) as error:
                    log.warning("an event cannot be read", stream=stream, error=str(error))
                    continue
                if key is not None:
                    for page in self._watching.get(key, ()):
                        page.wake(key[0])

    async def _end_when_draining(self) -> None:
        """A connection that goes on for minutes would keep the process from ending."""
        while not self._runtime.draining:  # noqa: ASYNC110 - nobody tells when it begins
            await asyncio.sleep(_DRAINING)
        for pages in self._watching.values():
            for page in pages:
                page.woken.set()
        await asyncio.get_running_loop().create_future()


def _order(event: Event) -> Key:
    """Of orders and of shipments the order's id is the subject."""
    return "order", event.subject


def _inbox(event: Event) -> Key | None:
    """None for what went elsewhere than into an inbox."""
    if event.type == notification.INBOX_READ:
        return "inbox", notification.InboxRead.model_validate(event.data).subject
    sent = notification.Sent.model_validate(event.data)
    return ("inbox", sent.subject) if sent.channel == "inbox" and sent.subject else None
