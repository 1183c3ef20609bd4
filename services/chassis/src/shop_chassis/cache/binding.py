"""Which cache a service uses: its binding in a pod, a URL elsewhere."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shop_chassis.cache import Cache
from shop_chassis.cache.memory import MemoryCache


def open_cache(url: str = "memory://", binding: Path | None = None) -> Cache:
    """The cache of the Service Binding in the folder `binding` if that exists, else the one at `url`.

    The folder has the files type (`redis`), host, port and password; the password is read again for each new
    connection. A URL is `memory://` or `redis://[:password@]host[:port]`. Does not connect yet. Raises
    ValueError for anything else.
    """
    if binding is not None and binding.is_dir():
        return _open_bound(binding)
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryCache()
    if parts.scheme == "redis" and parts.hostname:
        password = unquote(parts.password) if parts.password else None
        return _redis(parts.hostname, parts.port or 6379, lambda: password)
    raise ValueError(f"cache URL {url!r}: expected memory:// or redis://[:password@]host[:port]")


def _open_bound(binding: Path) -> Cache:
    kind = _read(binding, "type")
    if kind != "redis":
        raise ValueError(f"{binding}/type is {kind!r}: expected redis")
    port = _read(binding, "port") or "6379"
    if not port.isdecimal():
        raise ValueError(f"{binding}/port is {port!r}: expected a number")
    host = _read(binding, "host")
    if not host:
        raise ValueError(f"{binding}/host is missing or empty: expected the name of the Redis server")
    return _redis(host, int(port), lambda: _read(binding, "password"))


def _redis(host: str, port: int, password: Callable[[], str | None]) -> Cache:
    # Imported here: with memory:// the client of Redis would only cost memory.
    from shop_chassis.cache.redis import RedisCache

    return RedisCache(host, port, password=password)


def _read(binding: Path, name: str) -> str | None:
    try:
        return (binding / name).read_text().strip() or None
    except FileNotFoundError:
        return None
