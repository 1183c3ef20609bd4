"""Catalog and warehouse as search sees them, and replicas that follow them, on one bus in memory."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from prometheus_client import CollectorRegistry
from shop_chassis.client import Unreachable
from shop_chassis.events import Event, MemoryBus
from shop_chassis.snapshots import Snapshot
from shop_contracts.catalog import events as catalog
from shop_contracts.catalog.api import Category, Product
from shop_contracts.catalog.snapshot import SNAPSHOT as PRODUCTS
from shop_contracts.catalog.snapshot import SnapshotLine
from shop_contracts.warehouse import events as warehouse
from shop_contracts.warehouse.snapshot import SNAPSHOT as STOCK
from shop_contracts.warehouse.snapshot import StockLine
from shop_search.generation import Generation, Surroundings
from shop_search.metrics import IndexMetrics
from shop_search.replica import Replica

from .conftest import ask, id_of, product

Step = tuple[str, int]


@dataclass
class World:
    """Catalog and warehouse as search sees them: what is committed, and what of it has been published."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    products: dict[UUID, tuple[Product, int]] = field(default_factory=dict)
    stock: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    outbox: list[Event] = field(default_factory=list)
    schedule: list[Step] = field(default_factory=list)
    """What happens while snapshots are read: one step before each line."""
    broken: int = 0
    """So many snapshots break off before their end."""
    stock_is_away: bool = False
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Until it is set, snapshots have no end."""

    def __post_init__(self) -> None:
        self.goes_on.set()

    async def start(self) -> None:
        for stream in ("catalog", "warehouse"):
            await self.bus.ensure_stream(stream, max_age=60)

    def change(self, number: int) -> None:
        """A product has another price, committed and not published yet."""
        old, sequence = self.products.get(id_of(f"p-{number}"), (None, 0))
        version = (old.version if old else 0) + 1
        new = product(f"Lamp {number}", slug=f"p-{number}", price=version * 100, version=version)
        new = new.model_copy(update={"active": version % 5 != 4})
        self.products[new.id] = (new, sequence + 1)
        data = catalog.ProductChanged(product=new).model_dump(mode="json")
        self._tell("catalog", catalog.PRODUCT_CHANGED, new.id, sequence + 1, data)

    def restock(self, number: int) -> None:
        id = id_of(f"p-{number}")
        available, sequence = self.stock.get(id, (0, 0))
        self.stock[id] = ((available + 1) % 3, sequence + 1)
        data = warehouse.StockChanged(product_id=id, available=self.stock[id][0]).model_dump(mode="json")
        self._tell("warehouse", warehouse.STOCK_CHANGED, id, sequence + 1, data)

    def _tell(self, source: str, type: str, id: UUID, sequence: int, data: dict[str, object]) -> None:
        self.outbox.append(
            Event(source=f"/{source}", type=type, subject=str(id), sequence=sequence, data=data)
        )

    async def publish(self, count: int = 10**6, *, again: bool = False) -> None:
        """The oldest of what is not published yet; `again`: and stays so, as after a relay's crash."""
        some = self.outbox[:count]
        if not again:
            del self.outbox[:count]
        for event in some:
            await self.bus.publish(event.topic, event.encode(), message_id=event.id)

    async def step(self, kind: str, number: int) -> None:
        match kind:
            case "change":
                self.change(number)
            case "restock":
                self.restock(number)
            case "publish":
                await self.publish(number)
            case "again":
                await self.publish(number, again=True)

    async def _read(self, lines: list[bytes]) -> AsyncIterator[bytes]:
        for line in lines:
            yield line
            if self.schedule:
                await self.step(*self.schedule.pop())
                await asyncio.sleep(0)

    def snapshots(self) -> tuple[Snapshot[SnapshotLine], Snapshot[StockLine]]:
        """Catalog's and warehouse's."""
        return Snapshot(self, PRODUCTS, SnapshotLine), Snapshot(self, STOCK, StockLine)

    def lines(self, route: str) -> AsyncGenerator[bytes, None]:
        """As a client of either gives them."""
        return self._read_products() if route == PRODUCTS else self._read_stock()

    async def _read_products(self) -> AsyncGenerator[bytes, None]:
        """Each piece as it is when it is read, as the real one does."""
        tree = SnapshotLine(categories=[Category(slug="things", title="Things")], sequence=1)
        async for line in self._read([tree.model_dump_json().encode()]):
            yield line
        ids = sorted(self.products)
        for id in ids:
            each, sequence = self.products[id]
            async for line in self._read(
                [SnapshotLine(product=each, sequence=sequence).model_dump_json().encode()]
            ):
                yield line
        if self.broken:
            self.broken -= 1
            return
        await self.goes_on.wait()
        yield SnapshotLine(end=len(ids)).model_dump_json().encode()

    async def _read_stock(self) -> AsyncGenerator[bytes, None]:
        if self.stock_is_away:
            raise Unreachable("warehouse", STOCK, "away")
        ids = sorted(self.stock)
        for id in ids:
            available, sequence = self.stock[id]
            line = StockLine(product_id=id, available=available, sequence=sequence)
            yield line.model_dump_json().encode()
            if self.schedule:
                await self.step(*self.schedule.pop())
        yield StockLine(end=len(ids)).model_dump_json().encode()

    def truth(self) -> dict[str, tuple[int, int | None]]:
        """What every index must have in the end: price and what is available, of what is sold."""
        return {
            each.slug: (each.price.amount, self.stock.get(id, (None, 0))[0])
            for id, (each, _) in self.products.items()
            if each.active
        }


@asynccontextmanager
async def surroundings(world: World) -> AsyncIterator[Surroundings]:
    await world.start()
    with ThreadPoolExecutor(1) as threads:
        metrics = IndexMetrics(CollectorRegistry())
        yield Surroundings(world.bus, *world.snapshots(), metrics, threads)


def seen(built: Generation) -> dict[str, tuple[int, int | None]]:
    items = ask(built.index, limit=100).items
    assert len(items) < 100
    return {hit.slug: (hit.price.amount, hit.available) for hit in items}


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def replica(around: Surroundings) -> AsyncIterator[Replica]:
    made = Replica("one", around)
    running = asyncio.create_task(made.run())
    hearing = asyncio.create_task(made.hear())
    try:
        await until(lambda: made.problem() is None)
        yield made
    finally:
        for task in (running, hearing):
            task.cancel()
        await asyncio.gather(running, hearing, return_exceptions=True)
