"""The shop's alerts, evaluated by Prometheus: what each is about fires it, and a moment of it does not."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kindlocal import promtool
from kindlocal.promtool import Story
from shop_platform.kind import find_tools
from shop_platform.paths import CHARTS

pytestmark = pytest.mark.apiserver

MONITORED = "--api-versions=monitoring.coreos.com/v1"
POD = 'namespace="shop",job="order-processing",pod="a-1"'
OTHER = 'namespace="shop",job="order-processing",pod="a-2"'
EVENTS = f'consumer_events_total{{{POD},stream="payment",consumer="order-processing",type="x"'
GAVE_UP, APPLIED = (f'{EVENTS},outcome="{outcome}"}}' for outcome in ("dead_lettered", "applied"))
QUIET, FAULT, AFTER = 30, 60, 90
"""Minutes of each part of a story."""


def rules(*flags: str) -> list[dict[str, Any]]:
    """The chart's PrometheusRules."""
    words = ["template", "shop", str(CHARTS / "shop"), "-n", "shop", "--kube-version=1.30", *flags]
    done = subprocess.run([find_tools().helm, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    return [one for one in found if one["kind"] == "PrometheusRule"]


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    (rule,) = rules(MONITORED)
    return rule["spec"]["groups"]


def gauge(name: str, bad: float):
    """One replica shows it, another has not looked yet."""

    def tell(told: Story, minutes: float) -> None:
        told.gauge(f"{name}{{{POD}}}", (QUIET, 0), (minutes, bad), (AFTER, 0))
        told.gauge(f"{name}{{{OTHER}}}", (QUIET + minutes + AFTER, 0))

    return tell


def dead_letters(told: Story, minutes: float) -> None:
    told.counter(GAVE_UP, (QUIET, 0), (minutes, 0.01), (AFTER, 0))
    told.counter(APPLIED, (QUIET + minutes + AFTER, 1))


ALERTS = {
    # name: its story, its severity, minutes of the fault after which it fires at the latest
    "OrderSagaStuck": (gauge("order_sagas_stuck", 2), "page", 6),
    "EventsNotPublished": (gauge("outbox_oldest_event_age_seconds", 90), "page", 6),
    "EventsDeadLettered": (dead_letters, "ticket", 5),
}


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires_and_ends_and_no_other_does(alert, groups, tmp_path: Path) -> None:
    tell, severity, within = ALERTS[alert]
    told = Story(groups)
    tell(told, FAULT)
    told.silent(QUIET - 1, alert)
    told.fires(QUIET + within, alert, severity)
    told.silent(QUIET + FAULT + AFTER - 1, alert)
    for other in ALERTS.keys() - {alert}:
        told.silent(QUIET + FAULT - 1, other)
    told.told(tmp_path)


@pytest.mark.parametrize("alert", ["OrderSagaStuck", "EventsNotPublished"])
def test_a_moment_is_no_fault(alert, groups, tmp_path: Path) -> None:
    """What goes on by itself within two minutes disturbs nobody."""
    told = Story(groups)
    ALERTS[alert][0](told, 2)
    for minutes in range(QUIET, QUIET + 12, 2):
        told.silent(minutes, alert)
    told.told(tmp_path)


def test_events_that_wait_less_than_a_minute_are_no_fault(groups, tmp_path: Path) -> None:
    told = Story(groups)
    gauge("outbox_oldest_event_age_seconds", 50)(told, FAULT)
    told.silent(QUIET + FAULT - 1, "EventsNotPublished")
    told.told(tmp_path)


def test_the_first_dead_letter_of_a_pod_is_seen(groups, tmp_path: Path) -> None:
    """Its series begins with it, and never grows; an hour later the alert ends."""
    told = Story(groups)
    told.gauge(GAVE_UP, (QUIET, None), (FAULT + AFTER, 1))
    told.silent(QUIET - 1, "EventsDeadLettered")
    told.fires(QUIET + 1, "EventsDeadLettered", "ticket")
    told.fires(QUIET + 59, "EventsDeadLettered", "ticket")
    told.silent(QUIET + 62, "EventsDeadLettered")
    told.told(tmp_path)


def test_every_alert_is_told_of_here(groups, tmp_path: Path) -> None:
    assert [rule["alert"] for group in groups for rule in group["rules"]] == list(ALERTS)
    promtool.check(groups, tmp_path)


def test_alerts_are_there_where_the_prometheus_operator_is_unless_switched_off() -> None:
    assert rules() == []
    assert rules(MONITORED, "--set=alerts.enabled=false") == []
    (rule,) = rules(MONITORED, "--set=alerts.labels.release=x", "--set=runbookUrl=https://books.example.com")
    assert rule["metadata"]["labels"]["release"] == "x"
    assert "https://books.example.com/shop.md#ordersagastuck" in str(rule)
    assert "docs/runbooks" not in str(rule)
