"""Carts in a real Redis: many replicas, a restart, an outage."""

import asyncio
import os
import signal
import time

import pytest
from redis.asyncio import Redis
from shop_chassis.testing.servers import RedisServer

from .conftest import problem, quantities

pytestmark = pytest.mark.redis


@pytest.fixture
def cache_timeout() -> float:
    return 1.0


@pytest.fixture
def cache_url(redis_server: RedisServer, cache_timeout: float) -> str:
    return f"{redis_server.url}?timeout={cache_timeout}"


async def _fail() -> None:
    raise RuntimeError("catalog is broken")


@pytest.mark.parametrize("cache_timeout", [10])  # many at once on a busy machine are no outage
async def test_additions_through_two_replicas_are_all_kept(shop, second_replica) -> None:
    lamp, cup, id = shop.catalog.sell("lamp"), shop.catalog.sell("cup"), await shop.new_cart()
    answers = await asyncio.gather(
        *[(shop if n % 2 else second_replica).add(id, lamp if n % 3 else cup) for n in range(30)]
    )
    assert [answer.status_code for answer in answers] == [200] * 30
    assert quantities(await shop.cart.get(f"/carts/{id}")) == {"lamp": 20, "cup": 10}


async def test_what_one_replica_heard_of_catalog_serves_the_other(shop, second_replica) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.add(id, lamp)
    async with shop.catalog_that(_fail):
        stale = (await second_replica.cart.get(f"/carts/{id}")).json()
    assert stale["stale"] is True
    assert stale["total"] == {"amount": 1000, "currency": "EUR"}


@pytest.mark.parametrize("cache_timeout", [10])
async def test_a_merge_and_an_addition_at_once_lose_nothing(shop) -> None:
    """An addition to the guest's cart is either in the merge or is told that the cart has gone."""
    lamp, anna = shop.catalog.sell("lamp"), shop.token("anna")
    kept = 0
    for _ in range(5):
        guest = await shop.new_cart()
        await shop.add(guest, lamp)
        merged, *added = await asyncio.gather(
            shop.cart.post(f"/carts/{guest}:merge", headers=anna), *[shop.add(guest, lamp) for _ in range(3)]
        )
        assert merged.status_code == 200
        assert {answer.status_code for answer in added} <= {200, 410}
        kept += 1 + sum(answer.status_code == 200 for answer in added)
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {"lamp": kept}


async def test_carts_survive_a_killed_redis_and_cart_recovers_by_itself(
    shop, redis_server: RedisServer
) -> None:
    async with Redis.from_url(redis_server.url) as admin:
        await admin.config_set("appendfsync", "always")  # the default may lose what was written last
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.add(id, lamp, 2)
    redis_server.kill()

    for request in (
        shop.cart.get(f"/carts/{id}"),
        shop.add(id, lamp),
        shop.cart.post("/carts"),
        shop.cart.delete(f"/carts/{id}"),
    ):
        began = time.monotonic()
        answer = await request
        assert problem(answer) == (503, "carts-unavailable")
        assert answer.headers["Retry-After"]
        assert time.monotonic() - began < 5
    ready = await shop.cart.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["reasons"][0].startswith("cache: Redis at 127.0.0.1")

    redis_server.start()
    assert quantities(await shop.cart.get(f"/carts/{id}")) == {"lamp": 2}
    assert (await shop.cart.get("/readyz")).status_code == 200


async def test_a_hung_redis_costs_no_more_than_its_timeout(shop, redis_server: RedisServer) -> None:
    id = await shop.new_cart()
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert problem(await shop.cart.get(f"/carts/{id}")) == (503, "carts-unavailable")
        assert time.monotonic() - began < 5
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert quantities(await shop.cart.get(f"/carts/{id}")) == {}


async def test_whoever_goes_while_redis_is_down_is_erased_when_it_is_back(
    shop, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_cart.erasure.PAUSE", 0.1)
    async with Redis.from_url(redis_server.url) as admin:
        await admin.config_set("appendfsync", "always")
    lamp, anna, user = shop.catalog.sell("lamp"), shop.token("anna"), shop.service("user")
    await shop.add("me", lamp, 2, **anna)
    redis_server.kill()
    asked = asyncio.create_task(shop.erased("anna"))
    assert problem(await shop.cart.get("/internal/personal-data/anna", headers=user))[0] == 503
    assert not asked.done()
    redis_server.start()
    await asked
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {}
