"""Curves of what a p99 costs, and their plot."""

from pathlib import Path
from typing import Any

import pytest
from shop_bench.scaling_cost import report

from .seen import document, line, measured


def curve(*costs: float) -> list[dict[str, Any]]:
    """At three targets, p99 of 300, 200 and 100 ms for so many pod-seconds; CPU's for 100, 200, 300."""
    points = list(zip((28, 20, 14), (300.0, 200.0, 100.0), strict=True))
    own = [
        measured("metrics", 1, t, p99_ms=p, pod_seconds=c) for (t, p), c in zip(points, costs, strict=True)
    ]
    cpu = [
        measured("cpu", 1, t, p99_ms=p, pod_seconds=c)
        for (t, p), c in zip(points, (100, 200, 300), strict=True)
    ]
    return [*own, *cpu]


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [((100, 200, 300), "reached"), ((90, 180, 290), "reached"), ((100, 250, 300), "**missed**")],
)
def test_a_curve_that_is_above_that_of_cpu_anywhere_is_worse(costs: tuple[float, ...], verdict: str) -> None:
    table = report.table(document(*curve(*costs)))
    assert line(table, "p99 by what the CPU curve buys")[-1] == verdict


def test_each_target_has_a_line_of_each_autoscaler() -> None:
    table = report.table(document(*curve(100, 200, 300)))
    assert line(table, "14 | the platform's") == ["14", "the platform's", "300", "100", "0"]
    assert line(table, "28 | HPA on CPU") == ["28", "HPA on CPU", "100", "300", "0"]


def test_the_plot_has_both_curves(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(document(*curve(100, 200, 300)), tmp_path / "cost.svg")
    assert (tmp_path / "cost.svg").read_text().count('id="line2d_') > 2
