"""From rows to tables with the goals beside the figures, and plots."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shop_bench.autoscaling import sale
from shop_bench.autoscaling.comparison import Point, excess, interval, paired, quantile
from shop_bench.autoscaling.settings import DEFAULTS, RELEASED
from shop_bench.autoscaling.step import EVERY_SECONDS
from shop_bench.autoscaling.treatments import ORDER
from shop_bench.figures import Row, judged, numbers, plotting

NAMES = {"metrics": "the platform's", "cpu": "HPA on CPU", "fixed": "fixed"}
COLOURS = {"metrics": "tab:blue", "cpu": "tab:orange", "fixed": "tab:grey"}


def table(measured: Row) -> str:
    """Markdown."""
    rows: list[Row] = measured["rows"]
    lines = [
        "# Autoscaling, measured",
        "",
        f"Commit {measured['commit']}, {measured['cores']} cores shared by the cluster and the load, Python "
        f"{measured['python']}. Median over the rounds [least – most]. `make bench-autoscaling` makes this "
        "file.",
        *_settings(_of(rows, "settings")),
        *_calibration(_of(rows, "calibration")),
        *_steps(steps(rows)),
        *_goals(steps(rows)),
        *_curve(rows),
        *_sale(_of(rows, "sale")),
        "",
    ]
    return "\n".join(lines)


def steps(rows: Sequence[Row]) -> list[Row]:
    """Those at the target that all three treatments had."""
    targets = [row["target"] for row in _of(rows, "step") if row["treatment"] == "fixed"]
    return [row for row in _of(rows, "step") if row["target"] in targets]


def _settings(found: list[Row]) -> list[str]:
    if not found:
        return []
    [row] = found
    differs = [f"{name} {value}" for name, value in row["hpa"].items() if DEFAULTS.get(name) != value]
    if row["resolution"] != RELEASED:
        differs.append(f"metric-resolution {row['resolution']}, released with {RELEASED}")
    verdict = f"**Not as shipped: {', '.join(differs)}.**" if differs else "All as shipped."
    flags = ", ".join(f"{name} {value}" for name, value in row["hpa"].items())
    return [
        "",
        f"Kubernetes {row['kubernetes']}. HPA controller: {flags}. metrics-server looks every "
        f"{row['resolution']}. {verdict} The load goes from {row['base']:g} to {row['peak']:g} "
        f"requests/s; each pod may use {row['cpu_limit']} of CPU, else one would do.",
    ]


def _calibration(found: list[Row]) -> list[str]:
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
        f"{len({row['round'] for row in rows})} rounds, each with all three in turns, at a random phase of "
        "the HPA controller's period. p99 from the step until the load falls, by when each request was due; "
        "failures and pod-seconds to the end of the load, while pods are removed again.",
        "",
        "| | decided after s | HPA's event after s | first added pod Ready after s | pods at the plateau "
        "| p99 ms | failed | pod-seconds |",
        "|---|---|---|---|---|---|---:|---|",
    ]
    for name in ORDER:
        own = [row for row in rows if row["treatment"] == name]
        if own:
            lines.append(
                f"| {NAMES[name]} | {_spread(own, 'decision_s', 1)} | {_spread(own, 'event_s', 1)} "
                f"| {_spread(own, 'ready_s', 1)} | {_spread(own, 'plateau')} | {_spread(own, 'p99_ms')} "
                f"| {sum(row['failed'] for row in own)} | {_spread(own, 'pod_seconds')} |"
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
        lines.append(
            _line(f"step → first added pod Ready, p{share * 100:.0f}: s", f"{value:.1f}", value, goal)
        )
    if cpu:
        decisions = [
            {number: _or_never(row["decision_s"]) for number, row in found.items()} for found in (own, cpu)
        ]
        ratio = statistics.median(decisions[1].values()) / statistics.median(decisions[0].values())
        lines.append(_line("decision of CPU by the platform's, medians", f"{ratio:.2f}", ratio, "≥ 2"))
        later = paired(*decisions)
        if later and all(one < float("inf") for one in later):
            low, high = interval(later)
            text = f"{statistics.median(later):.1f} [{low:.1f}, {high:.1f}]"
            lines.append(f"| CPU decides later by: s, median of the rounds, 95 % interval | {text} | | |")
    failed = sum(row["failed"] for row in own.values())
    lines.append(_line("failed requests, the platform's", str(failed), failed, "≤ 0"))
    return lines


def curves(rows: Sequence[Row]) -> dict[str, list[Point]]:
    """Medians of pod-seconds and p99 at each target, by treatment; empty where there are fewer than two."""
    found: dict[str, list[Point]] = {}
    for name in ("metrics", "cpu"):
        own = [row for row in _of(rows, "step") if row["treatment"] == name]
        points = [
            (
                statistics.median(row["pod_seconds"] for row in own if row["target"] == target),
                statistics.median(row["p99_ms"] for row in own if row["target"] == target),
            )
            for target in sorted({row["target"] for row in own})
        ]
        found[name] = points if len(points) > 1 else []
    return found


def _curve(rows: list[Row]) -> list[str]:
    found = curves(rows)
    if not all(found.values()):
        return []
    lines = [
        "",
        "## What a p99 costs",
        "",
        "| requests/s per pod | pod-seconds | p99 ms | CPU target, % | pod-seconds | p99 ms |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    targets = sorted({row["target"] for row in _of(rows, "step")})
    cpu = {row["target"]: row["cpu_target"] for row in _of(rows, "calibration")}
    for target, (cost, p99), (other_cost, other_p99) in zip(
        targets, found["metrics"], found["cpu"], strict=True
    ):
        lines.append(
            f"| {target:g} | {cost:.0f} | {p99:.0f} "
            f"| {cpu.get(target, '–')} | {other_cost:.0f} | {other_p99:.0f} |"
        )
    worst = max(excess(found["metrics"], found["cpu"]))
    return [
        *lines,
        "",
        "| | found | goal | |",
        "|---|---|---|---|",
        _line("p99 by what the CPU curve buys for as much, the worst point", f"{worst:.2f}", worst, "≤ 1"),
    ]


def _sale(found: list[Row]) -> list[str]:
    if not found:
        return []
    lines = [
        "",
        "## A sale",
        "",
        "A crowd wants one product: catalog and cart have the work, the others what they always have. "
        "An objective is the service's own (`spec.slo.latency.threshold`).",
        "",
        "| service | pods before → most | decided after s | p50 before, during ms | p99 before, during ms "
        "| objective ms | failed | |",
        "|---|---|---:|---|---|---:|---:|---|",
    ]
    for row in found[0]["services"]:
        if row["on_sale"]:
            verdict = "scaled" if row["most_pods"] > row["pods_before"] else "**not scaled**"
        else:
            verdict = "kept" if sale.kept(row) else "**not kept**"
        lines.append(
            f"| {row['service']} | {row['pods_before']} → {row['most_pods']} | {_number(row['decision_s'])} "
            f"| {_number(row['p50_before_ms'])}, {_number(row['p50_ms'])} "
            f"| {_number(row['p99_before_ms'])}, {_number(row['p99_ms'])} | {_number(row['objective_ms'])} "
            f"| {row['failed']} | {verdict} |"
        )
    return lines


def _of(rows: Sequence[Row], what: str) -> list[Row]:
    return [row for row in rows if row["row"] == what]


def _by_round(rows: Sequence[Row], name: str) -> dict[int, Row]:
    return {row["round"]: row for row in rows if row["treatment"] == name}


def _or_never(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds


def _line(what: str, found: str, value: float, goal: str) -> str:
    return f"| {what} | {found} | {' | '.join(judged([value], goal))} |"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _spread(rows: list[Row], field: str, digits: int = 0) -> str:
    return numbers([row[field] for row in rows if row[field] is not None], digits)


def plot(measured: Row, file: Path) -> None:
    """Pods and p99 over time, how long decisions took, the curves, and the sale."""
    pyplot = plotting()
    rows: list[Row] = measured["rows"]
    figure, axes = pyplot.subplots(3, 2, figsize=(11, 11), layout="constrained")
    (pods, latency), (decided, ready), (cost, sold) = axes
    at_middle = steps(rows)
    for name in ORDER:
        own = [row for row in at_middle if row["treatment"] == name]
        style = {"label": NAMES[name], "color": COLOURS[name]}
        _over_time(pods, own, "serving", style)
        _over_time(latency, own, "p99_over_time_ms", style)
        for axis, field in ((decided, "decision_s"), (ready, "ready_s")):
            times = sorted(row[field] for row in own if row[field] is not None)
            shares = [(index + 1) / len(own) for index in range(len(times))]
            axis.step(times, shares, where="post", **style)
    for curve, points in curves(rows).items():
        if points:
            cost.plot(*zip(*points, strict=True), marker="o", label=NAMES[curve], color=COLOURS[curve])
    for row in (each for found in _of(rows, "sale") for each in found["services"]):
        if row["on_sale"] or row["most_pods"] != row["pods_before"]:
            sold.step(*zip(*row["replicas"], strict=True), where="post", label=row["service"])
    pods.set(title="Ready pods, mean of the rounds", xlabel="seconds", ylim=(0, None))
    latency.set(title="p99 ms, median of the rounds", xlabel="seconds", yscale="log")
    decided.set(title="share of steps decided after", xlabel="seconds", ylim=(0, 1), xlim=(0, None))
    ready.set(title="share of steps with a first added pod Ready after", xlabel="seconds", ylim=(0, 1))
    cost.set(title="what a p99 costs", xlabel="pod-seconds", ylabel="p99 ms")
    sold.set(title="pods during a sale", xlabel="seconds", ylim=(0, None))
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
            times.append(index * EVERY_SECONDS)
            values.append(middle(known))
    axis.plot(times, values, **style)
