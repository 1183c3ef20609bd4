"""Where the cache comes from, and what is said about a binding or URL that makes no sense."""

from pathlib import Path

import pytest
from shop_chassis.cache.binding import open_cache
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.cache.redis import RedisCache


def bind(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name).write_text(content + "\n")
    return folder


async def test_without_anything_it_is_memory(tmp_path: Path) -> None:
    assert isinstance(open_cache(binding=tmp_path / "no such folder"), MemoryCache)


async def test_binding_comes_before_the_url(tmp_path: Path) -> None:
    bind(tmp_path, type="redis", host="cart-cache", port="6379", password="p")
    assert isinstance(open_cache("memory://", tmp_path), RedisCache)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"type": "memcached", "host": "h"}, "type is 'memcached': expected redis"),
        ({"type": "redis"}, "host is missing or empty"),
        ({"type": "redis", "host": "h", "port": "x"}, "port is 'x': expected a number"),
    ],
)
def test_binding_that_makes_no_sense(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_cache(binding=bind(tmp_path, **files))


@pytest.mark.parametrize("url", ["", "redis://", "http://x", "localhost:6379"])
def test_url_that_makes_no_sense(url: str) -> None:
    with pytest.raises(ValueError, match="expected memory:// or redis://"):
        open_cache(url)
