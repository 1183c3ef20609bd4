"""The cache in memory keeps no more than what lives."""

from shop_chassis.cache import Entry
from shop_chassis.cache.memory import MemoryCache


async def test_expired_entries_do_not_pile_up() -> None:
    now = 0.0
    cache = MemoryCache(lambda: now)
    for number in range(5000):
        now = float(number)
        await cache.set_many({f"k{number}": Entry(b"v", ttl=10)})
    assert len(cache._entries) <= 1010
    assert await cache.get("k4999") == b"v"
