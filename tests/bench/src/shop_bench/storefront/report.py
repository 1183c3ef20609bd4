"""From rows to a table with the goals beside the figures, and a plot."""

from __future__ import annotations

from pathlib import Path

from shop_bench.figures import Row, goal_line, judged, numbers, of, plotting

P99, FIRST_VISIT, SHIFT = "≤ 100", "≤ 300", "≤ 0"
"""Milliseconds; KiB; of the layout."""
_HOW = (
    "All services are up, each a process of its own on PostgreSQL (fsync off), Redis and NATS, with the demo "
    "catalogue; storefront has a core to itself, all else and the load share the others. {rate} front pages "
    "a second are asked for, answered or not, and latency counts from when each was due. Median over the "
    "rounds [least – most]. `make bench-storefront` makes this file."
)
_MEANING = (
    "New: somebody without a cookie. Returning: with a session in Redis and products looked at before; most "
    "suggestions are asked for anew. Parts: what pages ask the other services for; a missing one is left "
    "out. First visit: Chromium without a cache, bytes over the wire."
)


def table(measured: Row) -> str:
    """Markdown: medians over the rounds with the least and the most, and the goal where there is one."""
    rows: list[Row] = measured["rows"]
    loads = of(rows, "load")
    first = of(rows, "first visit")
    memory = of(rows, "memory")
    return "\n".join(
        [
            "# The front page, measured",
            "",
            f"Commit {measured['commit']}, {measured['cores']} cores, Python {measured['python']}. "
            + _HOW.format(rate=loads[0]["asked_per_second"]),
            "",
            "| | found | goal | |",
            "|---|---|---|---|",
            *(line for who in ("new", "returning") for line in _load(who, loads)),
            *(line for row in first for line in _first(row)),
            *(
                goal_line("memory of storefront, proportional: MiB", f"{row['proportional_mib']:.0f}")
                for row in memory
            ),
            "",
            _MEANING,
            "",
        ]
    )


def _load(who: str, loads: list[Row]) -> list[str]:
    rows = [row for row in loads if row["visitor"] == who]
    answered = [row for row in rows if row["answered"]]
    failed = sum(row["failed"] for row in rows)
    missing = sum(row["parts"]["missing"] for row in rows)
    p99 = [row["p99_ms"] for row in answered]
    verdict = judged(p99, P99) if p99 else (P99, "**missed**")
    return [
        goal_line(f"{who} visitors, p99: ms", numbers(p99, 1), *verdict),
        goal_line("… p50: ms", numbers([row["p50_ms"] for row in answered], 1)),
        goal_line("… CPU of storefront for a page: ms",
              numbers([row["cpu_us_per_request"] / 1000 for row in answered], 2)),
        goal_line("… failed", str(failed), "0", "**missed**" if failed else "reached"),
        goal_line("… parts missing", str(missing)),
    ]  # fmt: skip


def _first(row: Row) -> list[str]:
    size, shift = [row["bytes"] / 1024], [row["shift"]]
    return [
        goal_line(f"first visit, {row['width']}: KiB", numbers(size), *judged(size, FIRST_VISIT)),
        goal_line("… requests", str(row["requests"])),
        goal_line("… layout shift", numbers(shift, 3), *judged(shift, SHIFT)),
    ]


def plot(measured: Row, file: Path) -> None:
    """p50 and p99 of each round, by kind of visitor."""
    pyplot = plotting()
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for who, colour in (("new", "tab:blue"), ("returning", "tab:orange")):
        rows = [row for row in of(measured["rows"], "load") if row["visitor"] == who]
        rounds = [row["round"] for row in rows]
        axes.plot(rounds, [row["p99_ms"] for row in rows], marker="o", color=colour, label=f"{who}: p99")
        axes.plot(
            rounds, [row["p50_ms"] for row in rows], "--", marker=".", color=colour, label=f"{who}: p50"
        )
    axes.axhline(100, linestyle=":", color="grey")
    axes.set(title="front page at 50 requests/s: ms", xlabel="round", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, metadata={"Date": None})
