"""An index, and what keeps it true: a snapshot, then every event after it.

    where the streams end ─▶ snapshots ─▶ follow from there ─▶ caught up

In this order nothing is lost: what happens after the first step is followed, what happened before it is in
the snapshots, and what is in both counts once, by its sequence.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import ValidationError
from shop_chassis.events import Bus, Event, MalformedEventError
from shop_chassis.snapshots import Snapshot, SnapshotError
from shop_chassis.tables import utc_now
from shop_contracts.catalog import events as catalog
from shop_contracts.catalog.snapshot import SnapshotLine
from shop_contracts.warehouse import events as warehouse
from shop_contracts.warehouse.snapshot import StockLine

from shop_search.index import Index
from shop_search.metrics import IndexMetrics

log = structlog.get_logger(__name__)

GATHER = 0.2
"""Seconds that changes are collected for, to be written together."""
STOCK_WAIT = 20.0
"""Seconds that a warehouse which does not answer keeps an index from being used."""
PAUSE = 5.0
"""Seconds until it is asked again."""


class Lost(Exception):  # noqa: N818 - named for what happened
    """Messages of a stream are missing: the index may lack what they said."""


@dataclass
class Position:
    """How far a stream has been followed: numbers of messages."""

    read: int
    written: int
    """Searches see all up to this one."""


@dataclass(frozen=True)
class Surroundings:
    """What a generation works with."""

    bus: Bus
    products: Snapshot[SnapshotLine]
    stock: Snapshot[StockLine]
    metrics: IndexMetrics
    threads: Executor
    """One thread: what is written is written in order."""


class Generation:
    """Built once, then kept true until it is stopped."""

    def __init__(self, around: Surroundings, on_lost: Callable[[], None]) -> None:
        """`on_lost`: it cannot be kept true any more; it stays as it is."""
        self._around = around
        self._on_lost = on_lost
        self.index = Index()
        self.positions: dict[str, Position] = {}
        self.built_at: datetime | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._progressed = asyncio.Condition()
        self._happened: list[float] = []
        """When what is not written yet happened, in seconds since 1970."""

    async def build(self) -> None:
        """Returns when searches may see it. Raises SnapshotError, BusError: then it is to be stopped."""
        for stream in (catalog.STREAM, warehouse.STREAM):
            end = await self._around.bus.last(stream)
            self.positions[stream] = Position(end, end)
        stock = self._task("stock", self._load_stock())
        await asyncio.wait([stock], timeout=STOCK_WAIT)
        await self._load_products()
        self.built_at = utc_now()
        follow = [
            self._task("follow catalog", self._follow(catalog.STREAM, self._on_catalog)),
            self._task("follow warehouse", self._follow(warehouse.STREAM, self._on_warehouse)),
            self._task("write", self._write()),
        ]
        caught_up = self._task("catch up", self._catch_up())
        await asyncio.wait([caught_up, *follow], return_when=asyncio.FIRST_COMPLETED)
        if not caught_up.done():
            raise SnapshotError("the streams could not be followed from it on")
        caught_up.result()

    async def stop(self) -> None:
        """It changes no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _task(self, name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("index cannot be kept true", task=task.get_name(), exc_info=error)
            self._on_lost()

    async def _in_thread(self, work: Callable[..., None], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._around.threads, work, *arguments)

    async def _catch_up(self) -> None:
        ends = {stream: await self._around.bus.last(stream) for stream in self.positions}
        async with self._progressed:
            await self._progressed.wait_for(
                lambda: all(self.positions[stream].written >= end for stream, end in ends.items())
            )

    async def _load_products(self) -> None:
        async with aclosing(self._around.products.pieces()) as pieces:
            async for piece in pieces:
                for line in piece:
                    if line.product is not None:
                        self.index.apply_product(line.product, line.sequence)
                    elif line.categories is not None:
                        self.index.apply_categories(line.categories, line.sequence)
                await self._in_thread(self.index.add, self.index.take())
        await self._in_thread(self.index.settle)

    async def _load_stock(self) -> None:
        """At any time: what was told meanwhile has a higher sequence. Until then it is as catalog heard."""
        said = ""
        while True:
            try:
                async with aclosing(self._around.stock.pieces()) as pieces:
                    async for piece in pieces:
                        for line in piece:
                            if line.product_id is not None:
                                self.index.apply_stock(line.product_id, line.available, line.sequence)
                        self._changed.set()
            except SnapshotError as error:
                if str(error) != said:
                    log.warning("stock as catalog heard of it", error=str(error))
                said = str(error)
                await asyncio.sleep(PAUSE)
            else:
                return

    async def _follow(self, stream: str, apply: Callable[[Event], bool]) -> None:
        """All messages of the stream, so that a number that is missing is a message that is missing."""
        position = self.positions[stream]
        async with aclosing(
            self._around.bus.follow(stream, [f"{stream}.>"], after=position.read)
        ) as messages:
            async for message in messages:
                if message.number != position.read + 1:
                    raise Lost(f"{stream}: expected message {position.read + 1}, found {message.number}")
                try:
                    event = Event.decode(message.body)
                    if apply(event):
                        self._happened.append(event.time.timestamp())
                except (MalformedEventError, ValidationError) as error:
                    log.error("event unreadable", stream=stream, number=message.number, error=str(error))
                position.read = message.number
                self._changed.set()

    def _on_catalog(self, event: Event) -> bool:
        if event.type == catalog.PRODUCT_CHANGED:
            product = catalog.ProductChanged.model_validate(event.data).product
            return self.index.apply_product(product, event.sequence)
        if event.type == catalog.CATEGORY_CHANGED:
            category = catalog.CategoryChanged.model_validate(event.data).category
            return self.index.apply_categories([category], event.sequence)
        return False

    def _on_warehouse(self, event: Event) -> bool:
        if event.type == warehouse.STOCK_CHANGED:
            stock = warehouse.StockChanged.model_validate(event.data)
            return self.index.apply_stock(stock.product_id, stock.available, event.sequence)
        return False

    async def _write(self) -> None:
        """What has come is written together; a batch of changes costs little more than one."""
        metrics = self._around.metrics
        while True:
            await self._changed.wait()
            if self.index.changed:
                await asyncio.sleep(GATHER)
            self._changed.clear()
            read = {stream: position.read for stream, position in self.positions.items()}
            happened, self._happened = self._happened, []
            if self.index.changed:
                with metrics.written.time():
                    await self._in_thread(self.index.write, self.index.take())
            now = time.time()
            for moment in happened:
                metrics.visible.observe(max(0.0, now - moment))
            async with self._progressed:
                for stream, number in read.items():
                    self.positions[stream].written = number
                self._progressed.notify_all()

    async def lag(self) -> dict[str, int]:
        """Messages by stream that searches do not see yet. Raises BusError."""
        ends = {stream: await self._around.bus.last(stream) for stream in self.positions}
        return {stream: max(0, end - self.positions[stream].written) for stream, end in ends.items()}
