"""A load on one service, and what is seen of it: rate, latencies, and the CPU of everybody who takes part."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from shop_platform.openload import Paced, Sample, Send, summarise, tried

from shop_bench.figures import Row

Clock = Callable[[], float]
"""CPU seconds that a party has used so far."""


class Load(Protocol):
    """Sends from `run` to `stop`."""

    samples: list[Sample]

    def stop(self) -> None:
        """No more requests; those on their way are waited for."""

    async def run(self) -> None:
        """Sends until `stop`."""


class Saturating:
    """So many at a time, each as soon as one of them was answered."""

    def __init__(self, send: Send, at_a_time: int) -> None:
        self._send, self._at_a_time = send, at_a_time
        self._stopped = False
        self.samples: list[Sample] = []

    def stop(self) -> None:
        """No more requests; those on their way are waited for."""
        self._stopped = True

    async def run(self) -> None:
        """Sends until `stop`."""
        await asyncio.gather(*(self._one_after_another() for _ in range(self._at_a_time)))

    async def _one_after_another(self) -> None:
        while not self._stopped:
            sample = await tried(self._send, time.monotonic())
            self.samples.append(sample)
            if sample.error:
                # One that is refused at once must not become a flood of refusals.
                await asyncio.sleep(0.01)


def at_rate(send: Send, per_second: float) -> Paced:
    """An open load: requests leave on schedule, answered or not."""
    return Paced(send, lambda _at: per_second)


async def measure(load: Load, parties: Mapping[str, Clock], *, warm: float, seconds: float) -> Row:
    """Figures of `seconds`, after `warm` seconds that do not count. The first party is what is loaded."""
    running = asyncio.create_task(load.run())
    await asyncio.sleep(warm)
    before, begun = {name: clock() for name, clock in parties.items()}, time.monotonic()
    await asyncio.sleep(seconds)
    used = {name: clock() - before[name] for name, clock in parties.items()}
    ended = time.monotonic()
    load.stop()
    await running
    return figures([one for one in load.samples if begun <= one.due < ended], ended - begun, used)


def figures(samples: Iterable[Sample], seconds: float, used: Mapping[str, float]) -> Row:
    """Of requests that were due in so many seconds, and the CPU seconds of each party meanwhile.

    What failed counts neither as a request answered nor in the latencies.
    """
    found = summarise(samples, seconds)
    good = found.count - found.failed
    cpu = next(iter(used.values()))
    return {
        "seconds": round(seconds, 2),
        "answered": good,
        "failed": found.failed,
        "errors": list(found.errors),
        "per_second": round(good / seconds, 1),
        "per_core": round(good / cpu, 1) if cpu else None,
        "cpu_us_per_request": round(cpu / good * 1e6, 1) if good else None,
        "p50_ms": round(found.p50 * 1000, 2) if good else None,
        "p99_ms": round(found.p99 * 1000, 2) if good else None,
        "cores": {name: round(value / seconds, 2) for name, value in used.items()},
    }
