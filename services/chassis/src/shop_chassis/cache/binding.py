"""Which cache a service uses: its binding in a pod, `CACHE_URL` elsewhere."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from shop_chassis.binding import Binding, BindingError
from shop_chassis.cache import Cache
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.settings import Settings, SettingsError


def open_cache(settings: Settings) -> Cache:
    """The cache of the binding `cache` if there is one, else the one at `settings.cache_url`.

    The binding has type (`redis`), host, port and password; the password is read again for each new
    connection. A URL is `memory://` or `redis://[:password@]host[:port]`. Does not connect yet. Raises
    BindingError or SettingsError.
    """
    if binding := settings.binding("cache"):
        return _bound(binding)
    parts = urlsplit(settings.cache_url)
    if parts.scheme == "memory":
        return MemoryCache()
    if parts.scheme == "redis" and parts.hostname:
        password = unquote(parts.password or "")
        return _redis(parts.hostname, parts.port or 6379, lambda: password)
    raise SettingsError(
        f"CACHE_URL: expected memory:// or redis://[:password@]host[:port], found {parts.scheme}://"
    )


def _bound(binding: Binding) -> Cache:
    if (kind := binding.get("type")) != "redis":
        raise BindingError(f"{binding.folder}/type: expected redis, found {kind!r}")
    if not (port := binding.get("port", "6379")).isdecimal():
        raise BindingError(f"{binding.folder}/port: expected a number, found {port!r}")
    return _redis(binding.get("host"), int(port), lambda: binding.get("password", ""))


def _redis(host: str, port: int, password: Callable[[], str]) -> Cache:
    # Imported here: with memory:// the client of Redis would only cost memory.
    from shop_chassis.cache.redis import RedisCache

    return RedisCache(host, port, password=password)
