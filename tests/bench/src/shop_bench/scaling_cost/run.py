"""Steps of load under both autoscalers, for three numbers of pods in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shop_bench.autoscaling import run
from shop_bench.autoscaling.treatments import AUTOSCALERS

CURVE = replace(run.FULL, rounds=3, pods=(4, 3, 2), treatments=AUTOSCALERS)
QUICK = replace(run.QUICK, pods=(4, 2), treatments=AUTOSCALERS)


def measure(quick: bool, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """What `shop-bench scaling_cost` calls."""
    return run.measured("scaling-cost-quick" if quick else "scaling-cost", QUICK if quick else CURVE, tell)
