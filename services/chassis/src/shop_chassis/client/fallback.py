"""Remembered answers for when the callee gives none (stale-if-error, RFC 5861), with an age limit."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from shop_chassis.cache import Cache, CacheUnavailable, Entry
from shop_chassis.client.errors import CalleeUnavailable

M = TypeVar("M", bound=BaseModel)

_MOST_WRITTEN = 10_000


@dataclass(frozen=True, slots=True)
class Recalled(Generic[M]):
    """Answers by key: the callee's own, or with a `cause` remembered ones, of which some may lack."""

    values: Mapping[str, M]
    as_of: datetime
    """When the callee said so; of remembered answers the oldest."""
    cause: CalleeUnavailable | None = None

    @property
    def stale(self) -> bool:
        """Whether the callee did not answer, so that things may have changed since."""
        return self.cause is not None


class LastGood(Generic[M]):
    """Keeps the last good answer about each key in a cache that all replicas share."""

    def __init__(
        self,
        cache: Cache,
        prefix: str,
        model: type[M],
        *,
        max_age: float,
        rewrite_after: float = 60.0,
        on_fallback: Callable[[bool], None] = lambda found: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Answers older than `max_age` seconds are not given out; unchanged ones are rewritten every
        `rewrite_after` seconds at most, so their `as_of` may lag by that much.
        """
        self._cache = cache
        self._prefix = prefix
        self._model = model
        self._max_age = max_age
        self._rewrite_after = rewrite_after
        self._on_fallback = on_fallback
        self._now = now
        self._written: dict[str, tuple[M, float]] = {}

    async def fetch(
        self, keys: Collection[str], load: Callable[[], Awaitable[Mapping[str, M]]]
    ) -> Recalled[M]:
        """What `load` answers about `keys`, or what is remembered when it raises `CalleeUnavailable`.

        A key that the callee answers nothing about is forgotten. A failing cache costs the memory, never the
        callee's answer.
        """
        try:
            values = await load()
        except CalleeUnavailable as cause:
            return await self._recall(keys, cause)
        now = self._now()
        try:
            await self._remember(keys, values, now)
        except CacheUnavailable:
            self._written.clear()
        return Recalled(values, datetime.fromtimestamp(now, UTC))

    async def _remember(self, keys: Collection[str], values: Mapping[str, M], now: float) -> None:
        if len(self._written) > _MOST_WRITTEN:
            self._written.clear()
        changed = {key: value for key, value in values.items() if not self._is_written(key, value, now)}
        await self._cache.set_many(
            {
                self._prefix + key: Entry(f"{now} {value.model_dump_json()}".encode(), self._max_age)
                for key, value in changed.items()
            }
        )
        self._written.update((key, (value, now)) for key, value in changed.items())
        gone = [key for key in keys if key not in values]
        await self._cache.delete(*(self._prefix + key for key in gone))
        for key in gone:
            self._written.pop(key, None)

    def _is_written(self, key: str, value: M, now: float) -> bool:
        written = self._written.get(key)
        return written is not None and written[0] == value and now - written[1] < self._rewrite_after

    async def _recall(self, keys: Collection[str], cause: CalleeUnavailable) -> Recalled[M]:
        try:
            found = await self._cache.get_many([self._prefix + key for key in keys])
        except CacheUnavailable as error:
            raise cause from error
        values: dict[str, M] = {}
        oldest = now = self._now()
        for name, stored in found.items():
            said_at, _, body = stored.partition(b" ")
            try:
                value = self._model.model_validate_json(body)
            except ValidationError:
                continue  # written by a version with other fields
            if now - float(said_at) <= self._max_age:
                values[name.removeprefix(self._prefix)] = value
                oldest = min(oldest, float(said_at))
        self._on_fallback(bool(values))
        return Recalled(values, datetime.fromtimestamp(oldest, UTC), cause)
