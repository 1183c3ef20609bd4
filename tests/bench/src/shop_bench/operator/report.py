"""From rows to a table with the goals beside the figures, and a plot."""

from __future__ import annotations

import statistics
from pathlib import Path

from shop_bench.figures import Row, heading, judged, numbers, of, plotting

REPAIRS = {
    "repair": "{} present",
    "repair while others are made": "{0} present, {0} more being made",
}


def table(measured: Row) -> str:
    """Markdown: medians over the rounds with the least and the most, and the goal where there is one."""
    rows: list[Row] = measured["rows"]
    lines = [
        *heading(
            measured, "The operator, measured", "API server, etcd, operator and benchmark", "bench-operator"
        ),
        "",
        "| | services | found | goal | |",
        "|---|---:|---|---|---|",
    ]
    for size in sorted({row["size"] for row in rows}):
        lines += _of_size([row for row in rows if row["size"] == size], size)
    lines += ["", *_kinds(rows), ""]
    return "\n".join(lines)


def _of_size(rows: list[Row], size: int) -> list[str]:
    bare, own = (
        [row for row in of(rows, "create") if row["party"] == party] for party in ("bare", "shop-operator")
    )
    lines = []
    if bare and own:
        ratios = [
            mine["services_per_second"] / other["services_per_second"]
            for mine, other in zip(own, bare, strict=False)
        ]
        what = f"{own[0]['children_per_service']:.0f} children each"
        lines += [
            _line("all new at once, operator: services/s", size, _spread(own, "services_per_second"), what),
            _line("– bare client: services/s", size, _spread(bare, "services_per_second")),
            _line("– ratio of the two", size, numbers(ratios, 2), *judged(ratios, "≥ 0.8", size >= 1000)),
            _line("– CPU per service, operator; bare: ms", size,
                  f"{_spread(own, 'cpu_ms_per_service')}; {_spread(bare, 'cpu_ms_per_service')}"),
            _line("– busy cores", size, ", ".join(f"{k} {v}" for k, v in own[-1]["cores"].items()),
                  f"saturated first: {own[-1]['busiest']}"),
        ]  # fmt: skip
    if still := of(rows, "nothing to do"):
        calls = [row["reads"] + row["writes"] for row in still]
        lines += [
            _line("nothing to do: reads + writes", size, numbers(calls), *judged(calls, "≤ 0", True)),
            _line("– CPU: ms", size, _spread(still, "cpu_ms_per_reconcile")),
        ]
    for name, text in REPAIRS.items():
        found = [row for row in of(rows, name) if row["kind"] == "all"]
        if found:
            loaded = name != "repair"
            p50, p99 = ([row[field] for row in found] for field in ("p50_ms", "p99_ms"))
            lines += [
                _line(f"child back, {text.format(size)}: p50 ms", size, numbers(p50, 1),
                      *judged(p50, "≤ 20", size == 1000 and not loaded)),
                _line("– p99 ms", size, numbers(p99, 1),
                      *judged(p99, "≤ 250" if loaded else "≤ 100", size == 1000)),
                _line("– never back", size, numbers([row["missing"] for row in found])),
            ]  # fmt: skip
    if again := of(rows, "restart"):
        seconds, peak, writes = (
            [row[field] for row in again] for field in ("seconds_after_import", "peak_mb", "writes")
        )
        twice = sorted({name for row in again for name in row["listed_twice"]})
        lines += [
            _line("restart, converged after import: s", size, numbers(seconds, 2),
                  *judged(seconds, "≤ 2", size == 1000)),
            _line("– peak memory: MB", size, numbers(peak, 0),
                  *judged(peak, "≤ 300" if size > 1000 else "≤ 150", size >= 1000)),
            _line("– writes", size, numbers(writes), *judged(writes, "≤ 0", True)),
            _line("– lists (pages); kinds listed twice", size,
                  f"{again[-1]['lists']} ({again[-1]['pages']}); {', '.join(twice) or 'none'}"),
        ]  # fmt: skip
    return lines


def _kinds(rows: list[Row]) -> list[str]:
    """The repairs by kind, of the size that the goal is about."""
    found = [row for row in of(rows, "repair") if row["kind"] != "all"]
    if not found:
        return []
    size = max((row["size"] for row in found if row["size"] <= 1000), default=0)
    lines = [
        f"With {size} present, by kind:",
        "",
        "| | deleted: p50, max ms | edited: p50, max ms |",
        "|---|---|---|",
    ]
    for kind in dict.fromkeys(row["kind"] for row in found):
        cells = []
        for how in ("delete", "edit"):
            ones = [
                r for r in found if (r["kind"], r["how"], r["size"]) == (kind, how, size) and "p50_ms" in r
            ]
            cells.append(f"{_spread(ones, 'p50_ms')}, {max((r['max_ms'] for r in ones), default='–')}")
        lines.append(f"| {kind} | {cells[0]} | {cells[1]} |")
    return lines


def _line(what: str, size: int, found: str, goal: str = "", verdict: str = "") -> str:
    return f"| {what} | {size:,} | {found} | {goal} | {verdict} |"


def _spread(rows: list[Row], field: str) -> str:
    return numbers([row[field] for row in rows], 1)


def plot(measured: Row, file: Path) -> None:
    """How each figure grows with the number of services."""
    pyplot = plotting()
    rows: list[Row] = measured["rows"]

    def series(row: str, field: str, **where: str) -> tuple[list[int], list[float]]:
        found = [one for one in of(rows, row) if field in one and where.items() <= one.items()]
        sizes = sorted({one["size"] for one in found})
        return sizes, [
            statistics.median(one[field] for one in found if one["size"] == size) for size in sizes
        ]

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6), layout="constrained")
    panels: list[tuple[str, list[tuple[str, tuple[list[int], list[float]]]]]] = [
        ("new services per second", [
            ("operator", series("create", "services_per_second", party="shop-operator")),
            ("bare client", series("create", "services_per_second", party="bare")),
        ]),
        ("a child is back: ms", [
            ("p50", series("repair", "p50_ms", kind="all")),
            ("p99", series("repair", "p99_ms", kind="all")),
        ]),
        ("restart: seconds", [
            ("after import", series("restart", "seconds_after_import")),
            ("CPU", series("restart", "cpu_seconds")),
        ]),
        ("memory after a restart: MB", [
            ("peak", series("restart", "peak_mb")), ("then", series("restart", "resident_mb")),
        ]),
    ]  # fmt: skip
    for axis, (title, curves) in zip(axes.flat, panels, strict=True):
        for label, (sizes, values) in curves:
            axis.plot(sizes, values, marker="o", label=label)
        axis.set(title=title, xscale="log", xlabel="ShopServices", ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file, metadata={"Date": None})
