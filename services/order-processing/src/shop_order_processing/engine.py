"""The engine: takes sagas that are due, makes their next call, writes down what came of it. Knows no step.

It sleeps until the next saga is due. New work of this process wakes it; that of other replicas, and what a
worker left behind that vanished, is found by a slow poll. A lease is far longer than a try can take, and what
is written names the version that was read, so no two workers are at the same step.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count

import structlog
from shop_chassis import tracing
from shop_chassis.events.retry import delay
from shop_chassis.store import first_line, unavailable
from shop_chassis.tracing import Tracer

from shop_order_processing import machine
from shop_order_processing.calls import Call, Client, Outcome, perform
from shop_order_processing.case import Case
from shop_order_processing.machine import Kind, Move
from shop_order_processing.metrics import SagaMetrics
from shop_order_processing.store import Held, Orders

log = structlog.get_logger(__name__)

LEASE_SECONDS = 30.0
TRY_SECONDS = 12.0
"""All calls of one try together."""
RECORD_SECONDS = 10.0
"""For the database to come back, what a neighbour said being kept; with the try it ends before the lease."""
GRACE_SECONDS = 10.0
"""For tries that are under way when the service stops: they are written down, nothing new is begun."""
LONGEST_PAUSE = 15.0


def pause(failures: int) -> float:
    """Seconds after so many unknown outcomes in a row: doubled from 0.4, at most 15, a quarter at random."""
    return delay(failures, first=0.4, most=LONGEST_PAUSE)


class Engine:
    """One per process. Runs until cancelled."""

    def __init__(
        self,
        orders: Orders,
        clients: Mapping[str, Client],
        metrics: SagaMetrics,
        *,
        worker: str,
        tracer: Tracer | None = None,
        concurrency: int = 8,
        poll: float = 15.0,
        pause: Callable[[int], float] = pause,
    ) -> None:
        """`worker` names this process in leases and logs; `concurrency`: sagas at a time; `poll`: seconds."""
        self._orders = orders
        self._clients = clients
        self._metrics = metrics
        self._worker = worker
        self._tracer = tracer or Tracer()
        self._concurrency = concurrency
        self._poll = poll
        self._pause = pause
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._count_at = 0.0

    async def run(self) -> None:
        """Works for ever; outages of the database are logged and waited out."""
        self._orders.listeners.add(self._wake.set)
        looking: asyncio.Task[float] | None = None
        failures = 0
        try:
            while True:
                self._wake.clear()
                looking = asyncio.create_task(self._turn())
                try:
                    seconds = await asyncio.shield(looking)
                except Exception as error:  # a loop that ends is worse than one that says why it fails
                    failures += 1
                    log.warning("orders unreadable", error=first_line(error))
                    await asyncio.sleep(delay(failures, most=5.0))
                    continue
                failures = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
        finally:
            self._orders.listeners.discard(self._wake.set)
            self._stopping = True
            looks = [looking] if looking else []
            if looks:  # what it takes is not to lie there until its lease ends
                await asyncio.wait(looks, timeout=2)
            if self._running:
                await asyncio.wait(self._running, timeout=GRACE_SECONDS)
            left = [*looks, *self._running]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _turn(self) -> float:
        """Begins what is due and has room; seconds until there is something to do unless woken."""
        if time.monotonic() >= self._count_at:
            self._count_at = time.monotonic() + self._poll
            self._metrics.counted(await self._orders.counts())
        room = self._concurrency - len(self._running)
        if room == 0:
            return self._poll  # whoever ends first wakes it
        taken = await self._orders.take(room, worker=self._worker, lease=LEASE_SECONDS)
        for held in taken:
            task = asyncio.create_task(self._work(held))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(taken) == room:
            return self._poll
        next_due = await self._orders.next_due()
        if next_due is None:
            return self._poll
        left = next_due - self._orders.clock()
        return min(self._poll, max(0.001, left / timedelta(seconds=1)))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._wake.set()

    async def _work(self, held: Held) -> None:
        try:
            await self.advance(held)
        except Exception as error:  # its lease runs out, and it is tried again
            log.warning(
                "saga interrupted", saga=str(held.id), order=str(held.order_id), error=first_line(error)
            )

    async def advance(self, held: Held) -> None:
        """Step after step, until the saga ends or has to wait."""
        following: Held | None = held
        about = {"saga": str(held.id), "order": str(held.order_id)}
        span = self._tracer.begin(
            f"saga {held.kind}",
            "internal",
            tracing.parse(held.traceparent),
            {f"shop.{name}.id": value for name, value in about.items()},
        )
        with structlog.contextvars.bound_contextvars(**about), tracing.inside(span):
            while following is not None:
                following = await self._step(following)

    async def _step(self, held: Held) -> Held | None:
        kind, progress = self._orders.kinds[held.kind], held.progress
        untried = machine.untried(progress)
        if held.wish is not None and machine.may_turn(kind, untried):
            wish = held.wish

            def turned(kind: Kind, case: Case, _wish: str | None) -> Move:
                return machine.turned(kind, untried, held.about, case, wish, self._orders.clock())

            return await self._record(held, turned)

        began = time.monotonic()
        with tracing.part(f"{progress.step} {progress.direction}") as span:
            outcome = await self._try(kind, held)
            if span and outcome.kind != "done":
                span.note({"shop.saga.outcome": outcome.kind})
        seconds = time.monotonic() - began
        self._metrics.tried(held.kind, progress.step, progress.direction, outcome.kind, seconds)
        if outcome.kind == "unknown":
            log.warning("step unknown", step=progress.step, attempt=progress.attempts, reason=outcome.reason)

        def moved(kind: Kind, case: Case, wish: str | None) -> Move:
            now = self._orders.clock()
            return machine.move(
                kind, progress, held.about, case, outcome, now=now, pause=self._pause, wish=wish
            )

        return await self._record(held, moved)

    async def _record(self, held: Held, decide: Callable[[Kind, Case, str | None], Move]) -> Held | None:
        until = time.monotonic() + RECORD_SECONDS
        for failures in count(1):
            try:
                return await self._orders.record(
                    held, decide, worker=self._worker, lease=LEASE_SECONDS, go_on=not self._stopping
                )
            except Exception as error:
                pause = delay(failures, most=2.0)
                if not unavailable(error) or time.monotonic() + pause > until:
                    raise
                log.warning("cannot write down what came of a step", error=first_line(error))
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _try(self, kind: Kind, held: Held) -> Outcome:
        case = held.case or await self._orders.known(held.order_id)
        action = machine.action(kind, held.progress)
        if not isinstance(action, Call):
            return action(case, held.about)
        key = f"{held.about}:{held.progress.step}:{held.progress.direction}"
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return await perform(action, case, held.about, key=key, clients=self._clients)
        except TimeoutError:
            return Outcome("unknown", f"no answer within {TRY_SECONDS:g} s")
