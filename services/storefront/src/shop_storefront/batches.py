"""Answers by key of a neighbour that gives many at a time: what pages want anew is asked for together."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable, Mapping, Sequence
from contextvars import Context
from typing import Any, Generic, TypeVar

import structlog

from shop_storefront.parts import FAILURES, PAUSE, QUIETLY

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Batched(Generic[K, T]):
    """As `Remembered`, for whom one question costs hardly more than another: behind the pages' backs there is
    one at a time, for all that any page has wanted meanwhile.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[Sequence[K]], Coroutine[Any, Any, Mapping[K, T]]],
        *,
        fresh: float,
        at_once: int,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` takes up to `at_once` keys, and leaves out of its answer what is not there. Up to `most`
        answers are kept.
        """
        self._name = name
        self._load = load
        self._fresh = fresh
        self._at_once = at_once
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[K, tuple[T, float]] = OrderedDict()
        self._due: dict[K, None] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._pause_until = 0.0

    async def get(self, keys: Collection[K]) -> dict[K, T]:
        """Those that are there, of up to `at_once`. Waits only for what is not known, or was long ago; raises
        what the neighbour's failure raises (CallError, TimeoutError) when none of them was ever known.
        """
        ages = {key: self._age(key) for key in keys}
        unknown = [key for key, age in ages.items() if age > QUIETLY * self._fresh]
        self._renew(key for key, age in ages.items() if self._fresh < age <= QUIETLY * self._fresh)
        if unknown:
            try:
                await self._ask(unknown)
            except FAILURES:
                if not any(key in self._kept for key in ages):
                    raise
        return {key: self._kept[key][0] for key in ages if key in self._kept}

    def _age(self, key: K) -> float:
        kept = self._kept.get(key)
        return float("inf") if kept is None else self._clock() - kept[1]

    async def _ask(self, keys: Sequence[K]) -> None:
        asked_at = self._clock()
        found = await self._load(keys)
        for key in keys:
            self._kept.pop(key, None)
        self._kept.update((key, (value, asked_at)) for key, value in found.items())
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _renew(self, keys: Iterable[K]) -> None:
        if self._clock() < self._pause_until:
            return
        self._due.update(dict.fromkeys(keys))
        if self._due and self._renewing is None:
            # Not with the deadline of the request that happened to come first.
            loop = asyncio.get_running_loop()
            self._renewing = loop.create_task(self._renew_all(), context=Context())

    async def _renew_all(self) -> None:
        try:
            while self._due:
                keys = [*self._due][: self._at_once]
                for key in keys:
                    del self._due[key]
                await self._ask(keys)
        except FAILURES as error:
            self._due.clear()
            self._pause_until = self._clock() + PAUSE
            log.warning("answers cannot be renewed", part=self._name, error=str(error) or "no answer in time")
        except Exception:
            self._due.clear()
            log.exception("a part cannot be read", part=self._name)
        finally:
            self._renewing = None
