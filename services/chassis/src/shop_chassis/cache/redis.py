"""`redis://`: one Redis server, shared by all replicas of a service."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

from shop_chassis.binding import BindingError
from shop_chassis.cache import CacheContended, CacheUnavailable, Entry, Found, Writes, check_writes

T = TypeVar("T")

Password = Callable[[], str | None]
"""Gives the password as it is now: a changed Secret changes the file it is read from."""

_COMPARE_AND_SET = """
-- Writes all keys if each still holds what the caller has read; else returns what they hold now.
-- ARGV per key: expected ('' nothing, '=' and the value); keep, set or delete; value; milliseconds to live.
local found = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  local expected = ARGV[4 * i - 3]
  if (found[i] and '=' .. found[i] or '') ~= expected then return found end
end
for i, key in ipairs(KEYS) do
  local action = ARGV[4 * i - 2]
  if action == 'set' then redis.call('SET', key, ARGV[4 * i - 1], 'PX', ARGV[4 * i])
  elseif action == 'delete' then redis.call('DEL', key) end
end
return 'written'
"""


class _FreshPassword(CredentialProvider):
    """Asked by redis-py at every new connection, so that a rotated password needs no restart."""

    def __init__(self, password: Password) -> None:
        self._password = password

    def get_credentials(self) -> Any:
        password = self._password()
        return (password,) if password else ()

    async def get_credentials_async(self) -> Any:
        return self.get_credentials()


class RedisCache:
    """A `Cache` on one Redis server.

    Nothing is sent twice by itself: after a lost connection a write may have happened, and only the caller
    knows whether doing it again is harmless.
    """

    def __init__(
        self,
        host: str,
        port: int = 6379,
        *,
        password: Password = lambda: None,
        timeout: float = 1.0,
        update_timeout: float = 3.0,
        max_connections: int = 64,
    ) -> None:
        """`timeout` bounds each exchange with the server, `update_timeout` an update with its repetitions."""
        self._address = f"{host}:{port}"
        self._timeout = timeout
        self._update_timeout = update_timeout
        self._pool = BlockingConnectionPool(
            host=host,
            port=port,
            max_connections=max_connections,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            socket_keepalive=True,
            credential_provider=_FreshPassword(password),
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._redis = Redis.from_pool(self._pool)
        self._compare_and_set = self._redis.register_script(_COMPARE_AND_SET)

    async def get(self, key: str, *, touch: float | None = None) -> bytes | None:
        """See `Cache.get`."""
        async with self._exchange():
            if touch is None:
                return cast(bytes | None, await self._redis.get(key))
            return cast(bytes | None, await self._redis.getex(key, px=_milliseconds(touch)))

    async def get_many(self, keys: Collection[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        found = await self._read(list(keys))
        return {key: value for key, value in found.items() if value is not None}

    async def set_many(self, entries: Mapping[str, Entry]) -> None:
        """See `Cache.set_many`."""
        if not entries:
            return
        async with self._exchange():
            pipeline = self._redis.pipeline(transaction=False)
            for key, entry in entries.items():
                pipeline.set(key, entry.value, px=_milliseconds(entry.ttl))
            await pipeline.execute()

    async def delete(self, *keys: str) -> None:
        """See `Cache.delete`."""
        if keys:
            async with self._exchange():
                await self._redis.unlink(*keys)

    async def update(self, keys: Collection[str], change: Callable[[Found], tuple[Writes, T]]) -> T:
        """See `Cache.update`. All keys live on the one server; Redis Cluster would want them in one slot."""
        names = list(keys)
        clock = asyncio.get_running_loop().time
        until = clock() + self._update_timeout
        found = await self._read(names)
        pause = 0.001
        while True:
            writes, result = change(found)
            check_writes(names, writes)
            if not writes:
                return result
            conflicting = await self._write_if_unchanged(names, found, writes)
            if conflicting is None:
                return result
            if clock() + pause > until:
                raise CacheContended(
                    f"{', '.join(names)}: changed by others for {self._update_timeout:g} s; "
                    "nothing was written, try again"
                )
            # A short random pause lets one of the contenders through; they would else keep step.
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(2 * pause, 0.032)
            found = conflicting

    async def ping(self) -> None:
        """See `Cache.ping`."""
        async with self._exchange():
            await self._redis.ping()

    async def start(self) -> None:
        """See `Cache.start`."""

    async def stop(self) -> None:
        """See `Cache.stop`."""
        await self._redis.aclose()
        await self._pool.disconnect()

    async def _read(self, keys: list[str]) -> dict[str, bytes | None]:
        if not keys:
            return {}
        async with self._exchange():
            values = cast(list[bytes | None], await self._redis.mget(keys))
        return dict(zip(keys, values, strict=True))

    async def _write_if_unchanged(
        self, keys: list[str], found: Found, writes: Writes
    ) -> dict[str, bytes | None] | None:
        """None when written, otherwise what the keys hold now."""
        arguments: list[bytes | str | int] = []
        for key in keys:
            expected = found[key]
            arguments.append(b"" if expected is None else b"=" + expected)
            if key not in writes:
                arguments += ["keep", b"", 0]
            elif (entry := writes[key]) is None:
                arguments += ["delete", b"", 0]
            else:
                arguments += ["set", entry.value, _milliseconds(entry.ttl)]
        async with self._exchange():
            answer = await self._compare_and_set(keys=keys, args=arguments)
        return None if answer == b"written" else dict(zip(keys, answer, strict=True))

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[None]:
        """Bounds what happens inside by the time-out; any failure of Redis becomes `CacheUnavailable`."""
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as error:
            raise CacheUnavailable(
                f"Redis at {self._address} gave no answer in {self._timeout:g} s"
            ) from error
        except (exceptions.RedisError, OSError, BindingError) as error:
            raise CacheUnavailable(f"Redis at {self._address}: {error or type(error).__name__}") from error


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
