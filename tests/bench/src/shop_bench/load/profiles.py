"""How many people come, as functions of time, and when each of them does."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Rate = Callable[[float], float]
"""People per second at a time in seconds since the beginning."""

EVERYBODY = {"browse": 70, "fill": 20, "buy": 10}
"""What people come for, by weight."""


@dataclass(frozen=True)
class Shape:
    """What a profile is made from. Rates in people per second, times in seconds."""

    base: float = 1.0
    peak: float = 6.0
    before: float = 30.0
    """Until something happens."""
    hold: float = 60.0
    """For how long it does; of a spike, until a third of it is left; of a wave, its day."""
    after: float = 60.0
    mix: Mapping[str, float] = field(default_factory=lambda: dict(EVERYBODY))

    def __post_init__(self) -> None:
        if not 0 <= self.base <= self.peak or self.peak == 0:
            raise ValueError(f"expected 0 ≤ base ≤ peak and 0 < peak, found {self.base:g} and {self.peak:g}")
        if min(self.before, self.after) < 0 or self.hold <= 0:
            raise ValueError("expected before and after of no less than 0 s, and hold of more")

    @property
    def seconds(self) -> float:
        """From the first to the last arrival."""
        return self.before + self.hold + self.after


@dataclass(frozen=True)
class Stream:
    """People of a kind: what they come for, by weight, and how many of them come."""

    name: str
    mix: Mapping[str, float]
    rate: Rate
    highest: float
    """No rate is above it."""


def steady(shape: Shape) -> list[Stream]:
    """As many all along: `base`."""
    return [Stream("everybody", shape.mix, lambda at: shape.base, shape.base)]


def step(shape: Shape) -> list[Stream]:
    """`base`, at once `peak`, and at once `base` again."""

    def rate(at: float) -> float:
        return shape.peak if 0 <= at - shape.before < shape.hold else shape.base

    return [Stream("everybody", shape.mix, rate, shape.peak)]


def spike(shape: Shape) -> list[Stream]:
    """`base`, at once `peak`, which then fades away."""
    return [Stream("everybody", shape.mix, _fading(shape, shape.base), shape.peak)]


def wave(shape: Shape) -> list[Stream]:
    """A day in `hold` seconds, from its quietest moment on: between `base` and `peak` as a cosine."""

    def rate(at: float) -> float:
        return shape.base + (shape.peak - shape.base) * (1 - math.cos(math.tau * at / shape.hold)) / 2

    return [Stream("everybody", shape.mix, rate, shape.peak)]


def sale(shape: Shape) -> list[Stream]:
    """Everybody as usual; and a spike of people who want one product, which is on sale."""
    crowd = Stream("crowd", {"bargain": 1}, _fading(shape, 0.0), shape.peak)
    return [*steady(shape), crowd]


def _fading(shape: Shape, base: float) -> Rate:
    def rate(at: float) -> float:
        if at < shape.before:
            return base
        return base + (shape.peak - base) * math.exp(-(at - shape.before) / shape.hold)

    return rate


PROFILES: dict[str, Callable[[Shape], list[Stream]]] = {
    one.__name__: one for one in (steady, step, spike, wave, sale)
}


def arrivals(chance: random.Random, stream: Stream, seconds: float) -> Iterator[tuple[float, str]]:
    """When each of a stream comes, and for what: a Poisson process of that rate.

    By thinning: Lewis and Shedler, Simulation of nonhomogeneous Poisson processes, 1979.
    """
    kinds, weights = list(stream.mix), list(stream.mix.values())
    at = 0.0
    while stream.highest > 0:
        at += chance.expovariate(stream.highest)
        if at >= seconds:
            return
        # Both are drawn for everybody: who is turned away does not change what the next one comes for.
        kept, kind = chance.random() * stream.highest < stream.rate(at), chance.choices(kinds, weights)[0]
        if kept:
            yield at, kind


def everybody(seed: str, streams: list[Stream], seconds: float) -> list[tuple[float, str]]:
    """All arrivals of all streams, in order; each stream has chances of its own, from the seed."""
    found = [
        each
        for stream in streams
        for each in arrivals(random.Random(f"{seed} {stream.name}"), stream, seconds)
    ]
    return sorted(found)
