"""The worker: takes what is due from one table and sees to it, several at a time.

It sleeps until the next is due. New work of this process wakes it; that of other replicas, and what one of
them left behind that vanished, is found when the lease ends, and by a slow look.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from shop_chassis.events.retry import delay
from shop_chassis.store import Store, first_line, unavailable
from shop_chassis.tables import utc_now
from sqlalchemy import RowMapping, Table
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.queue import next_due

log = structlog.get_logger(__name__)

LOOK_SECONDS = 60.0
GRACE_SECONDS = 12.0
"""For what is under way when the service stops."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 900.0
MOST_TRIES = 100
"""About a day."""


class Work(Protocol):
    """What is done with the rows of one table."""

    table: Table

    async def take(self, session: AsyncSession, now: datetime, room: int) -> Sequence[RowMapping]:
        """Up to `room` rows that are due, from now on this worker's."""

    async def work(self, row: RowMapping) -> None:
        """Sees to it. What it raises is no outcome: it is tried again later."""

    async def postpone(self, session: AsyncSession, row: RowMapping, until: datetime, reason: str) -> None:
        """It did not work out; it is tried again then."""

    async def give_up(self, session: AsyncSession, row: RowMapping, reason: str) -> None:
        """It has not worked out so often that it never will."""


def pause(attempts: int) -> timedelta:
    """Until the next try: doubled from a second up to a quarter of an hour."""
    return timedelta(seconds=delay(attempts, first=FIRST_PAUSE, most=LONGEST_PAUSE))


async def try_later(session: AsyncSession, work: Work, row: RowMapping, reason: str) -> None:
    """Postpones it by the pause that is due, or gives it up."""
    if row["attempts"] >= MOST_TRIES:
        await work.give_up(session, row, reason)
    else:
        await work.postpone(session, row, utc_now() + pause(row["attempts"]), reason)


class Loop:
    """One per table and process. Runs until cancelled."""

    def __init__(self, store: Store, work: Work, *, concurrency: int) -> None:
        """`concurrency`: rows seen to at a time."""
        self._store = store
        self._work = work
        self._concurrency = concurrency
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Works for ever; outages of the database are logged and waited out."""
        failures = 0
        looking: asyncio.Task[float] | None = None
        try:
            while True:
                self._wake.clear()
                looking = asyncio.create_task(self._turn())
                try:
                    seconds = await asyncio.shield(looking)
                except Exception as error:  # a loop that ends is worse than one that says why it fails
                    failures += 1
                    log.warning("work unreadable", table=self._work.table.name, error=first_line(error))
                    await asyncio.sleep(delay(failures, most=5.0))
                    continue
                failures = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
        finally:
            if looking:  # what it takes is not to lie there until its lease ends
                await asyncio.wait([looking], timeout=2)
            if self._running:
                await asyncio.wait(self._running, timeout=GRACE_SECONDS)
            left = [*([looking] if looking else []), *self._running]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _turn(self) -> float:
        """Begins what is due and has room; seconds until there is something to do unless woken."""
        room = self._concurrency - len(self._running)
        if room == 0:
            return LOOK_SECONDS  # whoever ends first wakes it
        now = utc_now()
        async with self._store.transaction() as session:
            taken = await self._work.take(session, now, room)
        for row in taken:
            task = asyncio.create_task(self._see_to(row))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(taken) == room:
            return LOOK_SECONDS
        async with self._store.session() as session:
            due = await next_due(session, self._work.table)
        if due is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.001, (due - utc_now()) / timedelta(seconds=1)))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._wake.set()

    async def _see_to(self, row: RowMapping) -> None:
        try:
            await self._work.work(row)
        except Exception as error:
            reason = first_line(error)
            log.warning("to be tried again", table=self._work.table.name, id=str(row["id"]), error=reason)
            if unavailable(error):
                return  # the lease runs out, and it is tried again
            with suppress(Exception):  # the same
                async with self._store.transaction() as session:
                    await try_later(session, self._work, row, reason)
