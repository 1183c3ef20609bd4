"""An open-model load: requests leave on schedule, whether or not earlier ones were answered.

Latency counts from the moment a request was due, so a stalled service cannot hide behind a stalled client.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

IN_FLIGHT = 1000  # at most; a request that would be one more fails at once
TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class Sample:
    """One request: when it was due (monotonic seconds), seconds to its answer, and what was wrong with it."""

    due: float
    latency: float
    error: str = ""


@dataclass(frozen=True)
class Summary:
    """Samples as numbers: requests per second, seconds at percentiles of the good ones, failures."""

    count: int
    rate: float
    p50: float
    p99: float
    failed: int
    errors: tuple[str, ...]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value with at least `share` of the values at or below it; nan of nothing."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summarise(samples: Iterable[Sample], seconds: float) -> Summary:
    """Numbers of the samples of a period that lasted `seconds`."""
    every = list(samples)
    good = sorted(sample.latency for sample in every if not sample.error)
    errors = sorted({sample.error for sample in every if sample.error})
    return Summary(
        len(every),
        len(every) / seconds if seconds > 0 else 0.0,
        percentile(good, 0.5),
        percentile(good, 0.99),
        len(every) - len(good),
        tuple(errors),
    )


def ramp(start: float, end: float, over: float) -> Callable[[float], float]:
    """Requests per second at a time in seconds: a line from `start` to `end`, level after `over`."""
    return lambda at: start + (end - start) * min(1.0, at / over)


Send = Callable[[], Awaitable[str]]
"""Sends one request; what was wrong with its answer, nothing for a good one. May raise OSError."""


async def tried(send: Send, due: float) -> Sample:
    """One request, given up after TIMEOUT; its latency counts from `due`."""
    error = ""
    try:
        async with asyncio.timeout(TIMEOUT):
            error = await send()
    except TimeoutError:
        error = f"no answer in {TIMEOUT:.0f} s"
    except OSError as failure:
        error = os.strerror(failure.errno) if failure.errno else type(failure).__name__
    return Sample(due, time.monotonic() - due, error)


class Paced:
    """Sends at a rate that changes with time; `stop` ends it."""

    def __init__(self, send: Send, rate: Callable[[float], float]) -> None:
        self._send = send
        self._rate = rate
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.samples: list[Sample] = []
        self._recent: deque[Sample] = deque()

    def stop(self) -> None:
        """No more requests; those on their way are waited for."""
        self._stopped.set()

    def recent(self, seconds: float) -> Summary:
        """Numbers of the requests that were due in the last seconds and have ended."""
        begin = time.monotonic() - seconds
        while self._recent and self._recent[0].due < begin:
            self._recent.popleft()
        return summarise(self._recent, seconds)

    async def run(self) -> None:
        """Sends until `stop`."""
        begun = due = time.monotonic()
        while not self._stopped.is_set():
            due += 1 / self._rate(due - begun)
            if (pause := due - time.monotonic()) > 0:
                # A timer per request is what limits the rate of a process; nothing else is in the way.
                await asyncio.sleep(pause)
            if len(self._tasks) >= IN_FLIGHT:
                self._ended(Sample(due, 0.0, f"{IN_FLIGHT} requests unanswered"))
                continue
            task = asyncio.create_task(self._one(due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.gather(*self._tasks)

    def _ended(self, sample: Sample) -> None:
        self.samples.append(sample)
        self._recent.append(sample)

    async def _one(self, due: float) -> None:
        self._ended(await tried(self._send, due))


class OpenLoad(Paced):
    """Sends GET requests to paths in turn, each on a connection of its own.

    Services balance connections, and only new ones reach new pods.
    """

    def __init__(self, base: str, paths: Sequence[str], rate: Callable[[float], float]) -> None:
        super().__init__(self._get, rate)
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port or 80
        host = parts.netloc
        self._requests = itertools.cycle(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode() for path in paths
        )

    async def _get(self) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(next(self._requests))
            answer = await reader.read(-1)
        finally:
            writer.close()
        status = answer[9:12].decode(errors="replace")
        head, _, body = answer.partition(b"\r\n\r\n")
        if not answer:
            return "connection closed without an answer"
        if status != "200":
            return f"status {status}"
        length = next(
            (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None
        )
        return "answer cut short" if length and int(length[15:]) != len(body) else ""
