"""From rows to the table and the plot of two curves."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from shop_bench.autoscaling.comparison import Point, excess
from shop_bench.autoscaling.report import COLOURS, NAMES, calibration, settings
from shop_bench.autoscaling.treatments import AUTOSCALERS
from shop_bench.figures import Row, goal_line, heading, judged, numbers, of, plotting


def table(measured: Row) -> str:
    """Markdown."""
    rows: list[Row] = measured["rows"]
    lines = [
        *heading(measured, "What a p99 costs", "the cluster and the load", "bench-scaling-cost"),
        *settings(of(rows, "settings"), of(rows, "load")),
        *calibration(of(rows, "calibration")),
        *_curves(of(rows, "step")),
        "",
    ]
    return "\n".join(lines)


def curves(steps: Sequence[Row]) -> dict[str, list[Point]]:
    """Medians of pod-seconds and p99 at each target, by treatment."""
    targets = sorted({row["target"] for row in steps})
    return {
        name: [
            (
                statistics.median(_of(steps, name, target, "pod_seconds")),
                statistics.median(_of(steps, name, target, "p99_ms")),
            )
            for target in targets
        ]
        for name in AUTOSCALERS
    }


def _of(steps: Sequence[Row], name: str, target: float, field: str) -> list[float]:
    return [row[field] for row in steps if row["treatment"] == name and row["target"] == target]


def _curves(steps: list[Row]) -> list[str]:
    lines = [
        "",
        "## Curves",
        "",
        f"{len({row['round'] for row in steps})} rounds, each with both autoscalers at all targets. p99 "
        "from the step until the load falls, pod-seconds until its end.",
        "",
        "| requests/s per pod | | pod-seconds | p99 ms | failed |",
        "|---:|---|---|---|---:|",
    ]
    for target in sorted({row["target"] for row in steps}):
        for name in AUTOSCALERS:
            cost, p99, failed = (
                _of(steps, name, target, each) for each in ("pod_seconds", "p99_ms", "failed")
            )
            lines.append(
                f"| {target:g} | {NAMES[name]} | {numbers(cost)} | {numbers(p99)} | {sum(failed):.0f} |"
            )
    found = curves(steps)
    worst = max(excess(found["metrics"], found["cpu"]))
    return [
        *lines,
        "",
        "| | found | goal | |",
        "|---|---|---|---|",
        goal_line(
            "p99 by what the CPU curve buys for as much, the worst point",
            f"{worst:.2f}",
            *judged([worst], "≤ 1"),
        ),
    ]


def plot(measured: Row, file: Path) -> None:
    """The curves, with every step as a point beside them."""
    pyplot = plotting()
    steps = of(measured["rows"], "step")
    figure, axis = pyplot.subplots(figsize=(7, 5), layout="constrained")
    for name, points in curves(steps).items():
        own = [row for row in steps if row["treatment"] == name]
        each = [row["pod_seconds"] for row in own], [row["p99_ms"] for row in own]
        axis.scatter(*each, s=12, alpha=0.5, color=COLOURS[name])
        axis.plot(*zip(*sorted(points), strict=True), marker="o", label=NAMES[name], color=COLOURS[name])
    axis.set(title="what a p99 costs", xlabel="pod-seconds", ylabel="p99 ms", yscale="log")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(file, metadata={"Date": None})
