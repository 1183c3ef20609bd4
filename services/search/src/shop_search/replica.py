"""The index that this replica answers from, and another in its place when that is needed."""

import asyncio
from contextlib import aclosing

import structlog
from shop_chassis.events import BusError, Event
from shop_chassis.problems import Problem
from shop_chassis.snapshots import SnapshotError
from shop_chassis.tables import utc_now
from shop_contracts.search.api import IndexState, StreamState

from shop_search.generation import Generation, Surroundings
from shop_search.index import View
from shop_search.schema import FORMAT

log = structlog.get_logger(__name__)

STREAM = "search"
REBUILD = "rebuild.requested"
KEPT = 3600.0
"""Seconds that a request to build anew is kept; replicas that start later build anyway."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
"""Seconds until a build that failed is tried again."""


class Replica:
    """Has no index at first; then always one, whatever happens."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self._name = name
        self._around = around
        self._current: Generation | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._building = False
        self._error = "not built yet"

    def problem(self) -> str | None:
        """Why there is no index that has caught up; None when there is one."""
        return None if self._current else self._error

    @property
    def view(self) -> View:
        """What searches see now. Raises Problem 503 before there is any."""
        if self._current is None:
            raise Problem(503, "the index is being built", headers={"Retry-After": "2"})
        return self._current.index.view

    def documents(self) -> int:
        """Products that can be found."""
        return self._current.index.view.size() if self._current else 0

    async def run(self) -> None:
        """Builds an index, and another whenever it is wanted, for ever."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                self._building = True
                old, self._current = self._current, await self._built()
                self._building = False
                if old:
                    await old.stop()
        finally:
            if self._current:
                await self._current.stop()

    async def _built(self) -> Generation:
        pause = FIRST_PAUSE
        while True:
            generation = Generation(self._around, self._wanted.set)
            try:
                await generation.build()
            except (SnapshotError, BusError) as error:
                await generation.stop()
                self._around.metrics.builds.labels("failed").inc()
                log.warning("index not built", error=str(error), again_in=pause)
                self._error = str(error)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            except BaseException:
                await generation.stop()
                raise
            else:
                self._around.metrics.builds.labels("done").inc()
                log.info("index built", documents=generation.index.view.size())
                return generation

    async def ask_all(self) -> None:
        """Has every replica build its index anew. Raises BusError."""
        bus = self._around.bus
        await bus.ensure_stream(STREAM, max_age=KEPT)
        event = Event(source=f"/{STREAM}", type=REBUILD, subject="index", sequence=1, data={})
        await bus.publish(event.topic, event.encode(), message_id=event.id)

    async def hear(self) -> None:
        """Does what somebody asked all replicas to do, for ever."""
        bus = self._around.bus
        since = utc_now()
        while True:
            try:
                await bus.ensure_stream(STREAM, max_age=KEPT)
                break
            except BusError:
                await asyncio.sleep(5)
        async with aclosing(bus.follow(STREAM, [f"{STREAM}.{REBUILD}"], since=since)) as requests:
            async for _ in requests:
                self._wanted.set()

    async def state(self) -> IndexState:
        """Of the index that answers. Raises BusError."""
        generation = self._current
        lag = await generation.lag() if generation else {}
        streams = [
            StreamState(stream=stream, position=generation.positions[stream].written, lag=behind)
            for stream, behind in lag.items()
            if generation
        ]
        return IndexState(
            replica=self._name,
            format=FORMAT,
            documents=self.documents(),
            streams=streams,
            built_at=generation.built_at if generation else None,
            building=self._building,
        )
