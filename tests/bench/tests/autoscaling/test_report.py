"""Goals that are reached, goals that are missed, and the plot."""

from pathlib import Path
from typing import Any

import pytest
from shop_bench.autoscaling import report
from shop_bench.autoscaling.treatments import ORDER

from .seen import document, line, measured


def rounds(count: int = 2, **changed: Any) -> list[dict[str, Any]]:
    return [measured(name, number, **changed) for number in range(1, count + 1) for name in ORDER]


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


def test_the_plot_has_all_four_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(document(*rounds()), tmp_path / "autoscaling.svg")
    assert (tmp_path / "autoscaling.svg").read_text().count('id="axes_') == 4
