"""The dashboards that are in the cluster, and what Prometheus answers to their panels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]
STEP = 15
"""Seconds between the points of a series: as rules are recorded."""
RATE_INTERVAL = "1m"
"""What Grafana makes of $__rate_interval with a scrape interval of 15 s."""


@dataclass(frozen=True)
class Panel:
    """One panel of one dashboard, its variables filled in."""

    dashboard: str
    """`uid` of the dashboard; that of a service is `shop_catalog`."""
    title: str
    queries: tuple[str, ...]
    says_nothing: str
    """What it says where there is no series; empty: there has to be one."""

    @property
    def kind(self) -> tuple[str, str]:
        """The same for the same panel of all services."""
        return ("service" if "_" in self.dashboard else self.dashboard, self.title)


@dataclass(frozen=True)
class Shown:
    """What a panel showed over a while."""

    numbers: int
    """Series with a value that is a number."""
    moved: bool
    """Whether one of them changed."""


def panels(configmaps: Iterable[Json]) -> Iterator[Panel]:
    """Of the ConfigMaps that Grafana's sidecar would load."""
    for configmap in configmaps:
        for text in configmap["data"].values():
            dashboard = json.loads(text)
            for panel in dashboard["panels"]:
                if panel["type"] != "row":
                    yield _panel(dashboard, panel)


def _panel(dashboard: Json, panel: Json) -> Panel:
    values = {"__rate_interval": RATE_INTERVAL} | {
        variable["name"]: variable["query"]
        for variable in dashboard.get("templating", {}).get("list", ())
        if variable["type"] == "constant"
    }
    queries = [target["expr"] for target in panel.get("targets", ())]
    for name, value in values.items():
        queries = [query.replace(f"${name}", value) for query in queries]
    nothing = panel.get("fieldConfig", {}).get("defaults", {}).get("noValue", "")
    return Panel(dashboard["uid"], panel["title"], tuple(queries), nothing)


def shown(prometheus: httpx.Client, panel: Panel, start: float, end: float) -> Shown:
    """What its queries give between two times, in seconds since the epoch."""
    numbers, moved = 0, False
    for query in panel.queries:
        asked = {"query": query, "start": start, "end": end, "step": STEP}
        answer = prometheus.get("/api/v1/query_range", params=asked)
        assert answer.is_success, f"{panel}: {query}: {answer.text}"
        for series in answer.json()["data"]["result"]:
            values = {float(value) for _, value in series["values"]}
            values = {value for value in values if value == value}
            numbers += bool(values)
            moved = moved or len(values) > 1
    return Shown(numbers, moved)
