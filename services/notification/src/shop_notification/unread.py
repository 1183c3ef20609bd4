"""Tells browsers how many messages are unread, whenever that may have changed: server-sent events.

Each replica follows the stream of this service by itself, so an event wakes whoever is connected to it.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError
from shop_chassis.events import Bus, Event
from shop_chassis.events.event import MalformedEventError
from shop_chassis.runtime import Runtime
from shop_chassis.tables import utc_now
from shop_contracts.notification.events import INBOX_READ, SENT, STREAM, InboxRead, Sent

from shop_notification.inbox import Entries

log = structlog.get_logger(__name__)

TOPICS = [f"{STREAM}.{SENT}", f"{STREAM}.{INBOX_READ}"]
KEEP_ALIVE_SECONDS = 20.0
"""Proxies close connections on which nothing comes."""
LOOK_SECONDS = 5.0


@dataclass(eq=False)
class Watcher:
    """A browser that listens."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Watchers:
    """Those connected to this replica, by whose inbox they watch."""

    def __init__(self, runtime: Runtime[Any], bus: Bus, entries: Entries) -> None:
        self._runtime = runtime
        self._bus = bus
        self._entries = entries
        self._watching: dict[str, set[Watcher]] = defaultdict(set)

    async def follow(self) -> None:
        """Hears of changes, for ever."""
        async with aclosing(self._bus.follow(STREAM, TOPICS, since=utc_now())) as stored:
            async for message in stored:
                if (subject := _whose(message.body)) is not None:
                    self._wake(subject)

    async def end_when_draining(self) -> None:
        """A connection that goes on for ever would keep the process from ending."""
        while not self._runtime.draining:  # noqa: ASYNC110 - nobody tells when it begins
            await asyncio.sleep(LOOK_SECONDS)
        for subject in list(self._watching):
            self._wake(subject)
        await asyncio.get_running_loop().create_future()

    async def events(self, subject: str, until: float) -> AsyncIterator[str]:
        """The number, and again whenever it may have changed, until that moment (Unix time): when the token
        expires, a browser comes again with another one."""
        watcher = Watcher()
        watcher.changed.set()
        self._watching[subject].add(watcher)
        try:
            told: int | None = None
            yield "retry: 3000\n\n"
            while not self._runtime.draining and (left := until - utc_now().timestamp()) > 0:
                if watcher.changed.is_set():
                    watcher.changed.clear()
                    if (count := await self._entries.unread(subject)) != told:
                        yield f"event: unread\ndata: {count}\n\n"
                        told = count
                else:
                    yield ": still here\n\n"
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, KEEP_ALIVE_SECONDS)):
                        await watcher.changed.wait()
        finally:
            self._watching[subject].discard(watcher)
            if not self._watching[subject]:
                del self._watching[subject]

    def _wake(self, subject: str) -> None:
        for watcher in self._watching.get(subject, ()):
            watcher.changed.set()


def _whose(body: bytes) -> str | None:
    """Whose inbox an event is about; None for one of another channel."""
    try:
        event = Event.decode(body)
        if event.type == INBOX_READ:
            return InboxRead.model_validate(event.data).subject
        sent = Sent.model_validate(event.data)
    except (MalformedEventError, ValidationError) as error:
        log.warning("event of our own unreadable", error=str(error))
        return None
    return sent.subject if sent.channel == "inbox" else None
