"""Which cache a service uses: its binding in a pod, `CACHE_URL` elsewhere."""

from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

from shop_chassis.binding import Binding, BindingError
from shop_chassis.cache import Cache
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.settings import Settings, SettingsError

TIMEOUT = 1.0
"""Seconds for an exchange with Redis, where the URL says nothing else."""

_EXPECTED = "memory:// or redis://[:password@]host[:port][?timeout=seconds]"


def open_cache(settings: Settings) -> Cache:
    """The cache of the binding `cache` if there is one, else the one at `settings.cache_url`.

    The binding has type (`redis`), host, port and password; the password is read again for each new
    connection. A URL is `memory://` or `redis://[:password@]host[:port][?timeout=seconds]`. Does not connect
    yet. Raises BindingError or SettingsError.
    """
    if binding := settings.binding("cache"):
        return _bound(binding)
    try:
        return _at(settings.cache_url)
    except ValueError as error:
        raise SettingsError(f"CACHE_URL: expected {_EXPECTED}: {error}") from None


def _at(url: str) -> Cache:
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryCache()
    if parts.scheme != "redis" or not parts.hostname:
        raise ValueError(f"found {parts.scheme}://{parts.hostname or ''}")
    password = unquote(parts.password or "")
    timeout = float(parse_qs(parts.query).get("timeout", [str(TIMEOUT)])[-1])
    return _redis(parts.hostname, parts.port or 6379, lambda: password, timeout)


def _bound(binding: Binding) -> Cache:
    if (kind := binding.get("type")) != "redis":
        raise BindingError(f"{binding.folder}/type: expected redis, found {kind!r}")
    if not (port := binding.get("port", "6379")).isdecimal():
        raise BindingError(f"{binding.folder}/port: expected a number, found {port!r}")
    return _redis(binding.get("host"), int(port), lambda: binding.get("password", ""), TIMEOUT)


def _redis(host: str, port: int, password: Callable[[], str], timeout: float) -> Cache:
    # Imported here: with memory:// the client of Redis would only cost memory.
    from shop_chassis.cache.redis import RedisCache

    return RedisCache(host, port, password=password, timeout=timeout)
