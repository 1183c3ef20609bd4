"""Panels and sections as all dashboards here draw them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import common, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import (
    ConstantVariable,
    Dashboard,
    DatasourceVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
"""Columns of Grafana's grid."""
_DEFAULTS: tuple[tuple[str, Any], ...] = (
    ("transparent", False), ("repeatDirection", "h"), ("overrides", []), ("calcs", []), ("auto", False),
    ("auto_count", 30), ("auto_min", "10s"), ("includeAll", False), ("multi", False), ("skipUrlSync", False),
    ("allowCustomValue", True), ("fiscalYearStartMonth", 0), ("custom", {}), ("annotations", {}),
    ("displayMode", "list"), ("placement", "bottom"), ("percentChangeColorMode", "standard"),
    ("showPercentChange", False), ("wideLayout", True), ("justifyMode", "auto"), ("orientation", "auto"),
    ("textMode", "auto"), ("unit", "short"), ("id", 0), ("fillOpacity", 70), ("rowHeight", 0.9),
    ("alignValue", "left"), ("showValue", "auto"), ("perPage", 20),
)  # fmt: skip
"""What the SDK writes though Grafana takes it for granted."""
EXEMPLARY = "http_server_request_duration_seconds_bucket"
"""The series that has exemplars: each names a trace, and is a point of a panel that leads there."""


SIGNALS = {
    "RequestsPerSecond": "shopservice:requests:rate15s",
    "Concurrency": "shopservice:concurrency:rate15s",
}
"""What autoscalers look at, and what the operator's chart records of it."""


class Query(NamedTuple):
    """PromQL, and what its series are called: `{{pod}}` for a label."""

    expr: str
    legend: str


class Section:
    """A row with its panels below it."""

    def __init__(self, title: str, *panels: Builder[models.Panel], needs: str = "") -> None:
        """`needs`: the field of a ShopService's spec without which there is nothing to show."""
        self.title, self.panels, self.needs = title, panels, needs

    def on(self, dashboard: Dashboard) -> Dashboard:
        """Appended to a dashboard."""
        dashboard.with_row(Row(self.title))
        for panel in self.panels:
            dashboard.with_panel(panel)
        return dashboard


def lines(
    title: str, *queries: Query, unit: str = "short", width: int = 8, least: float | None = 0,
    about: str = "", none: str = "",
) -> timeseries.Panel:  # fmt: skip
    """Values over time, from zero unless `least` is None; `none` is said where there is no series."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(options.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI)
    panel = (
        timeseries.Panel()
        .legend(legend.placement(options.LegendPlacement.BOTTOM))
        .tooltip(tooltip.sort(options.SortOrder.DESCENDING))
    )
    panel.title(title).datasource(SOURCE).unit(unit).height(8).span(width)
    if least is not None:
        panel.min(least)
    if about:
        panel.description(about)
    if none:
        panel.no_value(none)
    for query in queries:
        panel.with_target(_target(query))
    return panel


def number(
    title: str, query: str, *, unit: str = "short", width: int = 4, bad_above: float | None = None,
    bad_below: float | None = None, about: str = "", none: str = "",
) -> stat.Panel:  # fmt: skip
    """One value at present, red beyond what is good."""
    panel = stat.Panel().title(title).datasource(SOURCE).unit(unit).height(4).span(width)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    steps = [models.Threshold(color="green")]
    if bad_above is not None:
        steps.append(models.Threshold(value=bad_above, color="red"))
    if bad_below is not None:
        steps = [models.Threshold(color="red"), models.Threshold(value=bad_below, color="green")]
    panel.thresholds(ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    if about:
        panel.description(about)
    if none:
        panel.no_value(none)
    return panel.with_target(_target(Query(query, "")))


def states(title: str, query: Query, *, width: int = WIDTH, about: str = "") -> statetimeline.Panel:
    """What is true (1) and what is not (0), over time."""
    panel = statetimeline.Panel().title(title).datasource(SOURCE).height(6).span(width)
    named = {
        "0": models.ValueMappingResult(text="False", color="orange"),
        "1": models.ValueMappingResult(text="True", color="blue"),
    }
    panel.mappings([models.ValueMap(options=named)]).merge_values(True)
    if about:
        panel.description(about)
    return panel.with_target(_target(query))


def process(labels: str, width: int = 8) -> tuple[timeseries.Panel, timeseries.Panel]:
    """What the processes of these pods use themselves: CPU and memory."""
    cpu = Query(f"rate(process_cpu_seconds_total{{{labels}}}[$__rate_interval])", "{{pod}}")
    memory = Query(f"process_resident_memory_bytes{{{labels}}}", "{{pod}}")
    return (
        lines("CPU", cpu, width=width, about="Cores."),
        lines("Memory", memory, width=width, unit="bytes"),
    )


def dashboard(title: str, uid: str, *variables: Builder[models.VariableModel]) -> Dashboard:
    """An empty one, for whichever Prometheus is chosen."""
    empty = Dashboard(title).uid(uid).tags(["shopservice"]).timezone("browser").refresh("30s")
    empty.time("now-1h", "now").readonly().tooltip(models.DashboardCursorSync.CROSSHAIR)
    empty.with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for variable in variables:
        empty.with_variable(variable)
    return empty


def of_shop(title: str, uid: str, sections: Sequence[Section]) -> dict[str, Any]:
    """One about all services of a namespace, which the chart fills in as `<namespace>`."""
    whole = dashboard(title, uid, ConstantVariable("namespace").value("<namespace>"))
    for section in sections:
        section.on(whole)
    found: dict[str, Any] = plain(whole)
    return found


def rate(series: str, labels: str = "", *, by: str = "") -> str:
    """Per second, summed over all pods of the namespace but for these labels."""
    grouped, chosen = f" by ({by})" if by else "", f",{labels}" if labels else ""
    return f'sum{grouped} (rate({series}{{namespace="$namespace"{chosen}}}[$__rate_interval]))'


def told_of(series: str, labels: str, window: str) -> str:
    """How often something rare happened within a window, 0 if it did not: a series that begins with its first
    time has no increase."""
    chosen = f'{series}{{namespace="$namespace"{labels}}}'
    return f"sum(increase({chosen}[{window}]) > 0 or ({chosen} unless {chosen} offset {window})) or vector(0)"


def plain(built: Builder[Any]) -> Any:
    """As JSON has it, without what goes without saying."""
    return _pruned(json.loads(json.dumps(built.build(), cls=JSONEncoder)))


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: found for key, item in value.items() if (key, found := _pruned(item)) not in _DEFAULTS}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def _target(query: Query) -> Dataquery:
    target = Dataquery().expr(query.expr)
    if EXEMPLARY in query.expr:
        target.exemplar(True)
    return target.legend_format(query.legend) if query.legend else target
