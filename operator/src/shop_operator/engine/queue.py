"""A queue of keys: each at most once, urgent ones first, failed ones again later."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Priority(IntEnum):
    """Repairs go first: while a thousand services are made, one that broke does not wait."""

    REPAIR = 0
    NORMAL = 1


class Queue(Generic[K]):
    """Keys to work on.

    A key that is added while it waits is not added twice, only made more urgent; one that is added while it
    is in work is queued again as soon as that work is `done`. So a key is never in work twice at a time.
    """

    def __init__(
        self,
        *,
        first_backoff: float = 0.05,
        last_backoff: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first_backoff, self._last_backoff, self._clock = first_backoff, last_backoff, clock
        self._heap: list[tuple[Priority, int, K]] = []
        self._order = itertools.count()
        self._waiting: dict[K, tuple[Priority, float]] = {}
        self._again: dict[K, Priority] = {}
        self._in_work: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        # Who waits for a key: for any, and for urgent ones alone.
        self._getters: dict[Priority, deque[asyncio.Future[None]]] = {p: deque() for p in Priority}

    def add(self, key: K, priority: Priority = Priority.NORMAL) -> None:
        """Queue the key now, even if it was to wait for a retry."""
        self._cancel_timer(key)
        if key in self._in_work:
            self._again[key] = min(priority, self._again.get(key, priority))
            return
        waiting = self._waiting.get(key)
        if waiting and waiting[0] <= priority:
            return
        self._waiting[key] = (priority, waiting[1] if waiting else self._clock())
        heapq.heappush(self._heap, (priority, next(self._order), key))
        self._wake_one(priority)

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.NORMAL) -> None:
        """Queue the key in a while, unless something adds it sooner."""
        self._cancel_timer(key)
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(seconds, self.add, key, priority)

    async def get(self, at_least: Priority = Priority.NORMAL) -> K:
        """The most urgent key, the oldest among equals; it is in work until `done` or `failed`.

        With REPAIR, only keys that are as urgent: such a worker is free when all others are busy.
        """
        while True:
            while self._heap and self._heap[0][0] <= at_least:
                priority, _, key = heapq.heappop(self._heap)
                # An entry that was overtaken by a more urgent one of the same key is skipped here.
                if key in self._waiting and self._waiting[key][0] == priority:
                    del self._waiting[key]
                    self._in_work[key] = self._clock()
                    return key
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters[at_least].append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled() and self._heap:
                    self._wake_one(self._heap[0][0])
                raise

    def done(self, key: K) -> None:
        """The work on the key succeeded."""
        self._failures.pop(key, None)
        self._finish(key)

    def failed(self, key: K, *, at_least: float = 0.0) -> float:
        """The work failed: the key comes again after a growing, jittered delay, returned in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(self._first_backoff * 2.0 ** min(failures - 1, 30), self._last_backoff)
        delay = max(delay * random.uniform(0.5, 1.0), at_least)
        # What happened meanwhile is no reason to hurry: a failing key must not become a hot loop.
        priority = self._again.pop(key, Priority.NORMAL)
        self._in_work.pop(key, None)
        self.add_after(key, delay, priority)
        return delay

    @property
    def depth(self) -> int:
        """Number of keys that wait."""
        return len(self._waiting)

    @property
    def in_work(self) -> int:
        """Number of keys that are worked on."""
        return len(self._in_work)

    @property
    def failing(self) -> int:
        """Number of keys whose last work failed."""
        return len(self._failures)

    @property
    def age(self) -> float:
        """Seconds that the oldest waiting key has waited."""
        return max((self._clock() - since for _, since in self._waiting.values()), default=0.0)

    @property
    def longest_work(self) -> float:
        """Seconds since the oldest work that is not finished began."""
        return max((self._clock() - since for since in self._in_work.values()), default=0.0)

    def _finish(self, key: K) -> None:
        self._in_work.pop(key, None)
        if key in self._again:
            self.add(key, self._again.pop(key))

    def _cancel_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def _wake_one(self, priority: Priority) -> None:
        for at_least in Priority:
            getters = self._getters[at_least]
            while getters and at_least >= priority:
                getter = getters.popleft()
                if not getter.done():
                    getter.set_result(None)
                    return
