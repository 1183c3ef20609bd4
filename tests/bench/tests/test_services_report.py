"""From samples and rows to figures of the services: no failure and no missed goal is hidden."""

import math
from pathlib import Path
from typing import Any

import pytest
from shop_bench.process import shares_of_memory
from shop_bench.services import imports, report
from shop_bench.services.load import figures
from shop_platform.openload import Sample

IMPORTTIME = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   encodings.aliases
import time:       900 |       1000 | encodings
a line of something else
import time:      2500 |       2500 |     sqlalchemy.util
import time:      5000 |       7500 |   sqlalchemy
import time:      1000 |       8500 | shop_catalog
"""
ROLLUP = """\
561fac7ab000-7ffd853cf000 ---p 00000000 00:00 0                          [rollup]
Rss:              102400 kB
Pss:               61440 kB
Private_Clean:      1024 kB
Private_Dirty:     50176 kB
Shared_Clean:      51200 kB
"""


def test_what_failed_is_neither_rate_nor_latency() -> None:
    good = [Sample(at, 0.010 * (1 + at)) for at in range(4)]
    found = figures([*good, Sample(9, 9.0, "status 429")], 2.0, {"catalog": 0.004, "load": 1.0})
    assert (found["answered"], found["failed"], found["errors"]) == (4, 1, ["status 429"])
    assert (found["per_second"], found["p50_ms"], found["p99_ms"]) == (2.0, 20.0, 40.0)
    assert (found["per_core"], found["cpu_us_per_request"]) == (1000.0, 1000.0)
    assert found["cores"] == {"catalog": 0.0, "load": 0.5}


def test_of_nothing_answered_there_are_no_figures() -> None:
    found = figures([Sample(0, 1.0, "status 503")], 1.0, {"catalog": 0.5})
    assert [found[name] for name in ("p50_ms", "p99_ms", "cpu_us_per_request")] == [None, None, None]
    assert not any(isinstance(value, float) and math.isnan(value) for value in found.values())


def test_imports_are_charged_to_the_package_whose_modules_they_are() -> None:
    assert imports.costliest(IMPORTTIME, shown=2) == [("sqlalchemy", 7.5), ("encodings", 1.0)]
    assert imports.total(IMPORTTIME) == 9.5


def test_memory_that_others_map_too_is_a_share() -> None:
    assert shares_of_memory(ROLLUP) == {"proportional_mib": 60.0, "resident_mib": 100.0, "own_mib": 50.0}


def reference(party: str, round: int, rate: float, cpu: float, **changed: Any) -> dict[str, Any]:
    return {
        "row": "reference", "party": party, "round": round, "per_second": rate, "per_core": 1e6 / cpu,
        "cpu_us_per_request": cpu, "failed": 0, "errors": [], "cores": {"service": 1.0, "load": 0.3},
        **changed,
    }  # fmt: skip


def route(load: str, round: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "row": "route", "route": "product list", "service": "catalog", "load": load, "round": round,
        "asked_per_second": 50.0 if load == "open" else None, "per_second": 800.0, "per_core": 900.0,
        "p50_ms": 4.0, "p99_ms": 9.0, "failed": 0, "errors": [], "cores": {"catalog": 0.9, "redis": 0.0},
        **changed,
    }  # fmt: skip


def memory(when: str, proportional: float) -> dict[str, Any]:
    return {
        "row": "memory", "service": "catalog", "when": when, "proportional_mib": proportional,
        "own_mib": 60.0, "resident_mib": 130.0,
    }  # fmt: skip


def document(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"commit": "0", "cores": 2, "python": "3", "rows": list(rows)}


def line(table: str, beginning: str) -> list[str]:
    [found] = [each for each in table.splitlines() if each.startswith(f"| {beginning} ")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def turns(chassis: float, bare: float, cpu: float) -> list[dict[str, Any]]:
    rates = ((chassis, bare), (chassis * 2, bare * 2))
    return [
        reference(party, number, rate, cost)
        for number, pair in enumerate(rates, 1)
        for party, rate, cost in (("chassis", pair[0], cpu), ("bare", pair[1], 400.0))
    ]


def test_chassis_and_bare_are_compared_within_each_turn() -> None:
    table = report.table(document(*turns(900, 1000, 550)))
    # The machine was twice as fast in the second turn, for both.
    assert line(table, "ratio of the two") == ["ratio of the two", "0.90", "≥ 0.85", "reached"]
    assert line(table, "CPU added")[1:] == ["150", "≤ 200", "reached"]
    assert line(table, "chassis: requests/s")[1] == "1350.0 [900.0 – 1800.0]"
    assert "missed" not in table


@pytest.mark.parametrize(
    ("chassis", "cpu", "which"), [(840, 550, "ratio of the two"), (900, 601, "CPU added")]
)
def test_a_goal_that_is_missed_is_said(chassis: float, cpu: float, which: str) -> None:
    table = report.table(document(*turns(chassis, 1000, cpu)))
    assert line(table, which)[-1] == "**missed**"
    assert table.count("**missed**") == 1


def test_a_turn_without_its_counterpart_is_left_out() -> None:
    table = report.table(document(*turns(900, 1000, 550), reference("chassis", 3, 10, 9000)))
    assert line(table, "ratio of the two")[1] == "0.90"


def test_failures_of_a_route_stand_beside_its_figures() -> None:
    failed = route("saturated", failed=7, errors=["status 429"])
    table = report.table(document(route("open"), route("open", 2, p99_ms=20.0), failed))
    cells = line(table, "product list")
    assert cells[1:5] == ["catalog", "50", "4.0", "14.5 [9.0 – 20.0]"]
    assert cells[-2:] == ["**7**: status 429", "catalog 0.90"]


def test_idle_memory_is_judged_and_memory_after_load_is_not() -> None:
    table = report.table(document(memory("idle", 119.0), memory("loaded", 160.0)))
    assert line(table, "catalog")[1:7] == ["119.0", "60.0", "130.0", "≤ 120", "reached", "160.0"]
    assert "missed" not in table
    assert "**missed**" in report.table(document(memory("idle", 121.0), memory("loaded", 160.0)))


def test_the_ten_costliest_imports_of_a_service_are_listed() -> None:
    row = imports.row("catalog", "shop_catalog")
    names = [name for name, _ in row["packages"]]
    assert len(names) == len(set(names)) == imports.SHOWN
    assert {"sqlalchemy", "pydantic", "fastapi"} <= set(names)
    table = report.table(document(row))
    assert all(name in line(table, "catalog")[2] for name in names)


def test_the_plot_has_all_four_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    rows = [
        *turns(900, 1000, 550),
        route("open"),
        route("saturated"),
        memory("idle", 90),
        memory("loaded", 95),
    ]
    report.plot(document(*rows), tmp_path / "services.svg")
    drawn = (tmp_path / "services.svg").read_text()
    assert drawn.count('id="axes_') == 4
