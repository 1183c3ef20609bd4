"""From rows to a table of services with their objectives beside them, and a plot."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from shop_bench.figures import Row, heading, numbers, of, plotting, spread


def table(measured: Row) -> str:
    """Markdown."""
    sales = of(measured["rows"], "sale")
    lines = [
        *heading(measured, "A sale, measured", "the cluster and the load", "bench-sale"),
        "",
        f"{len(sales)} sales: a crowd wants one product, so that catalog and cart have the work; the others "
        "have what they always have. Latencies count from when each request was due; the generator was "
        f"{numbers([sale['late_p99_ms'] for sale in sales])} ms late itself (p99), which is in them. An "
        "objective is the service's own (`spec.slo.latency.threshold`). Kept: the same pods and no failure "
        "in any of the sales, and the median of their p99 within the objective.",
        "",
        "| service | pods before | most pods | decided after s | p50 before; during ms "
        "| p99 before; during ms | objective ms | failed | |",
        "|---|---|---|---|---|---|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_line(name, own) for name, own in by_service(sales).items()), ""])


def by_service(sales: Sequence[Row]) -> dict[str, list[Row]]:
    """What each service did in each of the sales, those on sale first."""
    found: dict[str, list[Row]] = {}
    for sale in sales:
        for row in sale["services"]:
            found.setdefault(row["service"], []).append(row)
    return found


def kept(rows: Sequence[Row]) -> bool:
    """Whether a service that is not on sale kept its pods, answered everything, and met its objective."""
    p99, objective = _known(rows, "p99_ms"), rows[0]["objective_ms"]
    in_time = not p99 or objective is None or statistics.median(p99) <= objective
    return in_time and not any(row["most_pods"] != row["pods_before"] or row["failed"] for row in rows)


def _line(name: str, rows: Sequence[Row]) -> str:
    if rows[0]["on_sale"]:
        scaled = all(row["most_pods"] > row["pods_before"] for row in rows)
        verdict = "scaled" if scaled else "**not scaled**"
    else:
        verdict = "kept" if kept(rows) else "**not kept**"
    objective = rows[0]["objective_ms"]
    cells = [
        name,
        *(spread(rows, field) for field in ("pods_before", "most_pods")),
        spread(rows, "decision_s", 1),
        *(f"{spread(rows, f'{p}_before_ms')}; {spread(rows, f'{p}_ms')}" for p in ("p50", "p99")),
        "–" if objective is None else f"{objective:g}",
        str(sum(row["failed"] for row in rows)),
        verdict,
    ]
    return f"| {' | '.join(cells)} |"


def _known(rows: Sequence[Row], field: str) -> list[float]:
    return [row[field] for row in rows if row[field] is not None]


def plot(measured: Row, file: Path) -> None:
    """Pods of those that scaled, over time, and everybody's p99 by their objective."""
    pyplot = plotting()
    figure, (pods, latency) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    found = by_service(of(measured["rows"], "sale"))
    changed = [
        name for name, rows in found.items() if any(row["most_pods"] != row["pods_before"] for row in rows)
    ]
    for index, name in enumerate(changed):
        for number, row in enumerate(found[name]):
            label = name if number == 0 else None
            pods.step(
                *zip(*row["replicas"], strict=True), where="post", label=label, color=f"C{index}", alpha=0.6
            )
    asked = {name: p99 for name, rows in found.items() if (p99 := _known(rows, "p99_ms"))}
    for place, (name, p99) in enumerate(asked.items()):
        latency.plot(p99, [place] * len(p99), ".", color="C0")
        if objective := found[name][0]["objective_ms"]:
            latency.plot([objective], [place], "|", color="C3", markersize=16)
    pods.set(title="pods during a sale", xlabel="seconds", ylim=(0, None))
    latency.set(title="p99 ms during a sale, and objectives", xlim=(0, None), yticks=range(len(asked)))
    latency.set_yticklabels(list(asked))
    latency.invert_yaxis()
    for axis in (pods, latency):
        axis.grid(alpha=0.3)
    if changed:
        pods.legend()
    figure.savefig(file, metadata={"Date": None})
