"""From rows to a table, with the differences world by world, and a plot."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from shop_bench.figures import Row, plotting

OURS, CEILING = "model", "oracle"
TO_BEAT = ("item-kNN", "popularity")
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 11: 2.201}
"""Two-sided quantiles of Student's t by degrees of freedom."""


def table(measured: Row) -> str:
    """Markdown."""
    rows: list[Row] = measured["rows"]
    names = list(dict.fromkeys(row["rival"] for row in rows))
    seeds = sorted({row["seed"] for row in rows})
    lines = [
        "# Recommendations, measured",
        "",
        f"Commit {measured['commit']}, Python {measured['python']}. {len(seeds)} made-up worlds "
        f"(seeds {seeds[0]}–{seeds[-1]}), in each {_range(rows, 'happenings')} happenings to learn from and "
        f"{_range(rows, 'questions')} held-out steps: which product is looked at next? Mean over the worlds "
        "[least – most]. The model and item-kNN were tuned on a world of another seed. "
        "`make bench-recommendation` makes this file. Times are by the clock, beside whatever else ran.",
        "",
        "| | recall@10 | nDCG@10 | coverage | share of the oracle's recall | recall@10, new shoppers "
        "| recall@10, new products | training s | answer ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(rows, name, seeds) for name in names]
    lines += ["", "The model against each, world by world; the interval is Student's t over the worlds:", ""]
    lines += [
        "| | recall@10: difference, 95 % | worlds won | nDCG@10: difference, 95 % | worlds won | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_against(rows, name, seeds) for name in names if name not in (OURS, CEILING)]
    stored = [row["bytes"] for row in rows if "bytes" in row]
    lines += ["", f"A model takes {statistics.mean(stored) / 1024:.0f} KiB as it is stored.", ""]
    return "\n".join(lines)


def differences(rows: Sequence[Row], name: str, field: str) -> list[float]:
    """The model's figure less that of another one, for each world."""
    ours, other = ({row["seed"]: row[field] for row in rows if row["rival"] == each} for each in (OURS, name))
    return [ours[seed] - other[seed] for seed in sorted(ours)]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval; that of one value is not known."""
    if len(values) < 2:
        return statistics.fmean(values), math.inf
    freedom = len(values) - 1
    quantile = next((T_95[each] for each in sorted(T_95, reverse=True) if each <= freedom), 12.706)
    return statistics.fmean(values), quantile * statistics.stdev(values) / math.sqrt(len(values))


def _line(rows: Sequence[Row], name: str, seeds: Sequence[int]) -> str:
    own = {row["seed"]: row for row in rows if row["rival"] == name}
    best = {row["seed"]: row for row in rows if row["rival"] == CEILING}
    shares = [own[seed]["recall"] / best[seed]["recall"] for seed in seeds]
    cells = [
        *(_spread([own[seed][field] for seed in seeds]) for field in ("recall", "ndcg")),
        _spread([own[seed]["coverage"] for seed in seeds], 2),
        _spread(shares, 2),
        *(
            _spread([own[seed][field] for seed in seeds])
            for field in ("recall_new_shoppers", "recall_new_products")
        ),
        *(f"{statistics.fmean(own[s][f] for s in seeds):.1f}" for f in ("training_seconds", "answer_ms")),
    ]
    shown = f"**{name}**" if name == OURS else name
    return f"| {shown} | " + " | ".join(cells) + " |"


def _against(rows: Sequence[Row], name: str, seeds: Sequence[int]) -> str:
    cells, beaten = [], True
    for field in ("recall", "ndcg"):
        found = differences(rows, name, field)
        mean, half = interval(found)
        beaten &= mean - half > 0
        cells += [f"{mean:+.4f} ± {half:.4f}", f"{sum(each > 0 for each in found)} of {len(seeds)}"]
    verdict = ("reached" if beaten else "**missed**") if name in TO_BEAT else ""
    return f"| {name} | " + " | ".join(cells) + f" | {verdict} |"


def _range(rows: Sequence[Row], field: str) -> str:
    values = [row[field] for row in rows]
    return f"{min(values):,}" if min(values) == max(values) else f"{min(values):,}–{max(values):,}"


def _spread(values: Sequence[float], digits: int = 3) -> str:
    return f"{statistics.fmean(values):.{digits}f} [{min(values):.{digits}f} – {max(values):.{digits}f}]"


def plot(measured: Row, file: Path) -> None:
    """Each recommender's figures, a dot for each world."""
    pyplot = plotting()
    rows: list[Row] = measured["rows"]
    names = list(dict.fromkeys(row["rival"] for row in rows))
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    panels = (("recall", "recall@10"), ("ndcg", "nDCG@10"), ("coverage", "coverage of the catalogue"))
    for axis, (field, title) in zip(axes, panels, strict=True):
        for place, name in enumerate(names):
            values = [row[field] for row in rows if row["rival"] == name]
            colour = {OURS: "C2", CEILING: "0.5"}.get(name, "C0")
            axis.barh(place, statistics.fmean(values), color=colour, alpha=0.5)
            axis.plot(values, [place] * len(values), ".", color=colour, alpha=0.8)
        axis.set(title=title, yticks=range(len(names)), xlim=(0, None))
        axis.set_yticklabels(names if field == "recall" else [])
        axis.invert_yaxis()
        axis.grid(alpha=0.3, axis="x")
    figure.savefig(file, metadata={"Date": None})
