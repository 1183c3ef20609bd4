"""Remote parts of a page: each has its own deadline, and a page comes without those that did not.

    tree, mine = await gather(catalog.tree.get(None), parts.ask("recommendations", of_this_visitor()))

`Remembered` keeps what is the same for everybody: a page asks nobody while it is fresh, and has the last
answer while the neighbour is away.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter
from shop_chassis.cache import CacheUnavailable
from shop_chassis.client import CallError, NotFound

log = structlog.get_logger(__name__)

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

WITHIN = 0.5
"""Seconds that a page waits for a part, where nothing else is said."""
FAILURES = (CallError, CacheUnavailable, TimeoutError)
"""Of a neighbour, not of ours."""
PAUSE = 1.0
"""Seconds after a failure in which nobody asks again: pages do not all wait for the same absence."""
QUIETLY = 5
"""Up to so many times `fresh` an answer is given out while the next is on its way; an older one only where
the neighbour fails."""


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What a page got."""

    value: T | None = None
    """None: nothing, and nothing was remembered."""
    stale: bool = False
    """The neighbour did not answer: this is what it said last."""

    @property
    def missing(self) -> bool:
        """Whether the page is without it."""
        return self.value is None


class Parts:
    """Asks for parts, and counts what came of it."""

    def __init__(self, registry: CollectorRegistry, patience: float = 1.0) -> None:
        """`patience` times all deadlines."""
        self.patience = patience
        self._counter = Counter(
            "storefront_parts_total",
            "Remote parts of pages: fresh, stale (the last answer), missing",
            ["part", "outcome"],
            registry=registry,
        )

    async def ask(self, name: str, answer: Awaitable[T], *, within: float = WITHIN) -> Part[T]:
        """The answer, or a missing part after `within` seconds and after any failure of the neighbour."""
        try:
            async with asyncio.timeout(within * self.patience):
                part = Part(await answer)
        except FAILURES as error:
            log.warning("a page came without a part", part=name, error=_why(error))
            part = Part()
        self.count(name, part)
        return part

    def count(self, name: str, part: Part[Any]) -> None:
        """Notes what came of a part."""
        outcome = "missing" if part.missing else "stale" if part.stale else "fresh"
        self._counter.labels(name, outcome).inc()


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    at: float


@dataclass(slots=True, frozen=True)
class _Failure:
    error: Exception
    at: float


class Remembered(Generic[K, T]):
    """Answers by key, for everybody. Asked for again when they are older than `fresh` seconds, by one request
    at a time and behind the pages' backs; given out for `kept` seconds when there is no other.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[K], Coroutine[Any, Any, T]],
        parts: Parts,
        *,
        fresh: float,
        kept: float = 86400.0,
        most: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._load = load
        self._parts = parts
        self._fresh = fresh
        self._kept = kept
        self._most = most
        self._clock = clock
        self._answers: OrderedDict[K, _Kept[T]] = OrderedDict()
        self._failures: dict[K, _Failure] = {}
        self._loading: dict[K, asyncio.Task[None]] = {}

    async def get(self, key: K, *, within: float = WITHIN) -> Part[T]:
        """The answer; waits for the neighbour only where nothing recent is known."""
        part = await self._get(key, within)
        self._parts.count(self._name, part)
        return part

    async def need(self, key: K, *, within: float = 2.0) -> Part[T]:
        """As `get`, for what a page is about: raises what the neighbour's failure raises (CallError,
        TimeoutError) when nothing is remembered.
        """
        kept = self._answers.get(key)
        age = math.inf if kept is None else self._clock() - kept.at
        if kept is not None and age <= self._fresh:
            return Part(kept.value)
        failure = self._failures.get(key)
        if failure is not None and self._clock() - failure.at < PAUSE:
            if kept is None or age > self._kept:
                raise failure.error
            return Part(kept.value, stale=True)
        task = self._ask(key)
        if kept is not None and age <= QUIETLY * self._fresh:
            return Part(kept.value, stale=failure is not None)
        try:
            async with asyncio.timeout(within * self._parts.patience):
                await asyncio.shield(task)
        except NotFound:
            raise
        except FAILURES:
            if kept is None or age > self._kept:
                raise
            return Part(kept.value, stale=True)
        return Part(self._answers[key].value)

    def forget(self, key: K) -> None:
        """The next page asks anew."""
        self._answers.pop(key, None)

    async def _get(self, key: K, within: float) -> Part[T]:
        try:
            return await self.need(key, within=within)
        except FAILURES as error:
            log.warning("a page came without a part", part=self._name, error=_why(error))
            return Part()

    def _ask(self, key: K) -> asyncio.Task[None]:
        task = self._loading.get(key)
        if task is None:
            # Not with the deadline of the request that happened to come first.
            task = asyncio.get_running_loop().create_task(self._fetch(key), context=Context())
            self._loading[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return task

    async def _fetch(self, key: K) -> None:
        self._answers[key] = _Kept(await self._load(key), self._clock())
        self._failures.pop(key, None)
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def _done(self, key: K, task: asyncio.Task[None]) -> None:
        self._loading.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, NotFound):
            self._answers.pop(key, None)
        elif isinstance(error, FAILURES):
            if len(self._failures) > self._most:
                self._failures.clear()
            self._failures[key] = _Failure(error, self._clock())
        elif error is not None:
            log.error("a part cannot be read", part=self._name, exc_info=error)


def _why(error: BaseException) -> str:
    return str(error) or "no answer in time"
