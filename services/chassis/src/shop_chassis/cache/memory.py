"""`memory://`: a dictionary, for one process without a Redis."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from shop_chassis.cache import Entry, Found, Writes, check_writes

T = TypeVar("T")

_SWEEP_EVERY = 1000
"""Writes between two removals of everything that has expired: memory stays bounded by what lives."""


class MemoryCache:
    """A `Cache` in this process. Nothing awaits between reading and writing, so updates never conflict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[bytes, float]] = {}
        self._writes = 0

    async def get(self, key: str, *, touch: float | None = None) -> bytes | None:
        """See `Cache.get`."""
        value = self._read(key)
        if value is not None and touch is not None:
            self._write(key, Entry(value, touch))
        return value

    async def get_many(self, keys: Collection[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        return {key: value for key in keys if (value := self._read(key)) is not None}

    async def set_many(self, entries: Mapping[str, Entry]) -> None:
        """See `Cache.set_many`."""
        for key, entry in entries.items():
            self._write(key, entry)

    async def delete(self, *keys: str) -> None:
        """See `Cache.delete`."""
        for key in keys:
            self._write(key, None)

    async def update(self, keys: Collection[str], change: Callable[[Found], tuple[Writes, T]]) -> T:
        """See `Cache.update`."""
        writes, result = change({key: self._read(key) for key in keys})
        check_writes(keys, writes)
        for key, entry in writes.items():
            self._write(key, entry)
        return result

    async def ping(self) -> None:
        """See `Cache.ping`."""

    async def start(self) -> None:
        """See `Cache.start`."""

    async def stop(self) -> None:
        """See `Cache.stop`."""

    def _read(self, key: str) -> bytes | None:
        value, expires = self._entries.get(key, (None, 0.0))
        return value if expires > self._clock() else None

    def _write(self, key: str, entry: Entry | None) -> None:
        if entry is None:
            self._entries.pop(key, None)
            return
        now = self._clock()
        self._entries[key] = (entry.value, now + entry.ttl)
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            self._entries = {k: v for k, v in self._entries.items() if v[1] > now}
