"""Goals that are reached, goals that are missed, and the plot."""

from pathlib import Path
from typing import Any

import pytest
from shop_bench.autoscaling import report
from shop_bench.autoscaling.treatments import ORDER

from .seen import document, figures, sold


def measured(name: str, round: int = 1, target: float = 20, **changed: Any) -> dict[str, Any]:
    decided = {"metrics": 10.0, "cpu": 30.0, "fixed": None}[name]
    return {
        "row": "step", "treatment": name, "target": target, "round": round, "value": 20, **figures(),
        "decision_s": decided, "event_s": decided, "ready_s": None if decided is None else decided + 4,
        "pod_seconds": 200.0, "p99_ms": 100.0, **changed,
    }  # fmt: skip


def rounds(count: int = 2, **changed: Any) -> list[dict[str, Any]]:
    return [measured(name, number, **changed) for number in range(1, count + 1) for name in ORDER]


def line(table: str, beginning: str) -> list[str]:
    [found] = [each for each in table.splitlines() if each.startswith(f"| {beginning}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_goals_that_are_reached() -> None:
    table = report.table(document(*rounds()))
    assert line(table, "step → first added pod Ready, p50")[1:] == ["14.0", "≤ 15", "reached"]
    assert line(table, "decision of CPU")[1:] == ["3.00", "≥ 2", "reached"]
    assert line(table, "CPU decides later")[1] == "20.0 [20.0, 20.0]"
    assert line(table, "failed requests")[1:] == ["0", "≤ 0", "reached"]
    assert "missed" not in table


@pytest.mark.parametrize(
    ("changed", "which"),
    [
        ({"ready_s": 16.0}, "step → first added pod Ready, p50"),
        ({"ready_s": None}, "step → first added pod Ready, p90"),
        ({"decision_s": 16.0}, "decision of CPU"),
        ({"failed": 1, "errors": ["status 503"]}, "failed requests"),
    ],
)
def test_goals_that_are_missed(changed: dict[str, Any], which: str) -> None:
    own = [measured("metrics", number, **changed) for number in (1, 2)]
    others = [row for row in rounds() if row["treatment"] != "metrics"]
    assert line(report.table(document(*own, *others)), which)[-1] == "**missed**"


def test_what_failed_is_named() -> None:
    table = report.table(document(*rounds(failed=2, errors=["status 503"])))
    assert line(table, "the platform's")[6] == "4"
    assert "What failed: status 503." in table


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
    return [*own, *cpu, measured("fixed")]


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [((100, 200, 300), "reached"), ((90, 180, 290), "reached"), ((100, 250, 300), "**missed**")],
)
def test_a_curve_that_is_above_that_of_cpu_anywhere_is_worse(costs: tuple[float, ...], verdict: str) -> None:
    table = report.table(document(*curve(*costs)))
    assert line(table, "p99 by what the CPU curve buys")[-1] == verdict


def test_the_steps_that_are_compared_are_those_that_all_had() -> None:
    assert {row["target"] for row in report.steps(curve(100, 200, 300))} == {20}


def test_the_plot_has_all_six_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(document(*rounds(), *curve(100, 200, 300), sold()), tmp_path / "autoscaling.svg")
    assert (tmp_path / "autoscaling.svg").read_text().count('id="axes_') == 6
