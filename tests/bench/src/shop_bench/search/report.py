"""From rows to a table with the goals beside the figures, and a plot."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from shop_bench.figures import Row, goal_line, judged, numbers, of, plotting

OWN = "search"


def table(measured: Row) -> str:
    """Markdown."""
    rows: list[Row] = measured["rows"]
    loads = {row["engine"]: row for row in of(rows, "load")}
    [pod] = of(rows, "pod")
    asked = len(of(rows, "queries")[0]["ranks"])
    lines = [
        "# Search, measured",
        "",
        f"Commit {measured['commit']}, Python {measured['python']}. {pod['products']:,} products from a "
        f"seed, {asked} known-item queries: three to five words of a title that no other title has, every "
        "other query with one typo. Each engine has one core (PostgreSQL: with its server) and answers 50 "
        "queries at a time, in turns with the others. `search` also makes total, facets and highlights. "
        "Median over the rounds [least – most]. `make bench-search` makes this file.",
        "",
        "| engine | p50 ms | p99 ms | CPU ms | MRR@10 | no typo | typo | load s | memory MB | disk MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_engine(name, load, _rounds(rows, name)) for name, load in loads.items()),
        "",
        "CPU: the mean over the queries, PostgreSQL's with its server; what else the machine does hardly "
        "changes it. Memory: what the engine's process (PostgreSQL's: all of its server's) grew by. SQLite's "
        "and PostgreSQL's files are also in the system's cache.",
        "",
        "| goal | found | goal | |",
        "|---|---|---|---|",
        *_goals(_rounds(rows, OWN), pod),
        "",
        "The pod is the service in a process on one core, with NATS: ready when all products are read over "
        "HTTP and indexed. A price is shown when the first result over HTTP has it.",
        "",
    ]
    return "\n".join(lines)


def _engine(name: str, load: Row, rounds: Sequence[Row]) -> str:
    typos = rounds[0]["typos"]
    cells = [
        name,
        numbers([1000 * percentile(row["seconds"], 50) for row in rounds], 1),
        numbers([1000 * percentile(row["seconds"], 99) for row in rounds], 1),
        numbers([1000 * statistics.fmean(row["cpu_seconds"]) for row in rounds], 1),
        numbers([mrr(row["ranks"]) for row in rounds], 3),
        numbers([mrr([r for r, t in zip(row["ranks"], typos, strict=True) if not t]) for row in rounds], 3),
        numbers([mrr([r for r, t in zip(row["ranks"], typos, strict=True) if t]) for row in rounds], 3),
        f"{load['seconds']:.0f}",
        f"{load['memory'] / 1e6:.0f}",
        f"{load['disk'] / 1e6:.0f}" if load["disk"] else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _goals(own: Sequence[Row], pod: Row) -> list[str]:
    slow = [1000 * percentile(row["seconds"], 99) for row in own]
    busy = [1000 * percentile(row["cpu_seconds"], 99) for row in own]
    right = [mrr(row["ranks"]) for row in own]
    price = [percentile(pod["price_seconds"], 99)]
    http = pod["query_seconds"]
    return [
        goal_line("p99 of a query: ms", numbers(slow, 1), *judged(slow, "≤ 20")),
        goal_line("… of its CPU time: ms", numbers(busy, 1), *judged(busy, "≤ 20")),
        goal_line("MRR@10", numbers(right, 3), *judged(right, "≥ 0.9")),
        goal_line("a price change shows, p99: s", numbers(price, 2), *judged(price, "≤ 2")),
        goal_line("… p50: s", f"{percentile(pod['price_seconds'], 50):.2f}"),
        goal_line("pod: ready after: s", f"{pod['ready_seconds']:.0f}"),
        goal_line("pod: memory when ready; after the queries; after the changes: MB",
              "; ".join(f"{pod[each] / 1e6:.0f}" for each in
                        ("memory_ready", "memory_after_queries", "memory_after_changes"))),
        goal_line("pod: the same queries over HTTP, p50; p99: ms",
              f"{1000 * percentile(http, 50):.1f}; {1000 * percentile(http, 99):.1f}"),
    ]  # fmt: skip


def _rounds(rows: Sequence[Row], engine: str) -> list[Row]:
    return [row for row in of(rows, "queries") if row["engine"] == engine]


def mrr(ranks: Sequence[int | None]) -> float:
    """Mean reciprocal rank: 1 where the right one is always first."""
    return statistics.fmean(1 / rank if rank else 0.0 for rank in ranks)


def percentile(values: Sequence[float], of: int) -> float:
    """The smallest value that so many per cent of them are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * of // 100) - 1)]


def plot(measured: Row, file: Path) -> None:
    """Right answers against time, one mark for each engine: up and left is better."""
    rows: list[Row] = measured["rows"]
    pyplot = plotting()
    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    for name in (row["engine"] for row in of(rows, "load")):
        rounds = _rounds(rows, name)
        right = statistics.median(mrr(row["ranks"]) for row in rounds)
        times = [
            1000 * statistics.median(percentile(row["seconds"], of) for row in rounds) for of in (50, 99)
        ]
        [line] = axes.plot(times, [right, right], "-", linewidth=1)
        axes.plot(times[1], right, "o", color=line.get_color(), label=name)
    axes.axvline(20, color="grey", linewidth=0.8, linestyle=":")
    axes.axhline(0.9, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", ylim=(0, 1.05), xlabel="p50 (line's other end) to p99 (dot): ms", ylabel="MRR@10")
    axes.set_title(f"{len(rounds[0]['ranks'])} known-item queries, half with a typo; dotted: the goals")
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
