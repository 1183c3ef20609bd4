"""From the outbox to the bus."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis import tracing
from shop_chassis.events import BusError, Event, MemoryBus
from shop_chassis.events.event import MAX_BYTES
from sqlalchemy import func, select, update


class Broken(MemoryBus):
    """A broker that is down while `down`, and can lose the answer to a publish that it has stored."""

    down = False
    answer_lost = False

    async def publish(
        self, topic: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        if self.down:
            raise BusError("down")
        await super().publish(topic, body, message_id=message_id, headers=headers)
        if self.answer_lost:
            self.answer_lost = False
            raise BusError("no answer")


@pytest.fixture
def bus() -> Broken:
    return Broken()


async def published(bus: MemoryBus) -> list[Event]:
    return [Event.decode(stored.body) for stored in await bus.browse("catalog")]


async def test_events_are_published_in_order_and_at_once(
    world: Any, bus: Broken, running: Any, until: Any
) -> None:
    async def all_marked() -> bool:
        return len(await published(bus)) == 6 and await world.unpublished() == 0

    before = [await world.change("p1", old=1), await world.change("p2")]
    async with running(world.relay(bus, poll=3600).run()):  # so only the commit can wake it
        after = [await world.change(subject) for subject in ("p1", "p2", "p1", "p3")]
        await until(all_marked)
    assert await published(bus) == before + after
    assert [(event.subject, event.sequence) for event in before + after] == [
        ("p1", 1), ("p2", 1), ("p1", 2), ("p2", 2), ("p1", 3), ("p3", 1),
    ]  # fmt: skip


async def test_a_rolled_back_change_leaves_no_event_and_no_gap(world: Any) -> None:
    async with world.store.transaction() as session:
        await world.outbox.add(session, "price.changed", subject="p1", data={})
        await session.rollback()
    assert (await world.change("p1")).sequence == 1
    assert await world.unpublished() == 1


async def test_concurrent_changes_of_one_aggregate_get_sequences_without_gaps(world: Any) -> None:
    events = await asyncio.gather(*(world.change("p1") for _ in range(20)))
    assert sorted(event.sequence for event in events) == list(range(1, 21))


async def test_an_event_too_large_is_refused_where_it_is_made(world: Any) -> None:
    with pytest.raises(ValueError, match=r"event price.changed of p1 takes .* bytes; at most"):
        await world.change("p1", text="x" * MAX_BYTES)
    assert await world.unpublished() == 0


async def test_the_trace_goes_along(world: Any) -> None:
    with tracing.inside(tracing.Span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)):
        event = await world.change()
    assert event.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (await world.change()).traceparent is None


async def test_a_broker_that_is_down_is_waited_for(
    world: Any, bus: Broken, running: Any, until: Any, value: Any
) -> None:
    registry = CollectorRegistry()
    bus.down = True
    events = [await world.change() for _ in range(3)]

    async def empty() -> bool:
        return await world.unpublished() == 0

    async with running(world.relay(bus, registry).run()):
        await until(lambda: value(registry, "outbox_errors_total") >= 2)
        assert value(registry, "outbox_events") == 3
        assert value(registry, "outbox_oldest_event_age_seconds") > 0
        bus.down = False
        await until(empty)
        await until(lambda: value(registry, "outbox_events") == 0)
    assert await published(bus) == events
    assert value(registry, "outbox_published_total", type="price.changed") == 3
    assert value(registry, "outbox_oldest_event_age_seconds") == 0


async def test_a_lost_answer_makes_a_duplicate_and_no_loss(
    world: Any, bus: Broken, running: Any, until: Any
) -> None:
    events = [await world.change() for _ in range(3)]
    bus.answer_lost = True

    async def empty() -> bool:
        return await world.unpublished() == 0

    async with running(world.relay(bus).run()):
        await until(empty)
    assert await published(bus) == [events[0], *events]


async def test_old_published_rows_are_pruned_and_no_others(
    world: Any, bus: Broken, running: Any, until: Any
) -> None:
    table = world.outbox.events
    for _ in range(4):
        await world.change()
    old, now = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC)
    async with world.store.transaction() as session:
        positions = (
            (await session.execute(select(table.c.position).order_by(table.c.position))).scalars().all()
        )
        for position, moment in zip(positions, (old, now, old), strict=False):
            await session.execute(
                update(table).where(table.c.position == position).values(published_at=moment)
            )

    async def rows() -> int:
        async with world.store.session() as session:
            return int((await session.execute(select(func.count()).select_from(table))).scalar_one())

    async def pruned() -> bool:
        return await rows() == 2

    async with running(world.relay(bus).run()):
        await until(pruned)
    assert len(await published(bus)) == 1
