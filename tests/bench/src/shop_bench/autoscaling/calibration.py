"""Which CPU target is comparable: the one under which as many pods run at the plateau."""

from __future__ import annotations

from collections.abc import Callable

TRIES = 7
APART = 1.4
"""By what a target is changed until the right one is between two that were tried."""


class NotFound(Exception):  # noqa: N818 - the message says what was tried
    """No target that was tried gave the wanted number of pods."""


def pods_for(rate: float, target: float) -> int:
    """How many pods an HPA runs for a sum of this size: ⌈rate / target⌉.

    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
    """
    return max(1, -int(-rate // target))


def first_guess(utilisation: float, pods: int, rate: float, target: float) -> int:
    """The CPU target, in per cent, under which `pods` pods are as near to their limit as by the other metric.

    `utilisation` is what was measured of that many pods at the plateau; `rate` of all of them is what the
    other metric sees, and `target` what one is to carry.
    """
    return max(1, round(utilisation * pods * target / rate))


def search(plateau: Callable[[int], int], guess: int, wanted: int) -> tuple[int, list[tuple[int, int]]]:
    """The target that gives `wanted` pods, and all (target, pods) that were tried.

    More pods run under a lower target. Raises NotFound after TRIES.
    """
    tried: list[tuple[int, int]] = []
    low: int | None = None  # too many pods
    high: int | None = None  # too few
    target = guess
    while len(tried) < TRIES and target not in (each for each, _ in tried):
        found = plateau(target)
        tried.append((target, found))
        if found == wanted:
            return target, tried
        if found > wanted:
            low = target
        else:
            high = target
        if low is not None and high is not None:
            target = round((low + high) / 2)
        elif low is not None:
            target = max(low + 1, round(low * APART))
        elif high is not None:
            target = max(1, min(high - 1, round(high / APART)))
    told = ", ".join(f"{target} %: {found}" for target, found in tried)
    raise NotFound(f"expected a CPU target that gives {wanted} pods at the plateau, found {told}")
