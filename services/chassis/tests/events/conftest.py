import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.events import Bus, Consumer, Event, Inbox, MemoryBus, On, Outbox, Relay
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.events.metrics import ConsumerMetrics, OutboxMetrics
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from sqlalchemy import Column, Integer, MetaData, String, Table, select
from sqlalchemy.ext.asyncio import AsyncSession


class World:
    """One database with outbox, inbox and a table of effects, as a service has; publishes as `catalog`.

    `effect` has no unique key on purpose: an event that takes effect twice leaves two rows.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.metadata = MetaData()
        self.outbox = Outbox(self.metadata, "catalog")
        self.inbox = Inbox(self.metadata)
        self.effect = Table(
            "effect",
            self.metadata,
            Column("row", Integer, primary_key=True),
            Column("event_id", String(64)),
            Column("subject", String(128)),
            Column("sequence", Integer),
        )
        self.store = Store(Settings(database_url=url), "catalog")

    async def create(self) -> None:
        async with self.store.engine.begin() as connection:
            await connection.run_sync(self.metadata.create_all)

    async def change(self, subject: str = "p1", type: str = "price.changed", **data: Any) -> Event:
        """What a service does in a request: here the event alone."""
        async with self.store.transaction() as session:
            return await self.outbox.add(session, type, subject=subject, data=data)

    async def record(self, session: AsyncSession, event: Event) -> None:
        """A handler."""
        await session.execute(
            self.effect.insert().values(event_id=event.id, subject=event.subject, sequence=event.sequence)
        )

    async def effects(self) -> list[Any]:
        async with self.store.session() as session:
            return list((await session.execute(select(self.effect).order_by(self.effect.c.row))).all())

    async def effect_ids(self) -> list[str]:
        return [row.event_id for row in await self.effects()]

    async def unpublished(self) -> int:
        async with self.store.session() as session:
            table = self.outbox.events
            rows = await session.execute(select(table.c.position).where(table.c.published_at.is_(None)))
            return len(rows.all())

    def relay(self, bus: Bus, registry: CollectorRegistry | None = None, **options: Any) -> Relay:
        metrics = OutboxMetrics(registry or CollectorRegistry())
        return Relay(self.outbox, self.store, bus, metrics, **options)

    def consumer(
        self, bus: Bus, *handlers: On, registry: CollectorRegistry | None = None, **options: Any
    ) -> Consumer:
        return Consumer(
            options.pop("name", "worker"),
            "catalog",
            handlers or [On("price.changed", self.record)],
            inbox=self.inbox,
            store=self.store,
            bus=bus,
            metrics=ConsumerMetrics(registry or CollectorRegistry()),
            **options,
        )


@pytest.fixture(params=["process", pytest.param("servers", marks=[pytest.mark.nats, pytest.mark.postgres])])
def backend(request: pytest.FixtureRequest) -> str:
    """SQLite and MemoryBus, or PostgreSQL and NATS. A module that needs one of them overrides this."""
    return str(request.param)


@pytest.fixture
async def world(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if backend == "process":
        made = World(f"sqlite:///{tmp_path}/shop.sqlite")
    else:
        made = World(request.getfixturevalue("postgres_url"))
    await made.create()
    yield made
    await made.store.stop()


@pytest.fixture
async def bus(backend: str, request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    made: Bus
    if backend == "process":
        made = MemoryBus(ack_wait=0.3)
    else:
        made = NatsBus(request.getfixturevalue("nats_server").url, name="test", ack_wait=0.3)
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def running(*coroutines: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Runs components in the background; an error in one of them fails the test."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def until(
    condition: Callable[[], Awaitable[bool] | bool], seconds: float = 20, every: float = 0.01
) -> None:
    """Waits for a condition; the test fails with its source if it does not come true."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                met = condition()
                if await met if inspect.isawaitable(met) else met:
                    return
                await asyncio.sleep(every)
    except TimeoutError:
        pytest.fail(f"not within {seconds} s: {inspect.getsource(condition).strip()}")


@pytest.fixture(name="running")
def running_fixture() -> Any:
    return running


@pytest.fixture(name="until")
def until_fixture() -> Any:
    return until


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


@pytest.fixture(name="value")
def value_fixture() -> Any:
    return value
