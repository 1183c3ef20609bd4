"""Nothing is lost, however snapshots and streams run into one another: with the real follower on a bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from shop_chassis.events import Event, MemoryBus
from shop_contracts.catalog import events as catalog
from shop_contracts.catalog.api import Category, Product
from shop_contracts.catalog.snapshot import SnapshotLine
from shop_contracts.warehouse import events as warehouse
from shop_contracts.warehouse.snapshot import StockLine
from shop_search import generation
from shop_search.generation import Generation, Surroundings
from shop_search.metrics import IndexMetrics
from shop_search.replica import Replica
from shop_search.snapshots import SnapshotError

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

    async def read_products(self) -> AsyncIterator[bytes]:
        """Each piece as it is when it is read, as the real one does."""
        tree = SnapshotLine(categories=[Category(slug="things", title="Things")], sequence=1)
        async for line in self._read([tree.model_dump_json().encode()]):
            yield line
        for id in sorted(self.products):
            each, sequence = self.products[id]
            async for line in self._read(
                [SnapshotLine(product=each, sequence=sequence).model_dump_json().encode()]
            ):
                yield line
        if self.broken:
            self.broken -= 1
            return
        yield SnapshotLine(end=len(self.products)).model_dump_json().encode()

    async def read_stock(self) -> AsyncIterator[bytes]:
        for id in sorted(self.stock):
            available, sequence = self.stock[id]
            line = StockLine(product_id=id, available=available, sequence=sequence)
            yield line.model_dump_json().encode()
            if self.schedule:
                await self.step(*self.schedule.pop())
        yield StockLine(end=len(self.stock)).model_dump_json().encode()

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
        yield Surroundings(world.bus, world.read_products, world.read_stock, metrics, threads)


def seen(built: Generation) -> dict[str, tuple[int, int | None]]:
    items = ask(built.index, limit=100).items
    assert len(items) < 100
    return {hit.slug: (hit.price.amount, hit.available) for hit in items}


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.01)


steps = st.lists(
    st.tuples(st.sampled_from(["change", "change", "restock", "publish", "again"]), st.integers(0, 6)),
    max_size=25,
)


@settings(max_examples=8, deadline=None)
@given(before=steps, during=steps, after=steps)
async def test_no_change_is_lost_and_none_comes_back(
    before: list[Step], during: list[Step], after: list[Step]
) -> None:
    world = World()
    generation.GATHER = 0.0
    async with surroundings(world) as around:
        for step in before:
            await world.step(*step)
        world.schedule = list(during)
        built = Generation(around, on_lost=lambda: pytest.fail("lost"))
        await built.build()
        for step in [*world.schedule, *after]:
            await world.step(*step)
        await world.publish()
        async with asyncio.timeout(60):
            while sum((await built.lag()).values()):
                await asyncio.sleep(0.01)
        assert seen(built) == world.truth()
        in_stock = {hit.slug for hit in ask(built.index, limit=100, in_stock=True).items}
        assert in_stock == {slug for slug, (_, available) in world.truth().items() if available != 0}
        await built.stop()


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


async def test_a_snapshot_that_breaks_off_is_read_again() -> None:
    world = World(broken=1)
    world.change(1)
    async with surroundings(world) as around, replica(around) as made:
        assert made.view.size() == 1
        assert around.metrics.builds.labels("failed")._value.get() == 1


async def test_messages_that_are_missing_make_a_new_index() -> None:
    world = World()
    for number in range(3):
        world.change(number)
    await world.start()
    await world.publish()
    async with surroundings(world) as around, replica(around) as made:
        first = made._current
        world.change(0)
        world.change(1)
        world.outbox.pop(0)
        world.bus._streams["catalog"].last += 1  # the first of them was lost by the broker
        await world.publish()
        await until(lambda: made._current is not first and made.problem() is None)
        assert made._current is not None
        assert seen(made._current) == world.truth()


async def test_it_is_built_anew_beside_the_one_that_answers() -> None:
    """No search fails or finds less while it happens, and changes go on being seen."""
    world = World()
    for number in range(20):
        world.change(number)
    async with surroundings(world) as around, replica(around) as made:
        first = made._current
        assert first is not None
        searches, done = 0, False

        async def search() -> None:
            nonlocal searches
            while not done:
                assert made._current is not None
                assert ask(made._current.index, "lamp").total == 20
                searches += 1
                await asyncio.sleep(0.001)

        searching = asyncio.create_task(search())
        await made.ask_all()
        await until(lambda: made._current is not first)
        world.restock(3)
        await world.publish()
        done = True
        await searching
        assert searches > 0
        assert made._current is not None
        built = made._current
        await until(lambda: seen(built) == world.truth())
        state = await made.state()
        assert (state.documents, state.building) == (20, False)


async def test_a_warehouse_that_is_away_costs_only_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "STOCK_WAIT", 0.01)
    monkeypatch.setattr(generation, "PAUSE", 0.01)
    world, away = World(), True
    world.change(1)
    world.restock(1)

    async def stock() -> AsyncIterator[bytes]:
        if away:
            raise SnapshotError("away")
        async for line in world.read_stock():
            yield line

    async with surroundings(world) as around:
        around = Surroundings(around.bus, around.products, stock, around.metrics, around.threads)
        async with replica(around) as made:
            [hit] = ask(made._current.index).items  # type: ignore[union-attr]
            assert hit.available is None
            away = False
            await until(lambda: ask(made._current.index).items[0].available == 1)  # type: ignore[union-attr]
