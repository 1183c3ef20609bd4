"""From calls and rows to figures: what is counted, and that a missed goal is not hidden."""

import json
from pathlib import Path
from typing import Any

import pytest
from shop_bench.operator import audit, report
from shop_bench.operator.rows import spread


def entry(verb: str, uri: str, *, agent: str = "shop-operator/1", **about: str) -> str:
    return json.dumps(
        {
            "verb": verb,
            "userAgent": agent,
            "requestURI": uri,
            "objectRef": about,
            "requestReceivedTimestamp": "2026-11-21T10:00:00.000000Z",
            "stageTimestamp": "2026-11-21T10:00:00.250000Z",
            "responseStatus": {"code": 200},
        }
    )


def test_calls_are_read_from_a_mark_and_counted_by_verb(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    before = entry("get", "/before", resource="pods") + "\n"
    lines = [
        entry("list", "/pods?limit=250", resource="pods"),
        entry("list", "/pods?limit=250&continue=x", resource="pods"),
        entry("patch", "/status", resource="shopservices", name="cart", subresource="status"),
        json.dumps({"verb": "get", "userAgent": "x", "requestURI": "/version"}),
    ]
    log.write_text(before + "\n".join(lines) + "\n")
    found = list(audit.calls(log, since=len(before)))
    assert audit.counted(found) == {"list": 2, "patch status": 1}
    assert [call.first_page for call in found] == [True, False, False]
    assert found[0].agent == "shop-operator"
    assert found[0].ended - found[0].begun == pytest.approx(0.25)


def test_a_repair_that_never_came_is_counted_and_not_averaged_away() -> None:
    assert spread([0.010, 0.020, 0.030, float("inf")]) == {
        "count": 4, "missing": 1, "p50_ms": 20.0, "p99_ms": 30.0, "max_ms": 30.0,
    }  # fmt: skip
    assert spread([float("inf")]) == {"count": 1, "missing": 1}


def restart(**changed: Any) -> dict[str, Any]:
    return {
        "row": "restart", "size": 1000, "seconds_after_import": 1.5, "peak_mb": 130, "writes": 0, "lists": 15,
        "pages": 51, "listed_twice": [], **changed,
    }  # fmt: skip


def lines(*rows: dict[str, Any]) -> str:
    return report.table({"commit": "0", "cores": 2, "python": "3", "rows": list(rows)})


def test_the_table_has_median_least_and_most_beside_the_goal() -> None:
    table = lines(restart(), restart(seconds_after_import=1.7), restart(seconds_after_import=2.5))
    assert "| restart, converged after import: s | 1,000 | 1.70 [1.50 – 2.50] | ≤ 2 | reached |" in table
    assert "missed" not in table


@pytest.mark.parametrize("wrong", [{"writes": 1}, {"peak_mb": 151}, {"seconds_after_import": 2.1}])
def test_a_goal_that_is_missed_is_said(wrong: dict[str, Any]) -> None:
    assert lines(restart(**wrong)).count("**missed**") == 1


def test_a_goal_for_another_size_is_not_judged() -> None:
    table = lines(restart(size=100, seconds_after_import=9, peak_mb=999))
    assert "missed" not in table
