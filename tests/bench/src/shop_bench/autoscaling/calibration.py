"""What to compare with: a load that one pod cannot carry, and the CPU target under which as many pods run."""

from __future__ import annotations

import math
from collections.abc import Callable

from shop_platform.process import Failure

SPARE = 0.25
"""Of a pod at the plateau: so many that chance does not ask for another one."""
TRIES = 7
APART = 1.4
"""By what a target is changed until the right one is between two that were tried."""
CARRIED, TOO_MUCH = 0.95, 1.2
"""Of a rate that is asked: answered all but for chance; of what one pod answers: a little too much."""


class NotFound(Failure):
    """No target that was tried gave the wanted number of pods."""


def target_for(rate: float, pods: int) -> int:
    """What one pod is to carry for an HPA to run `pods` of them at this rate, with `SPARE`: ⌈rate / target⌉.

    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
    """
    return math.ceil(rate / (pods - SPARE))


def full(answered: Callable[[float], float], guess: float) -> float:
    """The rate at which one pod is full; `answered` is how much of a rate is answered. Raises NotFound.

    That is what it answers of a little too much: of far too much it is less, as to take in what nobody
    will answer costs something too.
    """
    asked, more = guess, 2.0
    for _ in range(TRIES):
        found = answered(asked)
        if found > CARRIED * asked:
            asked *= more
        elif more == TOO_MUCH:
            return found
        else:
            asked, more = TOO_MUCH * found, TOO_MUCH
    raise NotFound(f"expected a load that one pod cannot carry, found that it answers {found:.0f} requests/s")


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
