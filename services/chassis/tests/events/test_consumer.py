"""From the bus to one effect per event."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.events import Bus, Event, MemoryBus, On, Order, Patience, dead_letters, replay
from shop_chassis.tracing import current_traceparent, parse
from sqlalchemy import select, text


@pytest.fixture(autouse=True)
async def stream(bus: Bus) -> None:
    await bus.ensure_stream("catalog", max_age=3600)


def event(sequence: int = 1, subject: str = "p1", type: str = "price.changed", **fields: Any) -> Event:
    return Event(source="/catalog", type=type, subject=subject, sequence=sequence, data={}, **fields)


async def send(bus: Bus, *events: Event) -> None:
    """Each as a message of its own, also when the same event is sent twice."""
    for number, one in enumerate(events):
        await bus.publish(one.topic, one.encode(), message_id=f"{one.id}:{number}:{id(events)}")


def effects(world: Any, count: int) -> Any:
    async def enough() -> bool:
        return len(await world.effects()) >= count

    return enough


def settled(bus: Bus, name: str = "worker") -> Any:
    async def all_acknowledged() -> bool:
        return await (await bus.subscribe("catalog", name, ["catalog.price.changed"])).lag() == 0

    return all_acknowledged


async def test_an_event_that_comes_twice_has_one_effect(
    world: Any, bus: Bus, running: Any, until: Any, value: Any
) -> None:
    one, two, registry = event(1), event(2), CollectorRegistry()
    await send(bus, one, one, two, one)
    async with running(world.consumer(bus, registry=registry).run()):
        await until(effects(world, 2))
        await until(settled(bus))
    assert sorted(await world.effect_ids()) == sorted([one.id, two.id])
    labels = {"stream": "catalog", "consumer": "worker", "type": "price.changed"}
    assert value(registry, "consumer_events_total", **labels, outcome="applied") == 2
    assert value(registry, "consumer_events_total", **labels, outcome="duplicate") >= 2
    assert value(registry, "consumer_duration_seconds_count", **labels) >= 4


async def test_two_replicas_share_the_work(world: Any, bus: Bus, running: Any, until: Any) -> None:
    events = [event(sequence) for sequence in range(1, 41)]
    await send(bus, *events, *events)
    async with running(*(world.consumer(bus).run() for _ in range(2))):
        await until(effects(world, 40))
        await until(settled(bus))
    assert sorted(await world.effect_ids()) == sorted(one.id for one in events)


async def test_two_consumers_each_have_their_effect(world: Any, bus: Bus, running: Any, until: Any) -> None:
    one = event()
    await send(bus, one)
    async with running(*(world.consumer(bus, name=name).run() for name in ("first", "second"))):
        await until(effects(world, 2))
    assert await world.effect_ids() == [one.id, one.id]


async def test_a_failed_handler_leaves_nothing_and_is_tried_again(
    world: Any, bus: Bus, running: Any, until: Any, value: Any
) -> None:
    failures, registry = 2, CollectorRegistry()

    async def handler(session: Any, one: Event) -> None:
        nonlocal failures
        await world.record(session, one)
        if failures:
            failures -= 1
            raise RuntimeError("not yet")

    await send(bus, event())
    async with running(world.consumer(bus, On("price.changed", handler), registry=registry).run()):
        await until(effects(world, 1))
        await until(settled(bus))
    assert len(await world.effects()) == 1
    labels = {"stream": "catalog", "consumer": "worker", "type": "price.changed"}
    assert value(registry, "consumer_events_total", **labels, outcome="failed") == 2


async def test_what_keeps_failing_is_dead_lettered_with_its_reason_and_can_be_replayed(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    broken, bad, good = True, event(1), event(2)

    async def handler(session: Any, one: Event) -> None:
        if broken and one.id == bad.id:
            raise ValueError("price\nis\x00 odd: ü")
        await world.record(session, one)

    async def letters() -> list[Any]:
        return [letter async for letter in dead_letters(bus, consumer="worker")]

    async def buried() -> bool:
        return len(await letters()) == 1

    async def buried_again() -> bool:
        return [one.number for one in await letters()] not in ([], [letter.number])

    await send(bus, bad, good)
    async with running(world.consumer(bus, On("price.changed", handler), patience=Patience(tries=3)).run()):
        await until(buried)
        await until(settled(bus))
        assert await world.effect_ids() == [good.id]
        [letter] = await letters()
        assert letter.topic == "catalog.price.changed"
        assert letter.reason.startswith("ValueError: price")
        assert letter.tries == 3
        assert Event.decode(letter.body) == bad

        await replay(bus, letter)  # too early: it fails again, as often as the first time, and comes back
        await until(buried_again)
        [again] = await letters()
        assert (again.tries, Event.decode(again.body)) == (3, bad)

        broken = False
        await replay(bus, again)
        await until(effects(world, 2))
        await until(settled(bus))
    assert await letters() == []
    assert sorted(await world.effect_ids()) == sorted([good.id, bad.id])


async def test_what_cannot_be_read_is_dead_lettered_at_once(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    async def buried() -> bool:
        return [letter.reason async for letter in dead_letters(bus)] != []

    await bus.publish("catalog.price.changed", b'{"specversion": "1.0"}', message_id="1")
    async with running(world.consumer(bus).run()):
        await until(buried)
        await until(settled(bus))
    [letter] = [letter async for letter in dead_letters(bus)]
    assert letter.reason == "not a CloudEvent: source: Field required"
    assert letter.body == b'{"specversion": "1.0"}'


async def test_an_event_that_kills_its_worker_is_dead_lettered_in_the_end(
    world: Any, bus: Bus, until: Any
) -> None:
    class Killed(BaseException):
        pass

    async def handler(_session: Any, _event: Event) -> None:
        raise Killed  # no `except Exception` sees it, and nothing is answered

    async def letters() -> int:
        return len([letter async for letter in dead_letters(bus)])

    await send(bus, event())
    consumer = world.consumer(bus, On("price.changed", handler), patience=Patience(tries=3))
    subscription = await bus.subscribe("catalog", "worker", ["catalog.price.changed"])
    for _ in range(3):
        [delivery] = await subscription.fetch(1)
        with pytest.raises(Killed):
            await consumer._settle(delivery)
    assert await letters() == 0
    [delivery] = await subscription.fetch(1)
    assert await consumer._settle(delivery) == "dead_lettered"
    assert await letters() == 1


async def test_while_the_database_is_away_tries_are_not_used_up(
    world: Any, bus: Bus, running: Any, until: Any, value: Any
) -> None:
    registry, one = CollectorRegistry(), event()
    async with world.store.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE inbox RENAME TO away"))
    labels = {"stream": "catalog", "consumer": "worker", "type": "price.changed", "outcome": "outage"}
    await send(bus, one)
    async with running(world.consumer(bus, registry=registry, patience=Patience(tries=2)).run()):
        await until(lambda: value(registry, "consumer_events_total", **labels) >= 4)
        async with world.store.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO inbox"))
        await until(effects(world, 1))
    assert [letter async for letter in dead_letters(bus)] == []


async def test_a_handler_longer_than_the_ack_wait_runs_once(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    started = 0

    async def handler(session: Any, one: Event) -> None:
        nonlocal started
        started += 1
        await asyncio.sleep(1.0)  # the ack wait is 0.3 s
        await world.record(session, one)

    await send(bus, event())
    async with running(world.consumer(bus, On("price.changed", handler)).run()):
        await until(effects(world, 1))
        await until(settled(bus))
    assert started == 1


async def test_concurrency_is_bounded(world: Any, bus: Bus, running: Any, until: Any) -> None:
    inside = most = 0

    async def handler(session: Any, one: Event) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1

    await send(bus, *(event(sequence) for sequence in range(1, 16)))
    consumer = world.consumer(bus, On("price.changed", handler), concurrency=3)
    async with running(consumer.run()):
        await until(settled(bus))
    assert most == (1 if world.url.startswith("sqlite") else 3)  # SQLite has one writer


async def test_stopping_lets_what_runs_end_and_hands_back_the_rest(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(session: Any, one: Event) -> None:
        started.set()
        await release.wait()
        await world.record(session, one)

    first, second = event(1), event(2)
    await send(bus, first, second)
    async with running(world.consumer(bus, On("price.changed", handler), concurrency=1).run()) as [task]:
        await started.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        release.set()
        await asyncio.wait([task])
    assert await world.effect_ids() == [first.id]
    async with running(world.consumer(bus).run()):
        await until(effects(world, 2))
    assert await world.effect_ids() == [first.id, second.id]


async def test_a_handler_that_outlasts_the_grace_is_rolled_back_and_redelivered(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    started = asyncio.Event()

    async def handler(session: Any, one: Event) -> None:
        await world.record(session, one)
        started.set()
        await asyncio.sleep(3600)

    one = event()
    await send(bus, one)
    stuck = world.consumer(bus, On("price.changed", handler), patience=Patience(grace=0.05))
    async with running(stuck.run()):
        await started.wait()
    assert await world.effects() == []
    async with running(world.consumer(bus).run()):
        await until(effects(world, 1))
    assert await world.effect_ids() == [one.id]


async def test_latest_ignores_what_is_older_and_does_not_wait_for_gaps(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    consumer = world.consumer(bus, On("price.changed", world.record, Order.LATEST), concurrency=1)
    async with running(consumer.run()):
        for sequence in (2, 7, 5, 9, 1):  # other types of the aggregate account for the gaps
            await send(bus, event(sequence))
        await send(bus, event(1, subject="p2"))
        await until(settled(bus))
    assert [(row.subject, row.sequence) for row in await world.effects()] == [
        ("p1", 2), ("p1", 7), ("p1", 9), ("p2", 1),
    ]  # fmt: skip


async def test_latest_is_told_per_type(world: Any, bus: Bus, running: Any, until: Any) -> None:
    consumer = world.consumer(
        bus,
        On("price.changed", world.record, Order.LATEST),
        On("product.changed", world.record, Order.LATEST),
        concurrency=1,
    )
    await send(bus, event(5), event(3, type="product.changed"), event(4))
    async with running(consumer.run()):
        await until(effects(world, 2))
        await asyncio.sleep(0.05)
    assert [row.sequence for row in await world.effects()] == [5, 3]


async def test_strict_parks_what_is_ahead_until_its_turn(
    world: Any, bus: Bus, running: Any, until: Any
) -> None:
    events = {sequence: event(sequence) for sequence in range(1, 6)}
    consumer = world.consumer(bus, On("price.changed", world.record, Order.STRICT))
    await send(bus, *(events[sequence] for sequence in (3, 5, 4)))
    async with running(consumer.run()):
        await asyncio.sleep(0.5)
        assert await world.effects() == []
        await send(bus, events[2], events[1])
        await until(effects(world, 5))
    assert [row.sequence for row in await world.effects()] == [1, 2, 3, 4, 5]


async def test_strict_counts_types_it_does_not_handle(world: Any, bus: Bus, running: Any, until: Any) -> None:
    await send(bus, event(1), event(2, type="product.changed"), event(3))
    async with running(world.consumer(bus, On("price.changed", world.record, Order.STRICT)).run()):
        await until(effects(world, 2))
    assert [row.sequence for row in await world.effects()] == [1, 3]


async def test_strict_gives_a_gap_up_in_order_and_ignores_what_comes_too_late(
    world: Any, bus: Bus, running: Any, until: Any, value: Any
) -> None:
    registry = CollectorRegistry()
    consumer = world.consumer(
        bus,
        On("price.changed", world.record, Order.STRICT),
        registry=registry,
        patience=Patience(parkings=3),
    )
    await send(bus, event(5), event(4), event(3))
    async with running(consumer.run()):
        await until(effects(world, 3))
        await send(bus, event(1))
        stale = {"type": "price.changed", "outcome": "stale"}
        labels = {"stream": "catalog", "consumer": "worker"}
        await until(lambda: value(registry, "consumer_events_total", **labels, **stale) == 1)
    assert [row.sequence for row in await world.effects()] == [3, 4, 5]
    assert value(registry, "consumer_gaps_total", **labels) == 1
    async with world.store.session() as session:
        assert (await session.execute(select(world.inbox.parked))).all() == []


async def test_handlers_run_in_the_trace_of_the_event(world: Any, bus: Bus, running: Any, until: Any) -> None:
    seen: list[str | None] = []

    async def handler(session: Any, one: Event) -> None:
        seen.append(current_traceparent())
        await world.record(session, one)

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await send(bus, event(1, traceparent=parent), event(2))
    async with running(world.consumer(bus, On("price.changed", handler), concurrency=1).run()):
        await until(effects(world, 2))
    assert seen[0] == parent
    assert parse(seen[1]), "an event without a trace begins one, for the log"


async def test_a_consumer_waits_for_its_stream(world: Any, running: Any, until: Any) -> None:
    bus = MemoryBus()
    consumer = world.consumer(bus)
    async with running(consumer.run()):
        await until(lambda: "no stream 'catalog'" in (consumer.problem() or ""))
        await bus.ensure_stream("catalog", max_age=3600)
        await send(bus, event())
        await until(effects(world, 1))
        assert consumer.problem() is None


def test_handlers_that_cannot_be_together_are_refused(world: Any) -> None:
    async def handler(_session: Any, _event: Event) -> None: ...

    with pytest.raises(ValueError, match="STRICT counts all types"):
        world.consumer(MemoryBus(), On("a", handler, Order.STRICT), On("b", handler))
    with pytest.raises(ValueError, match="at most one for each type"):
        world.consumer(MemoryBus(), On("a", handler), On("a", handler))
