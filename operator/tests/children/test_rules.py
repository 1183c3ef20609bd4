"""The alerts of spec.slo, evaluated by Prometheus: each fires when it should, and at no other time."""

from pathlib import Path
from typing import Any

import pytest
from kindlocal import promtool
from kindlocal.promtool import Story
from shop_operator.api import parse
from shop_operator.children import Context, build

from . import golden

pytestmark = pytest.mark.apiserver

BURN = "AvailabilityBudgetBurn"
HOUR, DAY = 60, 24 * 60


def groups(**slo: Any) -> list[dict[str, Any]]:
    shop = parse({
        "apiVersion": "shopservice.dev/v1", "kind": "ShopService",
        "metadata": {"name": "catalog", "namespace": "shop"},
        "spec": {"image": "x", "ports": [{"name": "http", "port": 8080}], "slo": slo},
    })  # fmt: skip
    [rule] = [
        c for c in build(shop, Context(kinds=frozenset({"PrometheusRule"}))) if c["kind"] == "PrometheusRule"
    ]
    found: list[dict[str, Any]] = rule["spec"]["groups"]
    return found


def story(step: int = 30, **slo: Any) -> Story:
    return Story(groups(**slo), step)


def days(**slo: Any) -> Story:
    """A story that lasts so long: each window of five minutes is looked at once, and has two samples."""
    return Story(groups(**slo), step=150, every=300)


def answers(told: Story, status: int, *phases: tuple[float, float], fast: float = 1, pod: str = "a") -> None:
    """(minutes, requests per second) with that status; `fast` of them within 250 ms."""
    labels = f'namespace="shop",job="catalog",pod="{pod}",http_route="/",http_response_status_code="{status}"'
    told.counter(f"http_server_request_duration_seconds_count{{{labels}}}", *phases)
    within = [(minutes, rate * fast) for minutes, rate in phases]
    told.counter(f'http_server_request_duration_seconds_bucket{{{labels},le="0.25"}}', *within)


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_promtool_finds_no_fault(name: str, tmp_path: Path) -> None:
    for child in golden.case(name).children():
        if child["kind"] == "PrometheusRule":
            promtool.check(child["spec"]["groups"], tmp_path)


def test_an_outage_pages_within_minutes_and_is_over_soon_after(tmp_path: Path) -> None:
    told = story(availability="99.9")
    answers(told, 200, (6 * HOUR, 10), (10, 0), (2 * HOUR, 10))
    answers(told, 500, (6 * HOUR, 0), (10, 10), (2 * HOUR, 0))
    outage = 6 * HOUR
    told.silent(outage, BURN)
    told.fires(outage + 3, BURN, "page")
    told.fires(outage + 10, BURN, "page")
    told.silent(outage + 10 + 36, BURN, "page")
    told.fires(outage + 10 + 36, BURN, "ticket")
    told.told(tmp_path)


@pytest.mark.parametrize(
    ("per_cent", "severity", "before", "not_yet", "by_now"),
    [
        (2, "page", DAY, 40, 50),  # 14.4 times 0.1 % of an hour: 43 minutes
        (1, "page", 2 * DAY, 3 * HOUR + 20, 4 * HOUR),  # 6 times, of six hours: 3 h 36 min
        (0.5, "ticket", 3 * DAY, 13 * HOUR, 16 * HOUR),  # 3 times, of a day: 14 h 24 min
        (0.2, "ticket", 3 * DAY, 34 * HOUR, 38 * HOUR),  # once, of three days: 36 h
    ],
)
def test_the_faster_the_budget_burns_the_sooner(
    per_cent: float, severity: str, before: float, not_yet: float, by_now: float, tmp_path: Path
) -> None:
    """After days without a fault, enough for the windows that are longer, so many per cent of the requests
    fail, of which 0.1 may."""
    told = days(availability="99.9")
    answers(told, 200, (before, 100), (by_now + HOUR, 100 - per_cent))
    answers(told, 500, (before, 0), (by_now + HOUR, per_cent))
    told.silent(before + not_yet, BURN)
    told.fires(before + by_now, BURN, severity)
    told.told(tmp_path)


def test_half_of_what_is_allowed_disturbs_nobody(tmp_path: Path) -> None:
    told = days(availability="99.9")
    end = 3 * DAY + 2 * HOUR  # the longest window is full
    answers(told, 200, (end, 99.95))
    answers(told, 500, (end, 0.05))
    for hours in range(1, end // HOUR, 5):
        told.silent(hours * HOUR, BURN)
    budget = 'shopservice:slo_budget_remaining:ratio{namespace="shop",job="catalog",slo="availability"}'
    told.equals(end - 5, f"round({budget}, 0.01)", [sample(0.5)])
    told.told(tmp_path)


def test_a_page_ends_minutes_after_its_cause(tmp_path: Path) -> None:
    """The hour still holds too many failures then; the last five minutes do not."""
    told = story(availability="99.9")
    answers(told, 200, (6 * HOUR, 10), (50, 9.8), (HOUR, 10))
    answers(told, 500, (6 * HOUR, 0), (50, 0.2), (HOUR, 0))
    end = 6 * HOUR + 50
    told.fires(end, BURN, "page")
    told.silent(end + 6, BURN, "page")
    told.told(tmp_path)


def test_without_traffic_there_is_nothing_to_alert_of(tmp_path: Path) -> None:
    told = days(availability="99.9", latency={"threshold": "250ms", "target": "99"})
    for status in (200, 500):
        answers(told, status, (8 * HOUR, 0))
    for minutes in (5, HOUR, 8 * HOUR - 5):
        told.silent(minutes, BURN)
        told.silent(minutes, "LatencyBudgetBurn")
        told.equals(minutes, "shopservice:slo_errors:ratio", [])
    told.told(tmp_path)


def test_a_service_that_was_never_called_has_no_rates(tmp_path: Path) -> None:
    told = story(availability="99.9")
    told.equals(HOUR, '{__name__=~"shopservice:slo_(errors|requests|budget).*"}', [])
    told.silent(HOUR, BURN)
    told.told(tmp_path)


def test_a_page_ends_when_nobody_calls_any_more(tmp_path: Path) -> None:
    told = story(availability="99.9")
    answers(told, 500, (10, 10), (2 * HOUR, 0))
    told.fires(10, BURN, "page")
    told.silent(10 + 36, BURN, "page")
    told.told(tmp_path)


@pytest.mark.parametrize("failures", [1, 4, 6])
def test_with_little_traffic_a_few_failures_are_no_reason(failures: int, tmp_path: Path) -> None:
    """One request in a minute: a single failure is 1.7 per cent of an hour's, above the limit of 1.44."""
    told = story(availability="99.9")
    answers(told, 200, (2 * HOUR, 1 / 60))
    answers(told, 500, (HOUR, 0), (failures, 1 / 60), (HOUR, 0))
    judged = told.fires if failures >= 5 else told.silent
    judged(HOUR + failures + 3, BURN, "page")
    told.told(tmp_path)


def test_an_error_that_never_was_before_is_counted(tmp_path: Path) -> None:
    """A series that begins has no rate until its second sample."""
    told = story(availability="99.9")
    answers(told, 200, (6 * HOUR, 10), (10, 0))
    answers(told, 503, (10, 10))
    told.series = {
        name: f"_x{6 * HOUR * 2} {values}" if '"503"' in name else values
        for name, values in told.series.items()
    }
    told.fires(6 * HOUR + 3, BURN, "page")
    told.told(tmp_path)


def test_the_first_failures_count_where_a_service_tells_them_from_the_start(tmp_path: Path) -> None:
    """A dozen failures within one scrape: the histogram's series of their status begins with all of them."""
    dozen = f"0x{HOUR * 2} 12x240"
    for counted, judged in ((True, "fires"), (False, "silent")):
        told = story(availability="99.9")
        answers(told, 200, (3 * HOUR, 1 / 60))
        answers(told, 503, (0, 0))
        told.series = {
            name: f"_x{HOUR * 2} 12x240" if '"503"' in name else values
            for name, values in told.series.items()
        }
        if counted:
            told.series['http_server_errors_total{namespace="shop",job="catalog",pod="a"}'] = dozen
        getattr(told, judged)(HOUR + 3, BURN, "page")
        told.told(tmp_path)


def test_pods_that_come_go_and_start_again_are_no_fault(tmp_path: Path) -> None:
    told = story(availability="99.9")
    answers(told, 200, (HOUR, 10), pod="goes")
    answers(told, 200, (3 * HOUR, 10), pod="stays")
    answers(told, 200, (2 * HOUR, 10), pod="comes")
    for name, values in told.series.items():
        if '"comes"' in name:
            told.series[name] = f"_x{HOUR * 2} {values}"
        if '"stays"' in name:
            told.series[name] = f"{values.split()[0]} 0+300x120"
    for minutes in range(5, 3 * HOUR, 5):
        told.silent(minutes, BURN)
    told.told(tmp_path)


def test_slow_answers_spend_the_budget_of_latency_alone(tmp_path: Path) -> None:
    told = story(step=60, availability="99.9", latency={"threshold": "250ms", "target": "99"})
    answers(told, 200, (6 * HOUR, 10))
    answers(told, 201, (6 * HOUR, 0), (30, 10), fast=0.5)
    told.silent(6 * HOUR, "LatencyBudgetBurn")
    told.fires(6 * HOUR + 29, "LatencyBudgetBurn", "page")
    told.silent(6 * HOUR + 29, BURN)
    told.told(tmp_path)


def test_failures_do_not_spend_the_budget_of_latency(tmp_path: Path) -> None:
    told = story(availability="99.9", latency={"threshold": "250ms", "target": "99"})
    answers(told, 200, (2 * HOUR, 10))
    answers(told, 504, (2 * HOUR, 5), fast=0)
    told.silent(HOUR, "LatencyBudgetBurn")
    told.fires(HOUR, BURN, "page")
    told.told(tmp_path)


@pytest.mark.parametrize(("window", "not_yet", "within"), [("7d", 0.5, 2), ("90d", 3, 6)])
def test_other_periods_page_for_the_same_share_of_their_budget(
    window: str, not_yet: float, within: float, tmp_path: Path
) -> None:
    """2 per cent of the budget of 7 days are gone after 12 s of an outage, of 90 days after 2.6 minutes."""
    told = story(availability="99.9", window=window)
    answers(told, 200, (6 * HOUR, 10), (20, 0))
    answers(told, 500, (6 * HOUR, 0), (20, 10))
    told.silent(6 * HOUR + not_yet, BURN, "page")
    told.fires(6 * HOUR + within, BURN, "page")
    told.told(tmp_path)


def test_the_alert_says_what_happens_and_what_to_do(tmp_path: Path) -> None:
    told = story(latency={"threshold": "250ms", "target": "99"})
    answers(told, 200, (HOUR, 10), fast=0.75)
    alert = {
        "alertname": "LatencyBudgetBurn",
        "eval_time": "30m",
        "exp_alerts": [
            {
                "exp_labels": {"severity": severity, "slo": "latency", "namespace": "shop", "job": "catalog"},
                "exp_annotations": {
                    "summary": "shop/catalog: too many requests take longer than 250ms",
                    "description": "25% of the requests take longer than 250ms, where 1 % may:"
                    " the budget of 30d is used up too fast.",
                    "runbook_url": "docs/runbooks/services.md#latencybudgetburn",
                },
            }
            for severity in ("page", "ticket")
        ],
    }
    told.told(tmp_path, alerts=[alert])


def sample(value: float) -> dict[str, Any]:
    return {"labels": '{namespace="shop",job="catalog",slo="availability"}', "value": value}
