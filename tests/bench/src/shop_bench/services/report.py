"""From rows to a table with the goals beside the figures, and a plot."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shop_bench.figures import Row, goal_line, heading, judged, numbers, of, plotting, spread

MEMORY_GOAL = "≤ 120"


def table(measured: Row) -> str:
    """Markdown: medians over the rounds with the least and the most, and the goal where there is one."""
    rows: list[Row] = measured["rows"]
    lines = [
        *heading(
            measured,
            "The services, measured",
            "services, PostgreSQL (fsync off), Redis, NATS and the load",
            "bench-services",
        ),
        *_chassis(of(rows, "reference")),
        *_routes(of(rows, "route")),
        *_memory(of(rows, "memory")),
        *_imports(of(rows, "imports")),
        "",
    ]
    return "\n".join(lines)


def _chassis(rows: list[Row]) -> list[str]:
    """The reference handler in the chassis and on bare FastAPI, compared within each round."""
    own, bare = (
        {row["round"]: row for row in rows if row["party"] == party} for party in ("chassis", "bare")
    )
    both = [(own[number], bare[number]) for number in sorted(own.keys() & bare.keys())]
    if not both:
        return []

    def ratios(field: str) -> list[float]:
        # A party that answered nothing has reached nothing.
        return [mine[field] / other[field] if mine[field] else 0.0 for mine, other in both if other[field]]

    added = [
        mine["cpu_us_per_request"] - other["cpu_us_per_request"]
        for mine, other in both
        if mine["cpu_us_per_request"] and other["cpu_us_per_request"]
    ]
    failed = sum(row["failed"] for row in rows)
    rate = ratios("per_second")
    return [
        "",
        "## The chassis",
        "",
        "A handler with one indexed read of PostgreSQL and 20 items of JSON: in the chassis, with a token "
        "checked, metrics, deadline and an access log; and on FastAPI alone. Both are saturated, in turns.",
        "",
        "| | found | goal | |",
        "|---|---|---|---|",
        goal_line("chassis: requests/s", spread(list(own.values()), "per_second", 1)),
        goal_line("bare FastAPI: requests/s", spread(list(bare.values()), "per_second", 1)),
        goal_line("ratio of the two", numbers(rate, 2), *(judged(rate, "≥ 0.85") if rate else ())),
        goal_line("ratio of requests per core of the server alone", numbers(ratios("per_core"), 2)),
        goal_line("CPU added per request: µs", numbers(added), *(judged(added, "≤ 200") if added else ())),
        goal_line("CPU per request, chassis; bare: µs",
              "; ".join(spread(list(party.values()), "cpu_us_per_request", 0) for party in (own, bare))),
        goal_line("busy cores, chassis", _cores(list(own.values()))),
        goal_line("busy cores, bare", _cores(list(bare.values()))),
        goal_line("failed requests", str(failed), "0", "reached" if not failed else "**missed**"),
    ]  # fmt: skip


def _routes(rows: list[Row]) -> list[str]:
    """Each hot route, at its open rate and saturated."""
    if not rows:
        return []
    lines = [
        "",
        "## Hot routes",
        "",
        "Open: requests leave at a fixed rate, answered or not, and latency counts from when they were due. "
        "Saturated: so many under way at a time, each as soon as one was answered. Per core: requests per "
        "second of CPU of the service's own process; what it has others do is in the last column.",
        "",
        "| route | service | open, /s | p50 ms | p99 ms | saturated, /s | p50 ms | p99 ms | per core, /s "
        "| failed | busy cores when saturated |",
        "|---|---|---:|---|---|---|---|---|---|---|---|",
    ]
    for name, every in _by(rows, "route").items():
        steady, full = ([row for row in every if row["load"] == load] for load in ("open", "saturated"))
        failed = sum(row["failed"] for row in every)
        errors = ", ".join(sorted({error for row in every for error in row["errors"]}))
        lines.append(
            f"| {name} | {every[0]['service']} | {steady[0]['asked_per_second']:g} "
            f"| {spread(steady, 'p50_ms', 1)} | {spread(steady, 'p99_ms', 1)} "
            f"| {spread(full, 'per_second', 0)} | {spread(full, 'p50_ms', 1)} | {spread(full, 'p99_ms', 1)} "
            f"| {spread(full, 'per_core', 0)} | {f'**{failed}**: {errors}' if failed else 0} "
            f"| {_cores(full)} |"
        )
    return lines


def _memory(rows: list[Row]) -> list[str]:
    """Each service's process, with all of them beside it."""
    if not rows:
        return []
    lines = [
        "",
        "## Memory",
        "",
        f"MiB. Proportional: what several of the {len(_by(rows, 'service'))} processes map counts a share in "
        "each, as on a node; own: what one of them alone would give back.",
        "",
        "| service | idle: proportional | own | resident | goal | | loaded: proportional | own | resident |",
        "|---|---:|---:|---:|---|---|---:|---:|---:|",
    ]
    for name, every in _by(rows, "service").items():
        idle, loaded = ([row for row in every if row["when"] == when] for when in ("idle", "loaded"))
        verdict = " | ".join(judged([row["proportional_mib"] for row in idle], MEMORY_GOAL))
        lines.append(f"| {name} | {_mib(idle)} | {verdict} | {_mib(loaded)} |")
    return lines


def _imports(rows: list[Row]) -> list[str]:
    """Ten packages each."""
    if not rows:
        return []
    lines = [
        "",
        "## Imports",
        "",
        "The ten packages whose own modules take longest to import, in milliseconds, under `-X importtime`.",
        "",
        "| service | all | the costliest |",
        "|---|---:|---|",
    ]
    for row in rows:
        packages = ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in row["packages"])
        lines.append(f"| {row['service']} | {row['total_ms']:.0f} | {packages} |")
    return lines


def _by(rows: list[Row], field: str) -> dict[str, list[Row]]:
    """In the order in which they come first."""
    return {
        value: [row for row in rows if row[field] == value] for value in dict.fromkeys(r[field] for r in rows)
    }


def _mib(rows: list[Row]) -> str:
    return " | ".join(spread(rows, field, 1) for field in ("proportional_mib", "own_mib", "resident_mib"))


def _cores(rows: list[Row]) -> str:
    """Medians, those who do next to nothing left out."""
    names = dict.fromkeys(name for row in rows for name in row["cores"])
    found = {name: statistics.median(row["cores"].get(name, 0.0) for row in rows) for name in names}
    return ", ".join(f"{name} {cores:.2f}" for name, cores in found.items() if cores >= 0.01)


def plot(measured: Row, file: Path) -> None:
    """Chassis beside bare, then what each route and each service costs."""
    pyplot = plotting()
    rows: list[Row] = measured["rows"]
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 8), layout="constrained")
    (chassis, throughput), (latency, memory) = axes

    for party, name in (("chassis", "chassis"), ("bare", "bare FastAPI")):
        found = [row for row in of(rows, "reference") if row["party"] == party]
        turns, rates = [row["round"] for row in found], [row["per_second"] for row in found]
        chassis.plot(turns, rates, marker="o", label=name)
    chassis.set(title="reference handler: requests/s", xlabel="turn", ylim=(0, None))
    chassis.legend()

    routes = _by(of(rows, "route"), "route")
    _bars(throughput, "requests/s per core, saturated", routes, {"": _middle("per_core", load="saturated")})
    _bars(latency, "at a fixed rate: ms", routes, {
        "p50": _middle("p50_ms", load="open"), "p99": _middle("p99_ms", load="open"),
    })  # fmt: skip
    _bars(memory, "proportional memory: MiB", _by(of(rows, "memory"), "service"), {
        "idle": _middle("proportional_mib", when="idle"),
        "after load": _middle("proportional_mib", when="loaded"),
    })  # fmt: skip
    memory.axvline(120, linestyle="--", color="grey")
    for axis in axes.flat:
        axis.grid(alpha=0.3)
    figure.savefig(file, metadata={"Date": None})


Series = Callable[[list[Row]], float]


def _bars(axis: Any, title: str, what: dict[str, list[Row]], series: dict[str, Series]) -> None:
    """A bar for each of the series at each name."""
    height = 0.8 / len(series)
    for number, (label, value) in enumerate(series.items()):
        places = [place + number * height for place in range(len(what))]
        axis.barh(places, [value(rows) for rows in what.values()], height, label=label)
    axis.set_yticks([place + 0.4 - height / 2 for place in range(len(what))], [*what])
    axis.invert_yaxis()
    axis.set(title=title)
    if len(series) > 1:
        axis.legend()


def _middle(field: str, **where: str) -> Series:
    """The median of those rows; 0 where nothing was answered."""

    def value(rows: list[Row]) -> float:
        found = [row[field] for row in rows if where.items() <= row.items() and row[field] is not None]
        return statistics.median(found) if found else 0.0

    return value
