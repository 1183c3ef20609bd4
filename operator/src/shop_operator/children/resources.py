"""Requests and limits: what was asked for, and sensible values for what was not."""

from typing import Any

from shop_operator.api import Resources


def merged(wanted: Resources | None, default: dict[str, Any]) -> dict[str, Any]:
    """What was asked for; a request that it leaves open is the default's, or the limit where there is one.

    Requests are always there: the scheduler and an autoscaler on Cpu or Memory need them. A default limit
    beside other requests would be a guess, and too low a one kills: there is none then.
    """
    if wanted is None:
        return default
    limits = wanted.limits or {}
    requests = {name: limits.get(name, amount) for name, amount in default["requests"].items()}
    result: dict[str, Any] = {"requests": {**requests, **(wanted.requests or {})}}
    if limits:
        result["limits"] = limits
    return result
