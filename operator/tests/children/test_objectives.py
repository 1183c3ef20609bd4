"""The parameters of the alerts, and what the dashboard is given; what the rules do is in test_rules."""

import json
import subprocess
import sys
from decimal import Decimal

import pytest
from shop_operator.api import parse
from shop_operator.api.slo import Slo
from shop_operator.children import Context, build, dashboard
from shop_operator.children.objectives import le, objectives, pairs, text

from . import golden

WITH_DASHBOARD = [
    (name, text)
    for name in golden.ACCEPTED
    for child in golden.case(name).children()
    if child["kind"] == "ConfigMap" and child["metadata"]["name"].endswith("-dashboard")
    for text in child["data"].values()
]


def windows(per_cent: str, period: int) -> list[tuple[str, str, str, Decimal]]:
    [objective] = objectives(Slo(availability=per_cent))
    return [(p.severity, text(p.long), text(p.short), p.factor) for p in pairs(objective, period)]


def test_thirty_days_are_as_in_the_workbook() -> None:
    assert windows("99.9", 30) == [
        ("page", "1h", "5m", Decimal("14.4")),
        ("page", "6h", "30m", Decimal(6)),
        ("ticket", "1d", "2h", Decimal(3)),
        ("ticket", "3d", "6h", Decimal(1)),
    ]


def test_other_periods_are_in_proportion() -> None:
    """So an alert stands for the same share of the budget: 2, 5, 10 and 10 per cent."""
    assert [(long, short) for _, long, short, _ in windows("99.9", 90)] == [
        ("3h", "15m"), ("18h", "1h30m"), ("3d", "6h"), ("9d", "18h"),
    ]  # fmt: skip
    assert [(long, short) for _, long, short, _ in windows("99.9", 7)] == [
        ("14m", "5m"), ("1h24m", "7m"), ("5h36m", "28m"), ("16h48m", "1h24m"),
    ]  # fmt: skip
    for pair in pairs(objectives(Slo(availability="99.9"))[0], 60):
        share = pair.factor * pair.long / (60 * 24 * 60)
        assert share in (Decimal("0.02"), Decimal("0.05"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("per_cent", "factors"),
    [("93", ["6", "3", "1"]), ("80", ["3", "1"]), ("50", ["1"]), ("99", ["14.4", "6", "3", "1"])],
)
def test_what_could_not_fire_if_all_failed_is_left_out(per_cent: str, factors: list[str]) -> None:
    assert [str(factor) for *_, factor in windows(per_cent, 30)] == factors


@pytest.mark.parametrize(
    ("threshold", "label"), [("5ms", "0.005"), ("75ms", "0.075"), ("1s", "1.0"), ("2.5s", "2.5")]
)
def test_a_threshold_is_a_bucket(threshold: str, label: str) -> None:
    assert le(threshold) == label


@pytest.mark.parametrize(
    "text", [text for _, text in WITH_DASHBOARD], ids=[name for name, _ in WITH_DASHBOARD]
)
def test_a_dashboard_is_small_and_has_no_holes(text: str) -> None:
    assert len(text) <= 24 * 1024
    assert "<" not in text.replace("<=", "").replace("< ", "")
    found = json.loads(text)
    assert {v["name"] for v in found["templating"]["list"]} == {"datasource", "namespace", "service"}
    taken = {
        (x, y)
        for panel in found["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    }
    area = sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in found["panels"])
    assert len(taken) == area, "panels overlap"
    assert {y for _, y in taken} == set(range(max(y for _, y in taken) + 1)), "there is a gap"


def test_the_longest_dashboard_has_everything() -> None:
    case = golden.case("everything")
    [text] = [text for name, text in WITH_DASHBOARD if name == "everything"]
    rows = [panel["title"] for panel in json.loads(text)["panels"] if panel["type"] == "row"]
    assert rows == [
        "State", "Objectives", "Requests", "Pods", "Autoscaling", "Database", "Cache",
        "Calls to other services", "Events",
    ]  # fmt: skip
    assert json.loads(text)["uid"] == f"{case.shop.namespace}_{case.shop.name}"


def test_a_uid_is_of_a_length_that_grafana_takes_and_belongs_to_one_service() -> None:
    assert dashboard.uid("shop", "catalog") == "shop_catalog"
    assert dashboard.uid("a-b", "c") != dashboard.uid("a", "b-c")
    long = {dashboard.uid("n" * 63, "s" * 39 + end) for end in "xy"}
    assert len(long) == 2
    assert all(len(uid) <= 40 for uid in long)


def test_the_dashboard_follows_objectives_unless_it_is_said() -> None:
    def made(**spec: object) -> bool:
        shop = parse({
            "apiVersion": "shopservice.dev/v1", "kind": "ShopService", "metadata": {"name": "catalog"},
            "spec": {"image": "x", "ports": [{"name": "http", "port": 8080}], **spec},
        })  # fmt: skip
        return any(child["metadata"]["name"] == "catalog-dashboard" for child in build(shop, Context()))

    slo = {"availability": "99.9"}
    assert [made(), made(slo=slo), made(slo=slo, monitoring={"dashboard": False})] == [False, True, False]
    assert made(monitoring={"dashboard": True})


def test_the_running_operator_never_loads_the_sdk() -> None:
    code = (
        "import sys, shop_operator.engine.main, shop_operator.children;"
        "print([name for name in sys.modules if name.startswith('grafana')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
