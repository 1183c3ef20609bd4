"""Comparing treatments: paired differences with an interval, and curves of cost against latency."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise

RESAMPLES = 10_000
Point = tuple[float, float]
"""Pod-seconds, and the p99 that they bought."""


def interval(
    values: Sequence[float],
    *,
    of: Callable[[Sequence[float]], float] = statistics.median,
    level: float = 0.95,
    seed: int = 1,
) -> tuple[float, float]:
    """A percentile bootstrap interval of `of(values)`; the same each time for one seed.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Raises ValueError for no values.
    """
    if not values:
        raise ValueError("expected values to draw from, found none")
    chance = random.Random(seed)
    found = sorted(of(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - level) / 2
    return found[int(tail * RESAMPLES)], found[math.ceil((1 - tail) * RESAMPLES) - 1]


def paired(first: dict[int, float], second: dict[int, float]) -> list[float]:
    """second − first in each round that has both."""
    return [second[number] - first[number] for number in sorted(first.keys() & second.keys())]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value with at least `share` of the values at or below it. Raises ValueError for none."""
    if not values:
        raise ValueError("expected values, found none")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latency_at(curve: Sequence[Point], cost: float) -> float:
    """What a curve buys for so much: straight between its points; outside of them, the nearest one's.

    A treatment that was never as cheap is given the benefit of the doubt: its cheapest latency.
    """
    points = sorted(curve)
    if not points:
        raise ValueError("expected a curve, found no points")
    if cost <= points[0][0]:
        return points[0][1]
    for (left, before), (right, after) in pairwise(points):
        if cost <= right:
            return before + (after - before) * (cost - left) / (right - left) if right > left else after
    return points[-1][1]


def excess(own: Sequence[Point], other: Sequence[Point]) -> list[float]:
    """For each point of `own`, in order of cost: its latency by what the other curve buys for as much."""
    return [latency / latency_at(other, cost) for cost, latency in sorted(own)]
