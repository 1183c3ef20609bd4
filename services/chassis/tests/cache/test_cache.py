"""What every `Cache` promises, shown on the one in memory and on a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop_chassis.cache import Cache, Entry, Found, Writes
from shop_chassis.cache.binding import open_cache
from shop_chassis.cache.redis import RedisCache
from shop_chassis.settings import Settings


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    cache: Cache = open_cache(Settings(cache_url="memory://"))
    if request.param == "redis":  # its own limits are for a request that waits, not for a busy machine
        port = request.getfixturevalue("redis_server").port
        cache = RedisCache("127.0.0.1", port, timeout=30, update_timeout=60)
    yield cache
    await cache.stop()


async def test_get_set_delete(cache: Cache) -> None:
    await cache.set_many({"a": Entry(b"1", 60), "b": Entry(b"\x00\xff", 60)})
    assert await cache.get("a") == b"1"
    assert await cache.get_many(["a", "b", "none"]) == {"a": b"1", "b": b"\x00\xff"}
    await cache.delete("a", "none")
    assert await cache.get("a") is None
    assert await cache.get_many([]) == {}
    await cache.set_many({})
    await cache.delete()
    await cache.ping()


async def test_values_expire_and_touching_keeps_them(cache: Cache) -> None:
    await cache.set_many({"kept": Entry(b"1", 1.0), "lost": Entry(b"1", 1.0)})
    assert await cache.get("kept", touch=60) == b"1"
    async with asyncio.timeout(60):
        while await cache.get("lost") is not None:
            await asyncio.sleep(0.01)
    assert await cache.get("kept") == b"1"
    assert await cache.get("lost", touch=60) is None


async def test_update_reads_writes_deletes_and_returns(cache: Cache) -> None:
    await cache.set_many({"from": Entry(b"7", 60), "kept": Entry(b"k", 60)})

    def move(found: Found) -> tuple[Writes, str]:
        assert found == {"from": b"7", "to": None, "kept": b"k"}
        return {"from": None, "to": Entry(b"7", 60)}, "moved"

    assert await cache.update(["from", "to", "kept"], move) == "moved"
    assert await cache.get_many(["from", "to", "kept"]) == {"to": b"7", "kept": b"k"}


async def test_what_change_raises_ends_the_update_with_nothing_written(cache: Cache) -> None:
    def refuse(found: Found) -> tuple[Writes, None]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await cache.update(["a"], refuse)
    assert await cache.get("a") is None


async def test_a_write_to_a_key_that_was_not_read_is_a_mistake(cache: Cache) -> None:
    with pytest.raises(ValueError, match="'b' was not among the keys"):
        await cache.update(["a"], lambda found: ({"b": Entry(b"", 1)}, None))


async def test_an_empty_value_is_not_a_missing_one(cache: Cache) -> None:
    await cache.set_many({"a": Entry(b"", 60)})
    seen: list[bytes | None] = []

    def look(found: Found) -> tuple[Writes, None]:
        seen.append(found["a"])
        return {"a": Entry(b"x", 60)}, None

    await cache.update(["a"], look)
    assert seen == [b""]
    assert await cache.get("a") == b"x"


async def test_no_concurrent_update_is_lost(cache: Cache) -> None:
    """Sixty at once on two keys; each is applied exactly once though `change` runs more often."""
    runs = 0

    def increment_both(found: Found) -> tuple[Writes, None]:
        nonlocal runs
        runs += 1
        return {key: Entry(str(int(value or 0) + 1).encode(), 60) for key, value in found.items()}, None

    await asyncio.gather(*[cache.update(["x", "y"], increment_both) for _ in range(60)])
    assert await cache.get_many(["x", "y"]) == {"x": b"60", "y": b"60"}
    assert runs >= 60
