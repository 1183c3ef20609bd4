"""Where the cache comes from, and what is said about a binding or URL that makes no sense."""

from pathlib import Path

import pytest
from shop_chassis.binding import BindingError
from shop_chassis.cache.binding import open_cache
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.cache.redis import RedisCache
from shop_chassis.settings import Settings, SettingsError


def bound(root: Path, **files: str) -> Settings:
    (root / "cache").mkdir()
    for name, content in files.items():
        (root / "cache" / name).write_text(content + "\n")
    return Settings(service_binding_root=root)


async def test_without_anything_it_is_memory(tmp_path: Path) -> None:
    assert isinstance(open_cache(Settings(service_binding_root=tmp_path)), MemoryCache)


async def test_binding_comes_before_the_url(tmp_path: Path) -> None:
    settings = bound(tmp_path, type="redis", host="cart-cache", port="6379", password="p")
    assert settings.cache_url == "memory://"
    assert isinstance(open_cache(settings), RedisCache)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"type": "memcached", "host": "h"}, "/cache/type: expected redis, found 'memcached'"),
        ({"type": "redis"}, "/cache/host is missing or empty"),
        ({"type": "redis", "host": "h", "port": "x"}, "/cache/port: expected a number, found 'x'"),
    ],
)
def test_binding_that_makes_no_sense(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(BindingError, match=message):
        open_cache(bound(tmp_path, **files))


@pytest.mark.parametrize(
    "url", ["redis://", "http://x", "localhost:6379", "redis://h:port", "redis://h?timeout=soon"]
)
def test_url_that_makes_no_sense(url: str) -> None:
    with pytest.raises(SettingsError, match=r"CACHE_URL: expected memory:// or redis://.*: \S"):
        open_cache(Settings(cache_url=url))


def test_the_message_about_a_url_does_not_tell_its_password() -> None:
    with pytest.raises(SettingsError) as caught:
        open_cache(Settings(cache_url="rediss://:secret@host"))
    assert "secret" not in str(caught.value)
