"""From rows to tables with the goals beside the figures, and plots."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shop_bench.autoscaling.comparison import interval, paired, quantile
from shop_bench.autoscaling.settings import DEFAULTS, RELEASED
from shop_bench.autoscaling.step import EVERY_SECONDS, REST_SECONDS
from shop_bench.autoscaling.treatments import ORDER
from shop_bench.figures import Row, goal_line, heading, judged, of, plotting, spread

NAMES = {"metrics": "the platform's", "cpu": "HPA on CPU", "fixed": "fixed"}
AFTER = "seconds after the step"
COLOURS = {"metrics": "tab:blue", "cpu": "tab:orange", "fixed": "tab:grey"}


def table(measured: Row) -> str:
    """Markdown."""
    rows: list[Row] = measured["rows"]
    lines = [
        *heading(measured, "Autoscaling, measured", "the cluster and the load", "bench-autoscaling"),
        *settings(of(rows, "settings"), of(rows, "load")),
        *calibration(of(rows, "calibration")),
        *_steps(of(rows, "step")),
        *_goals(of(rows, "step")),
        "",
    ]
    return "\n".join(lines)


def settings(found: list[Row], loads: list[Row]) -> list[str]:
    """How the cluster's own part of an autoscaler was set, and the load; nothing where nobody looked."""
    if not found:
        return []
    [row], [load] = found, loads
    differs = [f"{name} {value}" for name, value in row["hpa"].items() if DEFAULTS.get(name) != value]
    if row["resolution"] != RELEASED:
        differs.append(f"metric-resolution {row['resolution']}, released with {RELEASED}")
    verdict = f"**Not as shipped: {', '.join(differs)}.**" if differs else "All as shipped."
    flags = ", ".join(f"{name} {value}" for name, value in row["hpa"].items())
    return [
        "",
        f"Kubernetes {row['kubernetes']}. HPA controller: {flags}. metrics-server looks every "
        f"{row['resolution']}. {verdict} Each pod may use {load['cpu_limit']} of CPU and is full at "
        f"{load['full']:.0f} requests/s; the load goes from {load['base']:g} to {load['peak']:g}.",
    ]


def calibration(found: list[Row]) -> list[str]:
    """A table of comparable targets; nothing where there are none."""
    if not found:
        return []
    lines = [
        "",
        "## Comparable targets",
        "",
        "The CPU target under which as many pods run at the plateau as under the platform's own.",
        "",
        "| requests/s per pod | pods at the plateau | CPU they used, % of request | CPU target, % | tried |",
        "|---:|---:|---:|---:|---|",
    ]
    for row in found:
        tried = ", ".join(f"{target} %: {pods}" for target, pods in row["tried"])
        found_out = f"{row['utilisation']:.0f} | {row['cpu_target']} | {tried}"
        lines.append(f"| {row['target']:g} | {row['pods']} | {found_out} |")
    return lines


def _steps(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        "",
        "## A step of load",
        "",
        f"{len({row['round'] for row in rows})} rounds, each with all three in turns, at random times after "
        "the HPA controller looked, one in each of as many equal parts of its period. p99 from the step "
        "until the load falls, by when each request was due; failures and pod-seconds to the end of the "
        "load, while pods are removed again. The generator was "
        f"{spread(rows, 'late_p99_ms')} ms late itself (p99), which is in the latencies.",
        "",
        "| | decided after s | HPA's event after s | first added pod Ready after s | pods at the plateau "
        "| p99 ms | failed | pod-seconds |",
        "|---|---|---|---|---|---|---:|---|",
    ]
    for name in ORDER:
        own = [row for row in rows if row["treatment"] == name]
        if own:
            lines.append(
                f"| {NAMES[name]} | {spread(own, 'decision_s', 1)} | {spread(own, 'event_s', 1)} "
                f"| {spread(own, 'ready_s', 1)} | {spread(own, 'plateau')} | {spread(own, 'p99_ms')} "
                f"| {sum(row['failed'] for row in own)} | {spread(own, 'pod_seconds')} |"
            )
    errors = sorted({error for row in rows for error in row["errors"]})
    return [*lines, *(["", f"What failed: {', '.join(errors)}."] if errors else [])]


def _goals(rows: list[Row]) -> list[str]:
    own, cpu = (_by_round(rows, name) for name in ("metrics", "cpu"))
    if not own:
        return []
    lines = ["", "| | found | goal | |", "|---|---|---|---|"]
    # What never came is later than anything that did.
    ready = [_or_never(row["ready_s"]) for row in own.values()]
    for share, goal in ((0.5, "≤ 15"), (0.9, "≤ 30")):
        value = quantile(ready, share)
        what = f"step → first added pod Ready, p{share * 100:.0f}: s"
        lines.append(goal_line(what, f"{value:.1f}", *judged([value], goal)))
    if cpu:
        decisions = [
            {number: _or_never(row["decision_s"]) for number, row in found.items()} for found in (own, cpu)
        ]
        ratio = statistics.median(decisions[1].values()) / statistics.median(decisions[0].values())
        verdict = judged([ratio], "≥ 2")
        lines.append(goal_line("decision of CPU by the platform's, medians", f"{ratio:.2f}", *verdict))
        later = paired(*decisions)
        if later and all(one < float("inf") for one in later):
            low, high = interval(later)
            text = f"{statistics.median(later):.1f} [{low:.1f}, {high:.1f}]"
            lines.append(goal_line("CPU decides later by: s, median of the rounds, 95 % interval", text))
    failed = sum(row["failed"] for row in own.values())
    lines.append(goal_line("failed requests, the platform's", str(failed), *judged([failed], "≤ 0")))
    return lines


def _by_round(rows: Sequence[Row], name: str) -> dict[int, Row]:
    return {row["round"]: row for row in rows if row["treatment"] == name}


def _or_never(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def plot(measured: Row, file: Path) -> None:
    """Pods and p99 over time, and how long decisions took."""
    pyplot = plotting()
    rows: list[Row] = measured["rows"]
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 7.5), layout="constrained")
    (pods, latency), (decided, ready) = axes
    for name in ORDER:
        own = [row for row in of(rows, "step") if row["treatment"] == name]
        style = {"label": NAMES[name], "color": COLOURS[name]}
        _over_time(pods, own, "serving", style)
        _over_time(latency, own, "p99_over_time_ms", style)
        for axis, field in ((decided, "decision_s"), (ready, "ready_s")):
            times = sorted(row[field] for row in own if row[field] is not None)
            shares = [(index + 1) / len(own) for index in range(len(times))]
            axis.step(times, shares, where="post", **style)
    pods.set(title="Ready pods, mean of the rounds", xlabel=AFTER, ylim=(0, None))
    latency.set(title="p99 ms, median of the rounds", xlabel=AFTER, yscale="log")
    decided.set(title="share of steps decided after", xlabel="seconds", ylim=(0, 1), xlim=(0, None))
    ready.set(title="share of steps with a first added pod Ready after", xlabel="seconds", ylim=(0, 1))
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[0]:
            axis.legend()
    figure.savefig(file, metadata={"Date": None})


def _over_time(axis: Any, rows: list[Row], field: str, style: dict[str, str]) -> None:
    """Mean of counts, median of the rest, at each time that some round has."""
    series = [row[field] for row in rows]
    middle: Callable[[list[float]], float] = statistics.mean if field == "serving" else statistics.median
    times: list[float] = []
    values: list[float] = []
    for index in range(max(map(len, series), default=0)):
        known = [one[index] for one in series if index < len(one) and one[index] is not None]
        if known:
            times.append(index * EVERY_SECONDS - REST_SECONDS)
            values.append(middle(known))
    axis.plot(times, values, **style)
