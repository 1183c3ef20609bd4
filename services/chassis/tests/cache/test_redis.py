"""What only a Redis does: go away, come back, change its password, hang, be full."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from shop_chassis.cache import Cache, CacheContended, CacheUnavailable, Entry, Found, Writes
from shop_chassis.cache.binding import open_cache
from shop_chassis.cache.redis import RedisCache
from shop_chassis.settings import Settings
from shop_chassis.testing.servers import RedisServer

pytestmark = pytest.mark.redis


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[Cache]:
    cache = open_cache(Settings(cache_url=redis_server.url))
    yield cache
    await cache.stop()


@pytest.fixture
async def admin(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis(port=redis_server.port) as admin:
        yield admin


async def test_killed_server_is_reported_in_time_and_its_return_noticed(
    cache: Cache, redis_server: RedisServer, admin: Redis
) -> None:
    await admin.config_set("appendfsync", "always")  # the default may lose what was written last
    await asyncio.gather(*[cache.set_many({f"k{n}": Entry(b"v", 60)}) for n in range(8)])
    redis_server.kill()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(CacheUnavailable, match=rf"Redis at 127.0.0.1:{redis_server.port}: "):
            await cache.get("k0")
        assert time.monotonic() - began < 5
    redis_server.start()
    # At the first try, on every pooled connection, and with what the append-only file kept.
    found = await asyncio.gather(*[cache.get(f"k{n}") for n in range(8)])
    assert found == [b"v"] * 8


async def test_hung_server_costs_the_timeout(cache: Cache, redis_server: RedisServer) -> None:
    await cache.ping()
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(CacheUnavailable):
            await cache.get("k")
        assert time.monotonic() - began < 5
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert await cache.get("k") is None


async def test_an_answer_that_came_too_late_is_not_taken_for_another_question(
    cache: Cache, redis_server: RedisServer
) -> None:
    await cache.set_many({"a": Entry(b"A", 60), "b": Entry(b"B", 60)})
    os.kill(redis_server.pid, signal.SIGSTOP)
    waiting = [asyncio.create_task(cache.get("a")) for _ in range(4)]
    await asyncio.sleep(0)
    for task in waiting[:2]:
        task.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    os.kill(redis_server.pid, signal.SIGCONT)
    assert all(isinstance(result, asyncio.CancelledError | CacheUnavailable) for result in results)
    assert await asyncio.gather(*[cache.get("b") for _ in range(8)]) == [b"B"] * 8


async def test_rotated_password_is_read_at_the_next_connection(
    tmp_path: Path, redis_server: RedisServer, admin: Redis
) -> None:
    await admin.config_set("requirepass", "first")
    binding = tmp_path / "cache"
    binding.mkdir()
    for name, value in {
        "type": "redis",
        "host": "127.0.0.1",
        "port": str(redis_server.port),
        "password": "first",
    }.items():
        (binding / name).write_text(value)
    cache = open_cache(Settings(service_binding_root=tmp_path))
    await cache.set_many({"k": Entry(b"v", 60)})

    await admin.auth("first")
    await admin.config_set("requirepass", "second")
    await admin.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(CacheUnavailable, match="password"):
        await cache.get("k")
    (binding / "password").write_text("second")
    assert await cache.get("k") == b"v"
    await cache.stop()


async def test_full_server_is_reported_and_reading_goes_on(cache: Cache, admin: Redis) -> None:
    await cache.set_many({"k": Entry(b"v", 60)})
    await admin.config_set("maxmemory", "1")
    with pytest.raises(CacheUnavailable, match="maxmemory"):
        await cache.update(["k"], lambda found: ({"k": Entry(b"w", 60)}, None))
    with pytest.raises(CacheUnavailable, match="maxmemory"):
        await cache.set_many({"other": Entry(b"w", 60)})
    assert await cache.get("k") == b"v"


async def test_more_callers_than_connections(redis_server: RedisServer) -> None:
    cache = RedisCache("127.0.0.1", redis_server.port, max_connections=2)
    await cache.set_many({"k": Entry(b"v", 60)})
    assert await asyncio.gather(*[cache.get("k") for _ in range(50)]) == [b"v"] * 50
    await cache.stop()


async def test_update_gives_up_when_others_never_stop(redis_server: RedisServer) -> None:
    cache = RedisCache("127.0.0.1", redis_server.port, update_timeout=0.1)
    other = Redis(port=redis_server.port)
    writes = 0

    def always_too_late(found: Found) -> tuple[Writes, None]:
        nonlocal writes
        writes += 1
        # A second client changes the key after it was read and before it is written.
        with socket.create_connection(("127.0.0.1", redis_server.port)) as raw:
            raw.sendall(f"SET k other{writes}\r\n".encode())
            assert raw.recv(64) == b"+OK\r\n"
        return {"k": Entry(b"mine", 60)}, None

    with pytest.raises(CacheContended, match="nothing was written"):
        await cache.update(["k"], always_too_late)
    assert writes > 1
    assert await other.get("k") == f"other{writes}".encode()
    await other.aclose()
    await cache.stop()


async def test_values_are_never_kept_without_an_end(cache: Cache, admin: Redis) -> None:
    await cache.set_many({"set": Entry(b"v", 60)})
    await cache.update(["updated"], lambda found: ({"updated": Entry(b"v", 60)}, None))
    assert 0 < await admin.ttl("set") <= 60
    assert 0 < await admin.ttl("updated") <= 60
