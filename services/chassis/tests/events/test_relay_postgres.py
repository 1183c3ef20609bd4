"""The relay where several replicas, concurrent transactions and restarts come in: on PostgreSQL."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.events import Event, MemoryBus
from shop_chassis.store import DATABASE_ERRORS
from shop_chassis.testing.servers import PostgresServer
from sqlalchemy import text

pytestmark = pytest.mark.postgres


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def backend() -> str:
    return "servers"


async def published(bus: MemoryBus) -> list[Event]:
    return [Event.decode(stored.body) for stored in await bus.browse("catalog", limit=1000)]


def count(bus: MemoryBus, number: int) -> Any:
    async def so_many_published() -> bool:
        return len(await published(bus)) >= number

    return so_many_published


def marked(world: Any) -> Any:
    async def all_marked() -> bool:
        return bool(await world.unpublished() == 0)

    return all_marked


async def test_what_commits_late_with_a_smaller_position_is_not_skipped(
    world: Any, bus: MemoryBus, running: Any, until: Any
) -> None:
    async with running(world.relay(bus, poll=3600).run()):
        async with world.store.transaction() as slow:
            late = await world.outbox.add(slow, "price.changed", subject="p1", data={})
            early = [await world.change("p2"), await world.change("p3")]
            await until(count(bus, 2))
        await until(count(bus, 3))
    assert await published(bus) == [*early, late]
    async with world.store.session() as session:
        positions = await session.execute(text("SELECT subject FROM outbox ORDER BY position"))
        assert positions.scalars().all() == ["p1", "p2", "p3"]


async def test_events_of_one_aggregate_are_inserted_in_the_order_of_commits(
    world: Any, bus: MemoryBus, running: Any, until: Any
) -> None:
    async with running(world.relay(bus).run()):
        async with world.store.transaction() as slow:
            first = await world.outbox.add(slow, "price.changed", subject="p1", data={})
            waiting = asyncio.create_task(world.change("p1"))
            other = await world.change("p2")
            await until(count(bus, 1))
            assert not waiting.done()
        await until(count(bus, 3))
    assert await published(bus) == [other, first, await waiting]


async def test_of_two_relays_one_publishes_and_the_other_takes_over(
    world: Any, bus: MemoryBus, running: Any, until: Any, value: Any
) -> None:
    def leads(registry: CollectorRegistry) -> bool:
        return bool(value(registry, "outbox_relay_leader") == 1)

    one, two = CollectorRegistry(), CollectorRegistry()
    async with running(world.relay(bus, one, takeover=0.1).run()) as [first]:
        await until(lambda: leads(one))
        async with running(world.relay(bus, two, takeover=0.1).run()):
            before = [await world.change() for _ in range(20)]
            await until(marked(world))  # killed in between, the second would publish some again
            assert not leads(two)
            first.cancel()
            await until(lambda: leads(two))
            after = [await world.change() for _ in range(20)]
            # Counted after it is published: waiting for the broker alone would end the relay in between.
            await until(lambda: value(two, "outbox_published_total", type="price.changed") == 20)
    assert await published(bus) == before + after


async def test_a_restart_of_the_database_is_survived(
    world: Any, bus: MemoryBus, running: Any, until: Any, postgres: PostgresServer
) -> None:
    async with running(world.relay(bus, poll=3600).run()):
        await world.change()
        await until(marked(world))
        postgres.kill()
        postgres.start()

        async def changed() -> bool:
            with suppress(*DATABASE_ERRORS):  # a pooled connection may not have noticed yet
                await world.change()
                return True
            return False

        await until(changed)
        await until(count(bus, 2))
    assert [event.sequence for event in await published(bus)] == [1, 2]


async def test_a_relay_whose_session_is_ended_gets_the_lock_back(
    world: Any, bus: MemoryBus, running: Any, until: Any
) -> None:
    holders = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    async with running(world.relay(bus, poll=3600).run()):
        await world.change()
        await until(count(bus, 1))
        async with world.store.transaction() as session:
            await session.execute(holders)
        await world.change()
        await until(count(bus, 2))
