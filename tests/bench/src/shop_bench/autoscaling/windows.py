"""How soon a step is seen, and how often chance is taken for one, with other windows of the same query.

`python -m shop_bench.autoscaling.windows` prints the table of docs/autoscaling.md. It is a simulation:
requests come by chance (a Poisson process), scrapes and looks of the HPA at any moment, and Prometheus'
rate() is the difference of a window's last and first sample by the time between them, as it is where samples
are evenly spaced: https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
"""

from __future__ import annotations

import math
import random
import statistics
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shop_operator.children import podmonitor, signals

from shop_bench.autoscaling.step import PERIOD_SECONDS

TOLERANCE = 0.1
"""Of the HPA controller, as shipped."""
KNOWN_SECONDS = 0.1
"""From a scrape until a query has it."""
BEFORE, ANSWERED, TARGET = 31.0, 140.0, 61.0
"""Requests per second: before a step, as many as one pod answers since then, and what one is to carry."""
LOAD, SMALL_TARGET = 18.0, 20.0
"""Of each pod while nothing changes, and the smallest target of the shop: few requests are many by chance."""
TRIALS, HOURS = 4000, 200


@dataclass(frozen=True)
class Query:
    """The largest of a few rates, each for a share of itself."""

    every: float
    """Seconds between two scrapes."""
    rates: tuple[tuple[float, float], ...]
    """Window in seconds, share."""

    def __str__(self) -> str:
        parts = (
            f"{share:g} × {window:g} s" if share < 1 else f"{window:g} s" for window, share in self.rates
        )
        return f"{', '.join(parts)}; scraped every {self.every:g} s"

    def value(self, times: Sequence[float], counts: Sequence[int], at: float) -> float:
        """At a time, from samples of a counter; 0 where no window has two of them."""
        last = bisect_right(times, at - KNOWN_SECONDS) - 1
        found = [0.0]
        for window, share in self.rates:
            first = bisect_right(times, at - window)
            if first < last:
                found.append(share * (counts[last] - counts[first]) / (times[last] - times[first]))
        return max(found)


def seen_after(query: Query, chance: random.Random) -> float:
    """Seconds from a step, of a service with one pod, to the look of the HPA that asks for more."""
    samples = _scraped(query.every, lambda at: BEFORE if at < 0 else ANSWERED, 60, chance)
    at = chance.uniform(0, PERIOD_SECONDS)
    while query.value(*samples, at) <= (1 + TOLERANCE) * TARGET:
        at += PERIOD_SECONDS
    return at


def alarms_per_hour(query: Query, pods: int, chance: random.Random) -> float:
    """How often more pods are asked for though these carry the load."""
    seconds = HOURS * 3600
    samples = _scraped(query.every, lambda _: LOAD * pods, seconds, chance)
    looks = (PERIOD_SECONDS * number for number in range(int(seconds / PERIOD_SECONDS)))
    limit = (1 + TOLERANCE) * SMALL_TARGET * pods
    return sum(query.value(*samples, at) > limit for at in looks) / HOURS


def _scraped(
    every: float, rate: Callable[[float], float], end: float, chance: random.Random
) -> tuple[list[float], list[int]]:
    """Times and counts of a counter, from some time before 0."""
    times, counts, count = [], [], 0
    at = chance.uniform(0, every) - 20 * every
    while at < end:
        since = min(max(at, 0.0), every)  # how much of the time since the last scrape was after the step
        count += _poisson(rate(at) * since + rate(at - every) * (every - since), chance)
        times.append(at)
        counts.append(count)
        at += every
    return times, counts


def _poisson(mean: float, chance: random.Random) -> int:
    """By the normal distribution where that is as good."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


OWN = Query(
    _seconds(podmonitor.SCALED_INTERVAL),
    ((_seconds(signals.RATE_WINDOW), 1), (_seconds(signals.SURGE_WINDOW), signals.SURGE_SHARE)),
)
"""What the operator has autoscalers ask."""
QUERIES = (
    Query(5, ((15, 1),)),
    Query(2, ((15, 1),)),
    Query(2, ((15, 1), (6, 0.8))),
    Query(2, ((15, 1), (4, 0.6))),
    OWN,
    Query(2, ((15, 1), (4, 0.8))),
    Query(2, ((15, 1), (4, 1))),
    Query(1, ((15, 1), (4, 0.7))),
    Query(1, ((15, 1), (2, 0.6))),
)


def lines() -> Iterator[str]:
    """Markdown."""
    yield "| rates | a step is seen after s, median | p90 | more by chance, an hour: one pod | four pods |"
    yield "|---|---:|---:|---:|---:|"
    for query in QUERIES:
        chance = random.Random(1)
        seen = sorted(seen_after(query, chance) for _ in range(TRIALS))
        alarms = (alarms_per_hour(query, pods, chance) for pods in (1, 4))
        cells = [statistics.median(seen), seen[int(0.9 * TRIALS)], *alarms]
        name = f"**{query}**" if query == OWN else query
        yield f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} |"


if __name__ == "__main__":
    print("\n".join(lines()))
