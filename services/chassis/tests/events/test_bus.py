"""What every bus promises, on each of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from shop_chassis.events import Bus, Delivery, NoStreamError, Stored, Subscription
from shop_chassis.tables import utc_now


@pytest.fixture
async def stream(bus: Bus) -> str:
    await bus.ensure_stream("catalog", max_age=3600)
    return "catalog"


async def publish(bus: Bus, *bodies: str, topic: str = "catalog.price.changed") -> None:
    for body in bodies:
        await bus.publish(topic, body.encode(), message_id=body)


async def fetch(subscription: Subscription, limit: int = 10) -> Sequence[Delivery]:
    async with asyncio.timeout(60):
        return await subscription.fetch(limit)


async def bodies(subscription: Subscription, count: int) -> list[str]:
    """Fetches and acknowledges so many."""
    found: list[str] = []
    while len(found) < count:
        for delivery in await fetch(subscription, count - len(found)):
            found.append(delivery.message.body.decode())
            await delivery.ack()
    return found


async def test_a_durable_gets_what_was_published_before_it_was_made(bus: Bus, stream: str) -> None:
    await publish(bus, "a", "b")
    subscription = await bus.subscribe(stream, "worker", ["catalog.price.changed"])
    await publish(bus, "c")
    assert await bodies(subscription, 3) == ["a", "b", "c"]


async def test_topics_are_filtered(bus: Bus, stream: str) -> None:
    one = await bus.subscribe(stream, "one", ["catalog.price.changed"])
    everything = await bus.subscribe(stream, "everything", ["catalog.>"])
    await publish(bus, "other", topic="catalog.product.changed")
    await publish(bus, "mine")
    assert await bodies(one, 1) == ["mine"]
    assert await bodies(everything, 2) == ["other", "mine"]


async def test_fetch_waits_and_returns_as_soon_as_there_is_one(bus: Bus, stream: str) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    waiting = asyncio.create_task(fetch(subscription))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await publish(bus, "a")
    async with asyncio.timeout(1):
        assert [delivery.message.body for delivery in await waiting] == [b"a"]


async def test_fetch_gives_no_more_than_asked(bus: Bus, stream: str) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, *"abcde")
    held = []
    for limit in (2, 1, 2):
        got = await fetch(subscription, limit)
        assert 1 <= len(got) <= limit
        held += got
    for delivery in held:
        await delivery.ack()


async def test_nak_delivers_again_after_the_delay(bus: Bus, stream: str) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, "a")
    [first] = await fetch(subscription)
    assert first.attempt == 1
    loop = asyncio.get_running_loop()
    before = loop.time()
    await first.nak(0.2)
    [second] = await fetch(subscription)
    assert loop.time() - before >= 0.19
    assert second.attempt == 2
    assert second.message.number == first.message.number


async def test_what_is_not_answered_is_delivered_again(bus: Bus, stream: str) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, "a")
    await fetch(subscription)
    [again] = await fetch(subscription)
    assert again.attempt == 2


async def test_extend_keeps_it_from_being_delivered_again(bus: Bus, stream: str) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, "a")
    [delivery] = await fetch(subscription)
    waiting = asyncio.create_task(fetch(subscription))
    for _ in range(8):  # 0.8 s, with an ack wait of 0.3 s
        await asyncio.sleep(0.1)
        await delivery.extend()
    assert not waiting.done()
    await delivery.ack()
    await publish(bus, "b")
    assert [delivery.message.body for delivery in await waiting] == [b"b"]


async def test_term_ends_it(bus: Bus, stream: str, until: Any) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, "a")
    [delivery] = await fetch(subscription)
    await delivery.term()

    async def gone() -> bool:
        return await subscription.lag() == 0

    await until(gone)


async def test_replicas_share_the_messages(bus: Bus, stream: str) -> None:
    one = await bus.subscribe(stream, "worker", ["catalog.>"])
    two = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, *"abcd")
    got = [await fetch(subscription, 1) for subscription in (one, two, one, two)]
    assert sorted(delivery.message.body for [delivery] in got) == [b"a", b"b", b"c", b"d"]


async def test_close_hands_back_and_ends_a_waiting_fetch(bus: Bus, stream: str) -> None:
    one = await bus.subscribe(stream, "worker", ["catalog.>"])
    waiting = asyncio.create_task(fetch(one))
    await asyncio.sleep(0.1)
    await one.close()
    assert await waiting == []
    two = await bus.subscribe(stream, "worker", ["catalog.>"])
    await publish(bus, "a")
    assert await bodies(two, 1) == ["a"]


async def test_lag_counts_what_is_not_acknowledged(bus: Bus, stream: str, until: Any) -> None:
    subscription = await bus.subscribe(stream, "worker", ["catalog.price.changed"])
    assert await subscription.lag() == 0
    await publish(bus, "a", "b")
    await publish(bus, "other", topic="catalog.product.changed")
    assert await subscription.lag() == 2
    [delivery] = await fetch(subscription, 1)
    await delivery.nak(0.01)
    assert await subscription.lag() == 2
    await bodies(subscription, 2)

    async def none() -> bool:
        return await subscription.lag() == 0

    await until(none)


async def test_subscribing_without_a_stream_says_so(bus: Bus) -> None:
    with pytest.raises(NoStreamError):
        await bus.subscribe("nowhere", "worker", ["nowhere.>"])


async def test_publishing_without_a_stream_says_so(bus: Bus) -> None:
    with pytest.raises(NoStreamError):
        await bus.publish("nowhere.thing", b"", message_id="1")


async def test_making_stream_and_durable_again_changes_nothing(bus: Bus, stream: str) -> None:
    await publish(bus, "a")
    await bus.subscribe(stream, "worker", ["catalog.>"])
    await bus.ensure_stream(stream, max_age=3600)
    again = await bus.subscribe(stream, "worker", ["catalog.>"])
    assert await bodies(again, 1) == ["a"]


async def test_browse_and_remove(bus: Bus, stream: str) -> None:
    assert await bus.browse("nowhere") == []
    await bus.publish("catalog.thing", b"a", message_id="1", headers={"dlq-reason": "none"})
    await publish(bus, "b", "c")
    first, second, third = await bus.browse(stream)
    assert (first.topic, first.body, first.headers["dlq-reason"]) == ("catalog.thing", b"a", "none")
    assert [stored.body for stored in await bus.browse(stream, after=first.number, limit=1)] == [b"b"]
    await bus.remove(stream, second.number)
    await bus.remove(stream, second.number)
    assert [stored.number for stored in await bus.browse(stream)] == [first.number, third.number]


async def read(following: AsyncGenerator[Stored, None], count: int) -> list[str]:
    """So many of what it gives."""
    async with asyncio.timeout(20):
        return [(await anext(following)).body.decode() for _ in range(count)]


async def test_a_follower_gets_what_is_there_and_what_comes(bus: Bus, stream: str) -> None:
    await publish(bus, "a")
    await publish(bus, "other", topic="catalog.product.changed")
    await publish(bus, "b")
    async with aclosing(bus.follow(stream, ["catalog.price.changed"])) as following:
        assert await read(following, 2) == ["a", "b"]
        waiting = asyncio.create_task(read(following, 2))
        await publish(bus, "c", "d")
        assert await waiting == ["c", "d"]


async def test_each_follower_gets_everything(bus: Bus, stream: str) -> None:
    bodies = [str(number) for number in range(600)]  # more than are asked for at once
    async with (
        aclosing(bus.follow(stream, ["catalog.>"])) as one,
        aclosing(bus.follow(stream, ["catalog.>"])) as two,
    ):
        reading = [asyncio.create_task(read(each, len(bodies))) for each in (one, two)]
        await publish(bus, *bodies)
        assert await asyncio.gather(*reading) == [bodies, bodies]


async def test_following_starts_after_a_number_or_a_time(bus: Bus, stream: str) -> None:
    await publish(bus, "a", "b")
    _, second = await bus.browse(stream)
    async with aclosing(bus.follow(stream, ["catalog.>"], after=1)) as following:
        assert await read(following, 1) == ["b"]
    since = utc_now()
    assert second.at < since
    await publish(bus, "c")
    async with aclosing(bus.follow(stream, ["catalog.>"], since=since)) as following:
        assert await read(following, 1) == ["c"]


async def test_a_stream_that_is_not_there_yet_is_waited_for(bus: Bus) -> None:
    async with aclosing(bus.follow("catalog", ["catalog.>"])) as following:
        waiting = asyncio.create_task(read(following, 1))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await bus.ensure_stream("catalog", max_age=3600)
        await publish(bus, "a")
        assert await waiting == ["a"]


async def test_the_end_of_a_stream_is_its_last_message_even_a_removed_one(bus: Bus, stream: str) -> None:
    assert await bus.last("nobody") == await bus.last(stream) == 0
    await publish(bus, "a", "b")
    await bus.remove(stream, 2)
    assert await bus.last(stream) == 2
