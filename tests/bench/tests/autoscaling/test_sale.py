"""One service is on sale, its neighbours are not touched."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shop_bench.autoscaling import ledger
from shop_bench.autoscaling.cluster import Cluster
from shop_bench.load.samples import Request
from shop_bench.sale import crowd, report, run
from shop_platform.process import Failure

from .seen import FakePlatform, document, sold


def test_those_on_sale_come_first_and_the_others_are_looked_at() -> None:
    cart, catalog, user = sold()["services"]
    assert [row["service"] for row in (cart, catalog, user)] == ["cart", "catalog", "user"]
    assert (catalog["pods_before"], catalog["most_pods"], catalog["decision_s"]) == (1, 3, 12)
    assert (user["p99_before_ms"], user["p99_ms"], user["requests"]) == (20.0, 20.0, 60)
    assert (cart["p99_ms"], cart["objective_ms"]) == (None, None)
    assert report.kept([user])


SCALED = sold(others=2)
SLOW = sold(Request(210, 0.3, "user", "POST /guests", "errand"))
FAILED = sold(Request(210, 0.01, "user", "POST /guests", "errand", "status 503"))


@pytest.mark.parametrize(
    ("sales", "kept"),
    [
        ((sold(), sold(), sold()), True),
        ((sold(), sold(), SCALED), False),
        ((sold(), sold(), FAILED), False),
        ((sold(), SLOW, SLOW), False),
        ((sold(), sold(), SLOW), True),
    ],
    ids=["as ever", "scaled once", "failed once", "slower than its objective", "slower once"],
)
def test_a_neighbour_that_is_touched_by_sales_has_not_kept(sales: list[dict[str, Any]], kept: bool) -> None:
    assert report.kept(report.by_service(sales)["user"]) == kept
    assert ("**not kept**" in report.table(document(*sales))) != kept


def test_those_on_sale_scale_in_every_sale_or_the_report_says_so() -> None:
    assert "| catalog | 1 | 3 | 12.0 |" in report.table(document(sold(), sold()))
    assert report.table(document(sold(), sold())).count("**not scaled**") == 1, "cart has no work here"


def test_a_run_rests_before_each_sale_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def one(*_: Any) -> dict[str, Any]:
        if len(done) == 5 and "stopped" not in done:
            done.append("stopped")
            raise Failure("the load ended with 1")
        done.append("sale")
        return sold()

    monkeypatch.setattr(Cluster, "rest", lambda self: done.append("rest"))
    monkeypatch.setattr(run, "existing", FakePlatform)
    monkeypatch.setattr(run, "on_cluster", lambda platform: {})
    monkeypatch.setattr(run, "FULL", replace(run.FULL, rounds=3))
    monkeypatch.setattr(run.crowd, "run", one)
    monkeypatch.setattr(ledger, "own_cache", lambda: tmp_path)
    told: list[str] = []
    with pytest.raises(Failure, match="the load ended"):
        run.measure(quick=False, tell=told.append)
    assert done == ["rest", "sale", "rest", "sale", "rest", "stopped"]
    rows = run.measure(quick=False, tell=told.append)
    assert done[6:] == ["rest", "sale"]
    assert [row["round"] for row in rows] == [1, 2, 3]
    assert told[-1] == "sale 3: catalog 1 → 3; p99 of user 20 ms; 0 failed"


def test_the_plot_has_both_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the dependency group `bench`")
    report.plot(document(sold(), SCALED), tmp_path / "sale.svg")
    assert (tmp_path / "sale.svg").read_text().count('id="axes_') == 2


@pytest.mark.parametrize(("text", "found"), [("250ms", 250), ("1s", 1000), ("1.5s", 1500)])
def test_objectives_are_durations(text: str, found: float) -> None:
    service = {"metadata": {"name": "user"}, "spec": {"slo": {"latency": {"threshold": text}}}}
    assert crowd.thresholds([service, {"metadata": {"name": "mailbox"}, "spec": {}}]) == {"user": found}
    with pytest.raises(ValueError, match="5m"):
        crowd.milliseconds("5m")
