"""JetStream itself: what its monitoring says to the autoscaler, and what is left after it was killed."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest
from shop_chassis.events import BusError, Event, On
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.testing.servers import NatsServer

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


@pytest.fixture
def backend() -> str:
    return "servers"


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[NatsBus]:
    made = NatsBus(nats_server.url, name="test", ack_wait=1.0)
    await made.start()
    yield made
    await made.stop()


def lag_seen_by_keda(server: NatsServer, stream: str, consumer: str) -> int:
    """As kedacore/keda computes it (pkg/scalers/nats_jetstream_scaler.go, getMaxMsgLag).

    num_pending + num_ack_pending of the durable; the stream's last sequence while there is no such durable; 0
    while there is no such stream. KEDA goes from zero replicas to one when it is above 0.
    """
    with urllib.request.urlopen(f"{server.monitoring}/jsz?acc=$G&consumers=true&config=true") as answer:
        [account] = json.load(answer)["account_details"]
    for found in account.get("stream_detail", []):
        if found["name"] == stream:
            for durable in found.get("consumer_detail", []):
                if durable["name"] == consumer:
                    return int(durable["num_pending"]) + int(durable["num_ack_pending"])
            return int(found["state"]["last_seq"])
    return 0


def event(sequence: int, type: str = "price.changed") -> Event:
    return Event(source="/catalog", type=type, subject="p1", sequence=sequence, data={})


async def send(bus: NatsBus, *events: Event) -> None:
    for one in events:
        await bus.publish(one.topic, one.encode(), message_id=one.id)


async def test_the_autoscaler_sees_what_waits_and_nothing_else(
    bus: NatsBus, nats_server: NatsServer, world: Any, running: Any, until: Any
) -> None:
    release = asyncio.Event()

    async def handler(_session: Any, _event: Event) -> None:
        await release.wait()

    def lag() -> int:
        return lag_seen_by_keda(nats_server, "catalog", "worker")

    await bus.ensure_stream("catalog", max_age=3600)
    assert lag() == 0
    await send(bus, event(1, "product.changed"))
    assert lag() == 1  # no durable yet: anything in the stream wakes the first worker, which makes it
    async with running(world.consumer(bus).run()):
        await until(lambda: lag() == 0)
    await send(bus, event(2, "product.changed"))
    assert lag() == 0  # the durable outlives its workers, and counts its own topics alone
    await send(bus, *(event(sequence) for sequence in range(3, 8)))
    assert lag() == 5  # one would do to wake a worker
    async with running(world.consumer(bus, On("price.changed", handler), concurrency=2).run()):
        await asyncio.sleep(0.2)
        assert lag() == 5  # what is being handled is not done
        release.set()
        await until(lambda: lag() == 0)


async def test_a_second_publish_of_the_same_event_is_dropped(bus: NatsBus) -> None:
    await bus.ensure_stream("catalog", max_age=3600)
    one = event(1)
    await send(bus, one, one)
    assert len(await bus.browse("catalog")) == 1


async def test_a_broker_that_is_not_there_is_reported_and_waited_for(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr("shop_chassis.events.jetstream.CONNECT_WAIT", 0.1)
    nats_server.kill()
    bus = NatsBus(nats_server.url, name="test")
    await bus.start()
    try:
        with pytest.raises(BusError, match=f"no connection to {nats_server.url}"):
            await bus.ensure_stream("catalog", max_age=3600)
        assert "no connection to" in (bus.problem() or "")
        nats_server.start()
        await until(lambda: bus.problem() is None)
    finally:
        await bus.stop()


async def test_a_durable_that_somebody_deleted_is_made_again(
    bus: NatsBus, world: Any, running: Any, until: Any
) -> None:
    async def effects() -> int:
        return len(await world.effects())

    async def one() -> bool:
        return await effects() == 1

    async def two() -> bool:
        return await effects() == 2

    await bus.ensure_stream("catalog", max_age=3600)
    async with running(world.consumer(bus).run()):
        await send(bus, event(1))
        await until(one)
        await (await bus.jetstream()).delete_consumer("catalog", "worker")
        await send(bus, event(2))
        await until(two)


async def test_a_follower_misses_nothing_while_the_broker_restarts_and_its_consumer_goes(
    bus: NatsBus, nats_server: NatsServer, until: Any
) -> None:
    await bus.ensure_stream("catalog", max_age=3600)
    read: list[int] = []

    async def follow() -> None:
        async with aclosing(bus.follow("catalog", ["catalog.>"])) as following:
            async for message in following:
                read.append(Event.decode(message.body).sequence)

    async def consumers() -> list[str]:
        return [info.name for info in await (await bus.jetstream()).consumers_info("catalog")]

    task = asyncio.create_task(follow())
    await send(bus, event(1))
    await until(lambda: read == [1])
    nats_server.kill()
    nats_server.start()

    async def sent() -> bool:
        with suppress(BusError):  # the stream is not back as soon as the broker is
            await send(bus, second)
            return True
        return False

    second = event(2)
    await until(sent, 60)
    await until(lambda: read == [1, 2], 60)
    [name] = await consumers()
    await (await bus.jetstream()).delete_consumer("catalog", name)
    await send(bus, event(3))
    await until(lambda: read == [1, 2, 3])
    task.cancel()
    await asyncio.wait([task])
    assert await consumers() == []


async def test_a_stream_that_was_made_anew_is_followed_from_its_start(bus: NatsBus, until: Any) -> None:
    await bus.ensure_stream("catalog", max_age=3600)
    await send(bus, event(1), event(2))
    async with aclosing(bus.follow("catalog", ["catalog.>"])) as following:
        assert [(await anext(following)).number for _ in range(2)] == [1, 2]
        await (await bus.jetstream()).delete_stream("catalog")
        await bus.ensure_stream("catalog", max_age=3600)
        await send(bus, event(3), event(4), event(5))
        async with asyncio.timeout(20):
            assert [(await anext(following)).number for _ in range(3)] == [1, 2, 3]


async def test_nothing_is_lost_or_done_twice_while_broker_and_relay_are_killed(
    bus: NatsBus, nats_server: NatsServer, world: Any, running: Any, until: Any
) -> None:
    total, changed = 400, asyncio.Event()

    def relay(die_at: int) -> subprocess.Popen[bytes]:
        program = Path(__file__).parent / "relay_process.py"
        return subprocess.Popen([sys.executable, program, world.url, nats_server.url, str(die_at)])

    async def died(process: subprocess.Popen[bytes]) -> None:
        await until(lambda: process.poll() is not None, 90)

    async def change() -> list[str]:
        ids = []
        for number in range(total):
            ids.append((await world.change(f"p{number % 7}")).id)
            if number == total // 2:
                changed.set()
            await asyncio.sleep(0.005)
        return ids

    async def all_effects() -> bool:
        return len(await world.effects()) >= total

    changing = asyncio.create_task(change())
    async with running(*(world.consumer(bus, name="worker").run() for _ in range(2))):
        await died(relay(1))
        await died(relay(100))
        nats_server.kill()
        await changed.wait()
        nats_server.start()
        await died(relay(50))
        last = relay(0)
        try:
            nats_server.kill()
            nats_server.start()
            ids = await changing
            await until(all_effects, 90)
        finally:
            last.kill()
            last.wait()
    assert sorted(await world.effect_ids()) == sorted(ids)
    stored = [Event.decode(one.body) for one in await bus.browse("catalog", limit=2 * total)]
    for subject in {one.subject for one in stored}:
        sequences = [one.sequence for one in stored if one.subject == subject]
        assert sequences == list(range(1, len(sequences) + 1))
