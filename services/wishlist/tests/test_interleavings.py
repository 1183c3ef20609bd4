"""Each watcher is told of each drop once, whatever is delivered how often, in what order, to whom.

Two replicas work on one database and one queue; deliveries are shuffled and doubled, and a process ends at
any point: before it claims an event, between claim and effect, before the commit, or before the broker hears
of it. A model of a few lines, which takes the prices in the order in which catalog set them, says what has to
be told.
"""

import asyncio
import random
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from shop_chassis.events import Consumer, Event, MemoryBus, Patience, Stored
from shop_chassis.events.metrics import ConsumerMetrics
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.testing.databases import Migrated
from shop_contracts.wishlist.api import WatchTerms
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped
from shop_wishlist.products import FROM_CATALOG
from shop_wishlist.service import service
from shop_wishlist.tables import Notice, Watch, inbox, outbox
from shop_wishlist.watches import Watches
from sqlalchemy import select

from .conftest import Catalog, euros

FIRST = 5000
PEOPLE = ("ann", "bob", "eve")
CLAIM = 5
"""Statements of `Inbox.claim` with Order.STRICT; the next one is the handler's first."""


class Crash(BaseException):
    """The process ends."""


@dataclass
class Life:
    """How many of its database's transactions a replica lives through; None: all."""

    left: int | None = None

    def passes(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            raise Crash
        self.left -= 1


class Mortal(Store):
    """The database of a replica that ends in the midst of its work, with what it has not committed."""

    def __init__(self, url: str, life: Life, at: str) -> None:
        super().__init__(Settings(database_url=url, database_pool_size=10), "wishlist")
        self._life, self._at = life, at

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:  # type: ignore[override]
        if self._at == "before":
            self._life.passes()
        async with super().transaction() as session:
            if self._at == "claimed":
                execute, statements = session.execute, 0

                async def counting(*arguments: Any, **more: Any) -> Any:
                    nonlocal statements
                    statements += 1
                    if statements == CLAIM + 1:
                        self._life.passes()
                    return await execute(*arguments, **more)

                session.execute = counting  # type: ignore[method-assign]
            yield session
            await session.flush()
            if self._at == "effect":
                self._life.passes()
        if self._at == "committed":
            self._life.passes()


@dataclass
class Queue:
    """The broker: what was not acknowledged is delivered again, in any order."""

    chance: random.Random
    waiting: deque[Event] = field(default_factory=deque)

    def put_back(self, event: Event) -> None:
        self.waiting.insert(self.chance.randint(0, len(self.waiting)), event)


@dataclass
class Handed:
    """A delivery, as a consumer settles it."""

    queue: Queue
    event: Event
    attempt: int

    @property
    def message(self) -> Stored:
        return Stored(1, self.event.topic, self.event.encode())

    async def ack(self) -> None:
        """Done with it."""

    async def nak(self, delay: float) -> None:
        self.queue.put_back(self.event)

    async def term(self) -> None:
        raise AssertionError("no event is given up")

    async def extend(self) -> None:
        """It is kept."""


async def replica(url: str, queue: Queue, crashes: deque[tuple[str, int]]) -> None:
    """Works until nothing waits; when it crashes, what it was at is delivered again, and another begins."""
    while queue.waiting:
        at, left = crashes.popleft() if crashes else ("", 0)
        store = Mortal(url, Life(left if at else None), at)
        consumer = Consumer(
            "wishlist",
            "catalog",
            FROM_CATALOG,
            inbox=inbox,
            store=store,
            bus=MemoryBus(),
            metrics=ConsumerMetrics(CollectorRegistry()),
            # Nothing is lost here, so whoever waits long enough hears all of it in order.
            patience=Patience(tries=10_000, parkings=10_000),
        )
        event = None
        try:
            while queue.waiting:
                event = queue.waiting.popleft()
                await consumer._settle(Handed(queue, event, queue.chance.choice((1, 2))))
                await asyncio.sleep(0)
        except Crash:
            assert event is not None
            queue.put_back(event)
        finally:
            await store.stop()


@dataclass(frozen=True)
class Watcher:
    subject: str
    product: int
    below: int | None
    percent: int | None

    def told(self, prices: Sequence[int]) -> list[int]:
        """The model: what is to be told of these prices, in their order."""
        limits = [self.below] if self.below is not None else []
        limits += [FIRST * (100 - self.percent) // 100] if self.percent is not None else []
        limit = max(limits, default=FIRST - 1)
        lowest, before, told = FIRST, FIRST, []
        for price in prices:
            if price < before and price <= limit and price < lowest:
                told.append(price)
                lowest = price
            before = price
        return told


async def run(
    url: str,
    prices: Sequence[Sequence[int]],
    watchers: Sequence[Watcher],
    crashes: Sequence[tuple[str, int]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    catalog, queue = Catalog(), Queue(chance)
    products: list[UUID] = []
    for number in range(len(prices)):
        id, first = catalog.sell(f"lamp-{number}", FIRST)
        products.append(id)
        queue.waiting.extend(first)
    store = Store(Settings(database_url=url), "wishlist")
    try:
        await replica(url, queue, deque())
        for each in watchers:
            below = None if each.below is None else euros(each.below)
            terms = WatchTerms(below=below, percent=each.percent)
            await Watches(store).put(each.subject, products[each.product], terms)
        told = [
            e for id, own in zip(products, prices, strict=True) for p in own for e in catalog.reprice(id, p)
        ]
        told = [event for event in told for _ in range(chance.choice((1, 1, 2, 3)))]
        chance.shuffle(told)
        queue.waiting.extend(told)
        ends = deque(crashes)
        while queue.waiting:  # a replica that finds nothing waiting ends, though another may put some back
            await asyncio.gather(*(replica(url, queue, ends) for _ in range(2)))
        await check(store, products, prices, watchers)
    finally:
        await store.stop()


async def check(
    store: Store, products: Sequence[UUID], prices: Sequence[Sequence[int]], watchers: Sequence[Watcher]
) -> None:
    async with store.session() as session:
        rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
        events = [outbox.event(row) for row in rows.mappings()]
        notices = (await session.execute(select(Notice))).scalars().all()
        watches = {row.id: row for row in (await session.execute(select(Watch))).scalars()}
    drops = [PriceDropped.model_validate(event.data) for event in events if event.type == PRICE_DROPPED]
    expected = {(w.subject, products[w.product]): w.told(_changes(prices[w.product])) for w in watchers}
    found: dict[tuple[str, UUID], list[int]] = {key: [] for key in expected}
    for drop in drops:
        found[drop.subject, drop.product_id].append(drop.new.amount)
    assert found == expected
    for watch in watches.values():
        own = [event.sequence for event in events if event.subject == str(watch.id)]
        assert own == list(range(1, len(own) + 1))
    in_rows = Counter((watches[notice.watch_id].subject, notice.id, notice.amount) for notice in notices)
    assert in_rows == Counter((drop.subject, drop.notice_id, drop.new.amount) for drop in drops)
    assert set(in_rows.values()) <= {1}


def _changes(prices: Sequence[int]) -> list[int]:
    """As catalog tells them: the price that a product has already is no change."""
    return [price for before, price in zip([FIRST, *prices], prices, strict=False) if price != before]


price = st.sampled_from([3000, 4000, 4499, 4500, 4501, 4999, FIRST, 5500])
prices_of = st.lists(price, max_size=6).map(_changes)
watcher = st.builds(
    Watcher,
    subject=st.sampled_from(PEOPLE),
    product=st.integers(0, 1),
    below=st.none() | st.sampled_from([4000, 4500, 6000]),
    percent=st.none() | st.sampled_from([10, 40]),
)
crash = st.tuples(st.sampled_from(["before", "claimed", "effect", "committed"]), st.integers(0, 4))


@given(
    prices=st.tuples(prices_of, prices_of),
    watchers=st.lists(watcher, max_size=4, unique_by=lambda each: (each.subject, each.product)),
    crashes=st.lists(crash, max_size=6),
    seed=st.integers(0, 2**32),
)
@with_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
def test_every_watcher_is_told_of_every_drop_once(
    migrated: Migrated,
    tmp_path: Path,
    prices: tuple[list[int], list[int]],
    watchers: list[Watcher],
    crashes: list[tuple[str, int]],
    seed: int,
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    asyncio.run(run(migrated(service, "sqlite", folder), prices, watchers, crashes, seed))
    shutil.rmtree(folder)


@pytest.fixture
def postgres_database(migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, "postgres", tmp_path)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(2))
async def test_also_where_replicas_really_work_at_the_same_time(postgres_database: str, seed: int) -> None:
    chance = random.Random(seed)
    prices = [_changes([chance.randrange(3000, 5200, 50) for _ in range(6)]) for _ in range(2)]
    watchers = [
        Watcher(subject, product, chance.choice([None, 4500]), chance.choice([None, 10]))
        for subject in PEOPLE
        for product in range(2)
    ]
    points = ["before", "claimed", "effect", "committed"]
    crashes = [(chance.choice(points), chance.randrange(5)) for _ in range(8)]
    await run(postgres_database, prices, watchers, crashes, seed)
