"""Panels of dashboards as JSON, and what Prometheus answers to their queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
RATE_INTERVAL = "1m"
"""What Grafana makes of $__rate_interval with a scrape interval of 15 s."""


@dataclass(frozen=True)
class Panel:
    """One panel of one dashboard, its variables filled in."""

    dashboard: str
    """`uid` of the dashboard; that of a service is `shop_catalog`."""
    row: str
    title: str
    queries: tuple[str, ...]
    says_nothing: str
    """What it says where there is no series; empty: there has to be one."""

    @property
    def kind(self) -> tuple[str, str]:
        """The same for the same panel of all services."""
        return ("service" if "_" in self.dashboard else self.dashboard, self.title)


def of_configmaps(configmaps: Iterable[Json]) -> Iterator[Panel]:
    """Of those that Grafana's sidecar would load."""
    for configmap in configmaps:
        for text in configmap["data"].values():
            yield from of_dashboard(json.loads(text))


def of_dashboard(dashboard: Json, rate_interval: str = RATE_INTERVAL) -> Iterator[Panel]:
    """All of them but the rows, from the top to the bottom."""
    values = {"__rate_interval": rate_interval} | {
        variable["name"]: variable["query"]
        for variable in dashboard.get("templating", {}).get("list", ())
        if variable["type"] == "constant"
    }
    row = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
            continue
        queries = [target["expr"] for target in panel.get("targets", ())]
        for name, value in values.items():
            queries = [query.replace(f"${name}", value) for query in queries]
        nothing = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
        yield Panel(dashboard["uid"], row, panel["title"], tuple(queries), nothing)


Points = dict[str, list[tuple[float, float]]]
"""By series: times, in seconds since the epoch, and values that are numbers."""


def points(prometheus: httpx.Client, panel: Panel, start: float, end: float, step: float) -> Points:
    """What its queries give between two times, every `step` seconds; only series with a number."""
    found: Points = {}
    for query in panel.queries:
        asked: dict[str, str | float] = {"query": query, "start": start, "end": end, "step": step}
        answer = prometheus.get("/api/v1/query_range", params=asked)
        assert answer.is_success, f"{panel}: {query}: {answer.text}"
        for series in answer.json()["data"]["result"]:
            told = [(float(at), float(value)) for at, value in series["values"]]
            if numbers := [(at, value) for at, value in told if value == value]:
                found[f"{query} {sorted(series['metric'].items())}"] = numbers
    return found


def stands_out(told: Points, since: float) -> bool:
    """Whether a series has been, since then, where it was not before: above its most or below its least.

    One that was not there before has been at 0.
    """
    for series in told.values():
        before = [value for at, value in series if at < since] or [0.0]
        after = [value for at, value in series if at >= since]
        if after and (max(after) > max(before) or min(after) < min(before)):
            return True
    return False
