"""One service is on sale, its neighbours are not touched."""

from typing import Any

import pytest
from shop_bench.autoscaling import report, sale
from shop_bench.load.samples import Request

from .seen import document, sold


def test_those_on_sale_come_first_and_the_others_are_looked_at() -> None:
    cart, catalog, user = sold()["services"]
    assert [row["service"] for row in (cart, catalog, user)] == ["cart", "catalog", "user"]
    assert (catalog["pods_before"], catalog["most_pods"], catalog["decision_s"]) == (1, 3, 12)
    assert (user["p99_before_ms"], user["p99_ms"], user["requests"]) == (20.0, 20.0, 60)
    assert (cart["p99_ms"], cart["objective_ms"]) == (None, None)
    assert sale.kept(user)


@pytest.mark.parametrize(
    "row",
    [
        sold(others=2),
        sold(Request(210, 0.3, "user", "POST /guests", "errand")),
        sold(Request(210, 0.01, "user", "POST /guests", "errand", "status 503")),
    ],
    ids=["scaled", "slower than its objective", "failed"],
)
def test_a_neighbour_that_is_touched_by_the_sale_has_not_kept(row: dict[str, Any]) -> None:
    assert not sale.kept(row["services"][-1])
    assert "**not kept**" in report.table(document(row))


@pytest.mark.parametrize(("text", "found"), [("250ms", 250), ("1s", 1000), ("1.5s", 1500)])
def test_objectives_are_durations(text: str, found: float) -> None:
    service = {"metadata": {"name": "user"}, "spec": {"slo": {"latency": {"threshold": text}}}}
    assert sale.thresholds([service, {"metadata": {"name": "mailbox"}, "spec": {}}]) == {"user": found}
    with pytest.raises(ValueError, match="5m"):
        sale.milliseconds("5m")
