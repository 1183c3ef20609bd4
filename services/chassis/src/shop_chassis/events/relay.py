"""The relay: publishes what the outbox holds, in the order of insertion, one relay per service at a time.

Complete: rows are marked, not passed by a cursor, so one that commits late with a smaller position than those
already published is simply found unpublished the next time. In order: events of one aggregate cannot overtake
each other that way, because `Outbox.add` holds the aggregate's sequence until its transaction ends. A relay
killed after publishing and before marking publishes again under the same id: a duplicate, nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from time import monotonic

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_chassis import tracing
from shop_chassis.events.bus import Bus, BusError
from shop_chassis.events.dialect import dialect_name, lock_key
from shop_chassis.events.event import Event
from shop_chassis.events.metrics import OutboxMetrics
from shop_chassis.events.outbox import CHANNEL, Outbox
from shop_chassis.events.retry import delay
from shop_chassis.runtime import heed_cancellation
from shop_chassis.store import Store, first_line
from shop_chassis.tables import utc_now
from shop_chassis.tracing import Tracer

log = structlog.get_logger(__name__)

STREAM_AGE = timedelta(days=7)
"""How long the stream keeps events for consumers that come late."""
KEPT = timedelta(days=1)
"""How long published rows stay, for a person who asks what was sent."""
PRUNE_EVERY = 3600.0
BATCH = 100


class Relay:
    """Runs until cancelled; outages of database and broker are logged, counted and waited out."""

    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        bus: Bus,
        metrics: OutboxMetrics,
        *,
        tracer: Tracer | None = None,
        poll: float = 15.0,
        takeover: float = 5.0,
    ) -> None:
        """`poll`: seconds after which the outbox is looked at without having been told to.

        `takeover`: seconds between a standby's tries to get the lock. One connection of the store is in use
        for as long as the relay runs.
        """
        self._outbox = outbox
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._metrics.age.set_function(self._age)
        self._tracer = tracer or Tracer()
        self._oldest: datetime | None = None
        self._poll = poll
        self._takeover = takeover
        self._wake = asyncio.Event()
        self._prune_at = 0.0

    async def run(self) -> None:
        """Publishes for ever."""
        failures = 0
        self._outbox.listeners.add(self._wake.set)
        try:
            while True:
                try:
                    async with self._connection() as connection:
                        await self._stand_by(connection)
                        failures = 0
                        await self._lead(connection)
                # Drivers raise their own kinds; a relay that ends is worse than one that says why it fails.
                except Exception as error:
                    failures += 1
                    await self._back_off(failures, "outbox unreadable", error)
        finally:
            self._outbox.listeners.discard(self._wake.set)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for lock, LISTEN and all reads; thrown away afterwards, lock and LISTEN with it."""
        async with self._store.engine.connect() as connection:
            try:
                if dialect_name(connection) == "postgresql":
                    driver = (await connection.get_raw_connection()).driver_connection
                    assert driver is not None
                    driver.add_termination_listener(lambda _: self._wake.set())
                    await driver.add_listener(CHANNEL, lambda *_: self._wake.set())
                yield connection
            finally:
                await connection.invalidate()

    async def _stand_by(self, connection: AsyncConnection) -> None:
        """Returns once this relay is the one that publishes.

        It asks again and again, because a session that waits inside pg_advisory_lock() holds back vacuum.
        """
        if dialect_name(connection) != "postgresql":
            return  # SQLite has one process
        while True:
            async with connection.begin():
                lock = select(func.pg_try_advisory_lock(lock_key(f"outbox relay of {self._outbox.service}")))
                if (await connection.execute(lock)).scalar_one():
                    return
            await self._measure(connection)
            await asyncio.sleep(self._takeover)

    async def _lead(self, connection: AsyncConnection) -> None:
        log.info("relay publishes", service=self._outbox.service)
        self._metrics.leader.set(1)
        failures, stream_known = 0, False
        try:
            while True:
                self._wake.clear()
                try:
                    if not stream_known:
                        await self._bus.ensure_stream(
                            self._outbox.service, max_age=STREAM_AGE.total_seconds()
                        )
                    await self._publish_all(connection)
                except BusError as error:
                    failures, stream_known = failures + 1, False  # the broker may have lost its disk
                    await self._measure(connection)
                    await self._back_off(failures, "broker does not take events", error)
                    continue
                failures, stream_known = 0, True
                await self._prune(connection)
                heed_cancellation()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await self._wake.wait()
        finally:
            self._metrics.leader.set(0)

    async def _publish_all(self, connection: AsyncConnection) -> None:
        table = self._outbox.events
        oldest = select(table).where(table.c.published_at.is_(None)).order_by(table.c.position).limit(BATCH)
        while True:
            async with connection.begin():
                rows = (await connection.execute(oldest)).mappings().all()
            published: list[tuple[int, str]] = []
            try:
                for row in rows:
                    await self._send(self._outbox.event(dict(row)))
                    published.append((row["position"], row["type"]))
            finally:
                if published:
                    await self._mark(connection, published)
            if len(rows) < BATCH:  # whoever has added one since then has woken it again
                self._metrics.depth.set(0)
                self._oldest = None
                return

    async def _send(self, event: Event) -> None:
        with self._part_of(event):
            await self._bus.publish(event.topic, event.encode(), message_id=event.id)

    def _part_of(self, event: Event) -> AbstractContextManager[object]:
        """Of the trace that made the event, if one did."""
        parent = tracing.parse(event.traceparent)
        if parent is None:
            return nullcontext()
        about = {"messaging.operation.type": "send", "cloudevents.event_id": event.id}
        return tracing.inside(self._tracer.begin(f"send {event.topic}", "producer", parent, about))

    async def _mark(self, connection: AsyncConnection, published: list[tuple[int, str]]) -> None:
        """`published`: positions, and types of their events."""
        table = self._outbox.events
        positions = [position for position, _ in published]
        async with connection.begin():
            await connection.execute(
                update(table).where(table.c.position.in_(positions)).values(published_at=utc_now())
            )
        for _, type in published:
            self._metrics.published.labels(type).inc()

    async def _measure(self, connection: AsyncConnection) -> None:
        table = self._outbox.events
        async with connection.begin():
            waiting = select(func.count(), func.min(table.c.time)).where(table.c.published_at.is_(None))
            depth, oldest = (await connection.execute(waiting)).one()
        self._metrics.depth.set(depth)
        self._oldest = oldest

    def _age(self) -> float:
        return (utc_now() - self._oldest).total_seconds() if self._oldest else 0.0

    async def _prune(self, connection: AsyncConnection) -> None:
        """Deletes old published rows, a few at a time: only the first rows of the table are looked at."""
        if monotonic() < self._prune_at:
            return
        self._prune_at = monotonic() + PRUNE_EVERY
        table = self._outbox.events
        first = (
            select(table.c.position, table.c.published_at).order_by(table.c.position).limit(500).subquery()
        )
        old = select(first.c.position).where(first.c.published_at < utc_now() - KEPT)
        removed = 1
        while removed:
            async with connection.begin():
                result = await connection.execute(delete(table).where(table.c.position.in_(old)))
            removed = result.rowcount

    async def _back_off(self, failures: int, what: str, error: Exception) -> None:
        heed_cancellation()
        self._metrics.errors.inc()
        seconds = delay(failures, most=5.0)
        log.warning(
            what, service=self._outbox.service, error=first_line(error), retry_seconds=round(seconds, 1)
        )
        await asyncio.sleep(seconds)
