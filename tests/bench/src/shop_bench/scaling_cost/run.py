"""Steps of load under both autoscalers, at three targets in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shop_bench.autoscaling import run
from shop_bench.autoscaling.treatments import AUTOSCALERS

CURVE = replace(run.FULL, rounds=4, targets=(39, 52, 78), treatments=AUTOSCALERS, sale=None)
QUICK = replace(run.QUICK, targets=(39, 78), treatments=AUTOSCALERS, sale=None)


def measure(quick: bool, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """What `shop-bench scaling_cost` calls."""
    return run.measured("scaling-cost-quick" if quick else "scaling-cost", QUICK if quick else CURVE, tell)
