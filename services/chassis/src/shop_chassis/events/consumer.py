"""The consumer: takes events from the bus and gives each its effect once, whatever is delivered how often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis import tracing
from shop_chassis.events.bus import Bus, BusError, Delivery, Subscription
from shop_chassis.events.deadletter import bury
from shop_chassis.events.event import Event, MalformedEventError
from shop_chassis.events.inbox import Claim, Inbox, Order
from shop_chassis.events.metrics import ConsumerMetrics
from shop_chassis.events.retry import delay
from shop_chassis.runtime import heed_cancellation
from shop_chassis.store import DATABASE_ERRORS, Store, first_line
from shop_chassis.tracing import Tracer

log = structlog.get_logger(__name__)

Handler = Callable[[AsyncSession, Event], Awaitable[None]]
"""Gives an event its effect, by the session and without committing: both are recorded together.

An exception rolls both back and has the event delivered again, later. What a session cannot roll back (a
mail, a call to a neighbour) must bear being done twice, or be written down as an intent that something else
carries out.
"""

HOUSEKEEPING = 15.0
"""Seconds between looks at the lag."""
PRUNE_EVERY = 3600.0


class On(NamedTuple):
    """Events of one type and what to do about them."""

    type: str
    handler: Handler
    order: Order = Order.ANY


@dataclass(frozen=True)
class Patience:
    """How much trouble a consumer takes.

    tries: failures of a handler before the event is dead-lettered; ten take about two minutes.
    parkings: how often an event is sent away to wait for a missing one (Order.STRICT); twelve take about 40
    s. grace: seconds that running handlers have to end when the consumer stops.
    """

    tries: int = 10
    parkings: int = 12
    grace: float = 20.0


class Consumer:
    """Runs until cancelled; replicas of the same name share the work.

    What counts as a try is a handler that fails, or is interrupted by the end of its process. While the
    database is away events wait, and nothing is counted after the first delivery.
    """

    def __init__(
        self,
        name: str,
        stream: str,
        handlers: Sequence[On],
        *,
        inbox: Inbox,
        store: Store,
        bus: Bus,
        metrics: ConsumerMetrics,
        tracer: Tracer | None = None,
        concurrency: int = 8,
        rate: float | None = None,
        patience: Patience = Patience(),
    ) -> None:
        """`name` is the durable consumer on `stream`; `concurrency` how many events are handled at a time.

        `rate`: at most so many events a second, to spare what the handlers call; None for no limit.
        Raises ValueError for handlers that cannot be together.
        """
        self.name = name
        self._stream = stream
        self._handlers = {on.type: on for on in handlers}
        orders = {on.order for on in handlers}
        if len(self._handlers) != len(handlers) or not handlers:
            raise ValueError(f"consumer {name}: expected at least one handler and at most one for each type")
        if Order.STRICT in orders and len(orders) > 1:
            raise ValueError(
                f"consumer {name}: STRICT counts all types of an aggregate, so all handlers need it"
            )
        self._strict = orders == {Order.STRICT}
        self._topics = [f"{stream}.>"] if self._strict else [f"{stream}.{type}" for type in self._handlers]
        self._inbox = inbox
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._tracer = tracer or Tracer()
        self._concurrency = concurrency
        self._interval = 1 / rate if rate else 0.0
        self._patience = patience
        self._running: set[asyncio.Task[None]] = set()
        self._outages = 0
        self._waits_for: str | None = "not subscribed yet"

    def problem(self) -> str | None:
        """Why no events are consumed right now; None when they are."""
        return self._bus.problem() or self._waits_for

    async def run(self) -> None:
        """Consumes for ever. Cancelled, it takes nothing new, lets what runs end, and hands back the rest."""
        subscription = await self._subscribe()
        housekeeping = asyncio.create_task(self._keep_house(subscription))
        try:
            while True:
                if self._outages:
                    await asyncio.sleep(delay(self._outages, most=5.0))
                while len(self._running) >= self._concurrency:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                room = 1 if self._interval else self._concurrency - len(self._running)
                for delivery in await subscription.fetch(room):
                    task = asyncio.create_task(self._process(delivery, subscription.ack_wait))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                await asyncio.sleep(self._interval)
        finally:
            housekeeping.cancel()
            await subscription.close()
            if self._running:
                await asyncio.wait(self._running, timeout=self._patience.grace)
            for task in self._running:
                task.cancel()
            await asyncio.gather(housekeeping, *self._running, return_exceptions=True)

    async def _subscribe(self) -> Subscription:
        failures = 0
        while True:
            try:
                subscription = await self._bus.subscribe(self._stream, self.name, self._topics)
            except BusError as error:
                failures += 1
                if self._waits_for != str(error):
                    log.warning("cannot subscribe yet", consumer=self.name, error=str(error))
                self._waits_for = str(error)
                await asyncio.sleep(delay(failures, most=5.0))
            else:
                log.info("consuming", consumer=self.name, topics=self._topics)
                self._waits_for = None
                return subscription

    async def _process(self, delivery: Delivery, ack_wait: float) -> None:
        message = delivery.message
        started = time.perf_counter()
        type, outcome = message.topic.partition(".")[2], "failed"
        try:
            async with _kept(delivery, ack_wait):
                outcome = await self._settle(delivery)
        except BusError as error:  # the broker never heard the answer, so it will deliver again
            log.warning("answer lost", consumer=self.name, topic=message.topic, error=str(error))
        except asyncio.CancelledError:
            with suppress(BusError):
                await delivery.nak(0)
            raise
        finally:
            self._metrics.events.labels(self._stream, self.name, type, outcome).inc()
            self._metrics.duration.labels(self._stream, self.name, type).observe(
                time.perf_counter() - started
            )

    async def _settle(self, delivery: Delivery) -> str:
        """Handles a delivery and answers the broker; the outcome, as in ConsumerMetrics."""
        try:
            event = Event.decode(delivery.message.body)
        except MalformedEventError as error:
            return await self._give_up(delivery, None, str(error), tries=delivery.attempt)
        span = self._tracer.begin(
            f"process {event.topic}",
            "consumer",
            tracing.parse(event.traceparent),
            {
                "messaging.operation.type": "process",
                "messaging.consumer.group.name": self.name,
                "cloudevents.event_id": event.id,
            },
        )
        with structlog.contextvars.bound_contextvars(event_id=event.id), tracing.inside(span):
            outcome = await self._handle(delivery, event)
            span.note({"shop.consumer.outcome": outcome})
            if outcome in ("failed", "outage", "dead_lettered"):
                span.fail(outcome)
            return outcome

    async def _handle(self, delivery: Delivery, event: Event) -> str:
        try:
            tries = await self._count(delivery, event)
            if tries > self._patience.tries:
                reason = "every try was interrupted: does the event kill its worker?"
                return await self._give_up(delivery, event, reason, tries=tries - 1)
            claim = await self._apply(event, skip_gap=False)
            if claim is Claim.GAP:
                times, first = await self._park(event)
                if times < self._patience.parkings or not first:
                    await delivery.nak(delay(times, most=5.0))
                    return "parked"
                claim = await self._apply(event, skip_gap=True)
        except BusError:
            raise
        except _OutageError as outage:
            self._outages += 1
            log.warning("database away", consumer=self.name, error=first_line(outage.__cause__ or outage))
            await delivery.nak(delay(self._outages, most=5.0))
            return "outage"
        except Exception as error:
            log.warning("handler failed", consumer=self.name, tries=tries, exc_info=True)
            if tries >= self._patience.tries:
                return await self._give_up(delivery, event, first_line(error), tries=tries)
            await delivery.nak(delay(tries))
            return "failed"
        if claim is Claim.SKIPPED:  # what was missing may have come in the meantime, then it is not
            log.warning("gap given up", consumer=self.name, subject=event.subject, next=event.sequence)
            self._metrics.gaps.labels(self._stream, self.name).inc()
        self._outages = 0
        await delivery.ack()
        return {Claim.DUPLICATE: "duplicate", Claim.STALE: "stale"}.get(claim, "applied")

    async def _count(self, delivery: Delivery, event: Event) -> int:
        """The number of this try, from 1. Written down only for what is delivered again, so not for most."""
        if delivery.attempt == 1:
            return 1
        async with _database(), self._store.transaction() as session:
            return 1 + await self._inbox.tried(session, self.name, event.id)

    async def _apply(self, event: Event, *, skip_gap: bool) -> Claim:
        """The one transaction: event recorded, effect made."""
        on = self._handlers.get(event.type)
        order = on.order if on else Order.STRICT
        async with _database(only_if=_is_outage), self._store.transaction() as session:
            async with _database():
                claim = await self._inbox.claim(session, self.name, event, order, skip_gap=skip_gap)
            if claim is Claim.GAP:
                await session.rollback()
            elif claim in (Claim.NEW, Claim.SKIPPED) and on:
                await on.handler(session, event)
        return claim

    async def _park(self, event: Event) -> tuple[int, bool]:
        async with _database(), self._store.transaction() as session:
            return await self._inbox.park(session, self.name, event)

    async def _give_up(self, delivery: Delivery, event: Event | None, reason: str, *, tries: int) -> str:
        await bury(self._bus, delivery, consumer=self.name, reason=reason, tries=tries)
        log.error(
            "dead-lettered", consumer=self.name, topic=delivery.message.topic, reason=reason, tries=tries
        )
        if event is not None:
            with suppress(*DATABASE_ERRORS):  # else a replayed event has one try, not ten
                async with self._store.transaction() as session:
                    await self._inbox.forget(session, self.name, event.id)
        return "dead_lettered"

    async def _keep_house(self, subscription: Subscription) -> None:
        prune_at = 0.0
        while True:
            try:
                self._metrics.lag.labels(self._stream, self.name).set(await subscription.lag())
                if time.monotonic() >= prune_at:
                    await self._prune()
                    prune_at = time.monotonic() + PRUNE_EVERY
            except Exception as error:  # the work goes on without; whatever it was is tried again
                log.warning("housekeeping failed", consumer=self.name, error=first_line(error))
            heed_cancellation()
            await asyncio.sleep(HOUSEKEEPING)

    async def _prune(self) -> None:
        removed = 1
        while removed:
            async with self._store.transaction() as session:
                removed = await self._inbox.prune(session)


class _OutageError(Exception):
    """The database failed, not the handler; the cause says how."""


@asynccontextmanager
async def _database(only_if: Callable[[Exception], bool] = lambda _: True) -> AsyncIterator[None]:
    """Marks errors from inside as the database's."""
    try:
        yield
    except Exception as error:
        if only_if(error):
            raise _OutageError from error
        raise


def _is_outage(error: Exception) -> bool:
    """Connection lost, deadlock, locked file and the like; not what the handler's statements did wrong."""
    if isinstance(error, (IntegrityError, DataError, ProgrammingError, NotSupportedError)):
        return False
    return isinstance(error, (DBAPIError, PoolTimeoutError, ConnectionError))


@asynccontextmanager
async def _kept(delivery: Delivery, ack_wait: float) -> AsyncIterator[None]:
    """Tells the broker that the delivery is being worked on, for as long as it is."""

    async def heartbeat() -> None:
        while True:
            await asyncio.sleep(ack_wait / 3)
            with suppress(BusError):
                await delivery.extend()

    task = asyncio.create_task(heartbeat())
    try:
        yield
    finally:
        task.cancel()
