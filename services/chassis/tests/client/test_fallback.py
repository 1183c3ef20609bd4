"""Remembered answers: given out when the callee fails, never beyond their age."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel
from shop_chassis.cache import CacheUnavailable, Entry
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.client import CallRefused, DeadlineExceeded, LastGood
from shop_chassis.testing.clock import Clock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp()


class Price(BaseModel):
    amount: int


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(NOON)


@pytest.fixture
def cache(clock: Clock[float]) -> MemoryCache:
    return MemoryCache(clock)


@pytest.fixture
def prices(cache: MemoryCache, clock: Clock[float]) -> LastGood[Price]:
    return LastGood(cache, "price:", Price, max_age=100, rewrite_after=10, now=clock)


def says(**amounts: int) -> Callable[[], Awaitable[Mapping[str, Price]]]:
    async def load() -> Mapping[str, Price]:
        return {key: Price(amount=amount) for key, amount in amounts.items()}

    return load


async def fails() -> Mapping[str, Price]:
    raise DeadlineExceeded("catalog", "/prices", "no answer in 0.5 s")


async def refuses() -> Mapping[str, Price]:
    raise CallRefused("catalog", "/prices", 400, {})


async def test_the_callee_is_believed_while_it_answers(prices: LastGood[Price]) -> None:
    await prices.fetch(["a"], says(a=1))
    answer = await prices.fetch(["a"], says(a=2))
    assert (answer.values, answer.stale, answer.as_of.timestamp()) == ({"a": Price(amount=2)}, False, NOON)


async def test_stale_answers_say_how_old_the_oldest_is(prices: LastGood[Price], clock: Clock[float]) -> None:
    await prices.fetch(["a"], says(a=1))
    clock.now += 30
    await prices.fetch(["b"], says(b=2))
    clock.now += 30
    answer = await prices.fetch(["a", "b", "never seen"], fails)
    assert answer.values == {"a": Price(amount=1), "b": Price(amount=2)}
    assert answer.stale
    assert answer.as_of.timestamp() == NOON
    assert isinstance(answer.cause, DeadlineExceeded)


@pytest.mark.parametrize(("age", "given"), [(99, True), (101, False)])
async def test_age_limit(prices: LastGood[Price], clock: Clock[float], age: float, given: bool) -> None:
    await prices.fetch(["a"], says(a=1))
    clock.now += age
    assert ("a" in (await prices.fetch(["a"], fails)).values) is given


async def test_age_limit_holds_though_the_cache_kept_it_longer(
    prices: LastGood[Price], cache: MemoryCache, clock: Clock[float]
) -> None:
    await cache.set_many({"price:a": Entry(f'{NOON} {{"amount":1}}'.encode(), ttl=1e6)})
    clock.now += 101
    assert (await prices.fetch(["a"], fails)).values == {}


async def test_a_steady_answer_never_gets_too_old(prices: LastGood[Price], clock: Clock[float]) -> None:
    """It is not rewritten each time, yet often enough."""
    for _ in range(50):
        clock.now += 9
        await prices.fetch(["a"], says(a=1))
    clock.now += 80
    answer = await prices.fetch(["a"], fails)
    assert answer.values == {"a": Price(amount=1)}
    assert clock.now - answer.as_of.timestamp() <= 80 + 10


async def test_a_changed_answer_is_remembered_at_once(prices: LastGood[Price]) -> None:
    await prices.fetch(["a"], says(a=1))
    await prices.fetch(["a"], says(a=2))
    assert (await prices.fetch(["a"], fails)).values == {"a": Price(amount=2)}


async def test_what_the_callee_no_longer_knows_is_forgotten(prices: LastGood[Price]) -> None:
    await prices.fetch(["a"], says(a=1))
    await prices.fetch(["a"], says())
    assert (await prices.fetch(["a"], fails)).values == {}
    await prices.fetch(["a"], says(a=1))
    assert (await prices.fetch(["a"], fails)).values == {"a": Price(amount=1)}


async def test_a_refusal_is_an_answer(prices: LastGood[Price]) -> None:
    await prices.fetch(["a"], says(a=1))
    with pytest.raises(CallRefused):
        await prices.fetch(["a"], refuses)


async def test_other_fields_than_now_are_not_given_out(prices: LastGood[Price], cache: MemoryCache) -> None:
    await cache.set_many({"price:a": Entry(f'{NOON} {{"cents":1}}'.encode(), ttl=1e6)})
    assert (await prices.fetch(["a"], fails)).values == {}


class DeadCache(MemoryCache):
    async def get_many(self, keys: object) -> dict[str, bytes]:
        raise CacheUnavailable("gone")

    async def set_many(self, entries: object) -> None:
        raise CacheUnavailable("gone")


async def test_without_its_cache_the_callee_still_answers_and_its_failure_is_the_one_reported() -> None:
    prices = LastGood(DeadCache(), "price:", Price, max_age=100)
    assert (await prices.fetch(["a"], says(a=1))).values == {"a": Price(amount=1)}
    with pytest.raises(DeadlineExceeded):
        await prices.fetch(["a"], fails)
