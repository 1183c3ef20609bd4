"""The chart's alerts, evaluated by Prometheus: what each is about fires it, and nothing else does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kindlocal import promtool
from kindlocal.promtool import Story
from shop_operator.api import Metric, ShopService, parse
from shop_operator.children import signals

from .test_chart import of, template

pytestmark = pytest.mark.apiserver

MONITORED = ("--api-versions", "monitoring.coreos.com/v1")
OWN = 'job="shop-operator",namespace="shop-system",pod="op-1"'
CART = 'namespace="shop",name="cart",job="shop-operator",pod="op-1"'
QUIET, FAULT, AFTER = 30, 60, 90
"""Minutes of each part of a story."""
Values = tuple[float, float, float]


@pytest.fixture(scope="module")
def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = of("PrometheusRule", template(*MONITORED))["spec"]["groups"]
    return found


def gauge(series: str, good: float, bad: float | None) -> Callable[[Story], None]:
    """Good, bad, good again; without a value the series is gone."""
    return lambda told: told.gauge(series, (QUIET, good), (FAULT, bad), (AFTER, good))


def counter(series: str, good: float, bad: float) -> Callable[[Story], None]:
    """So many in a second."""
    return lambda told: told.counter(series, (QUIET, good), (FAULT, bad), (AFTER, good))


def condition(name: str, good: float) -> Callable[[Story], None]:
    return gauge(f'shop_service_condition{{{CART},condition="{name}"}}', good, 1 - good)


def calls(code: str, good: float, bad: float) -> Callable[[Story], None]:
    labels = f'{OWN},verb="apply",kind="Service",code="{code}"'
    return counter(f"shop_operator_api_calls_total{{{labels}}}", good, bad)


def slow(told: Story) -> None:
    """Reconciles of up to a millisecond, then of up to ten seconds."""
    for le, bad in (("0.001", 0.0), ("10.0", 1.0), ("+Inf", 1.0)):
        labels = f'{OWN},outcome="done",le="{le}"'
        counter(f"shop_operator_reconcile_duration_seconds_bucket{{{labels}}}", 1, bad)(told)


def restarting(told: Story) -> None:
    starts = [str(start) for start in range(5) for _ in range(10)]
    values = ["1"] * (QUIET * 2) + starts + ["4"] * 260
    told.series[f"process_start_time_seconds{{{OWN}}}"] = " ".join(values)


def at_maximum(told: Story) -> None:
    gauge(f"shop_service_replicas_desired{{{CART}}}", 3, 6)(told)
    for bound, value in (("min", 2), ("max", 6)):
        gauge(f'shop_service_autoscaler_limit{{{CART},bound="{bound}"}}', value, value)(told)


ALERTS: dict[str, tuple[Callable[[Story], None], str, float]] = {
    # name: its story, its severity, minutes of the fault after which it fires at the latest
    "ShopOperatorDown": (gauge(f"up{{{OWN}}}", 1, 0), "ticket", 6),
    "ShopOperatorRestarts": (restarting, "ticket", 16),
    "ShopOperatorQueueStuck": (gauge(f"shop_operator_queue_age_seconds{{{OWN}}}", 0.1, 90), "ticket", 6),
    "ShopOperatorRetries": (gauge(f"shop_operator_retrying{{{OWN}}}", 0, 2), "ticket", 16),
    "ShopOperatorSlow": (slow, "ticket", 21),
    "ShopOperatorApiErrors": (
        lambda told: [calls("200", 10, 10)(told), calls("503", 0, 1)(told), calls("409", 5, 5)(told)][0],
        "ticket",
        21,
    ),
    "ShopOperatorForbidden": (calls("403", 0, 0.1), "ticket", 6),
    "ShopOperatorDrift": (
        counter(f'shop_operator_drift_repaired_total{{{OWN},kind="Service",what="edited"}}', 0.001, 0.1),
        "ticket",
        10,
    ),
    "ShopServiceNotReady": (condition("Ready", 1), "page", 6),
    "ShopServiceDegraded": (condition("Degraded", 0), "ticket", 16),
    "ShopServiceNotReconciled": (condition("Reconciled", 1), "ticket", 16),
    "ShopServiceNotAutoscaled": (condition("AutoscalingActive", 1), "ticket", 16),
    "ShopServiceAtItsMaximum": (at_maximum, "ticket", 31),
}


def story(groups: list[dict[str, Any]], about: str) -> Story:
    """What goes wrong in this one, while all else is well."""
    told = Story(groups)
    if about != "ShopOperatorDown":
        told.gauge(f"up{{{OWN}}}", (QUIET + FAULT + AFTER, 1))
    ALERTS[about][0](told)
    return told


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires_and_ends_and_no_other_does(
    alert: str, groups: list[dict[str, Any]], tmp_path: Path
) -> None:
    _, severity, within = ALERTS[alert]
    told = story(groups, alert)
    told.silent(QUIET - 1, alert)
    told.fires(QUIET + within, alert, severity)
    told.silent(QUIET + FAULT + AFTER - 1, alert)
    for other in ALERTS.keys() - {alert}:
        told.silent(QUIET + FAULT - 1, other)
    told.told(tmp_path)


@pytest.mark.parametrize("alert", [name for name in ALERTS if name not in ("ShopOperatorRestarts",)])
def test_a_moment_is_no_fault(alert: str, groups: list[dict[str, Any]], tmp_path: Path) -> None:
    """Two minutes of a fault disturb nobody."""
    told = story(groups, alert)
    told.silent(QUIET + 2, alert)
    told.told(tmp_path)


def test_a_suspended_service_is_no_fault(groups: list[dict[str, Any]], tmp_path: Path) -> None:
    """Its condition Reconciled is Unknown, and then has no series."""
    told = Story(groups)
    told.gauge(f"up{{{OWN}}}", (HOURS, 1))
    told.gauge(f'shop_service_condition{{{CART},condition="Ready"}}', (HOURS, 1))
    told.gauge(f'shop_service_condition{{{CART},condition="Reconciled"}}', (QUIET, 1), (HOURS - QUIET, None))
    told.silent(HOURS - 1, "ShopServiceNotReconciled")
    told.told(tmp_path)


HOURS = 120


def test_a_fixed_number_of_pods_is_no_maximum(groups: list[dict[str, Any]], tmp_path: Path) -> None:
    told = Story(groups)
    told.gauge(f"up{{{OWN}}}", (HOURS, 1))
    told.gauge(f"shop_service_replicas_desired{{{CART}}}", (HOURS, 3))
    for bound in ("min", "max"):
        told.gauge(f'shop_service_autoscaler_limit{{{CART},bound="{bound}"}}', (HOURS, 3))
    told.silent(HOURS - 1, "ShopServiceAtItsMaximum")
    told.told(tmp_path)


def test_every_alert_is_told_of_here(groups: list[dict[str, Any]], tmp_path: Path) -> None:
    rules = [rule for group in groups for rule in group["rules"]]
    assert [rule["alert"] for rule in rules if "alert" in rule] == list(ALERTS)
    promtool.check(groups, tmp_path)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("RequestsPerSecond", "shopservice:requests:rate15s"),
        ("Concurrency", "shopservice:concurrency:rate15s"),
    ],
)
def test_what_dashboards_show_is_what_autoscalers_see(
    kind: str, record: str, groups: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Under load; with pods that have no series yet, which is 0; and without a pod, which is nothing."""
    told = Story(groups, step=5)
    pod = 'namespace="shop",job="{}",pod="p-1"'
    for name, phases in {
        "busy": ((2, 1), (2, 1), (2, 1)),
        "new": ((2, 0), (2, 1), (2, 1)),
        "gone": ((2, 1), (2, 0), (2, None)),
    }.items():
        told.gauge(f"up{{{pod.format(name)}}}", *phases)
        told.gauge(
            f'shop_service_replicas_desired{{namespace="shop",name="{name}",job="shop-operator"}}', (6, 1)
        )
    told.counter(f"{signals.SERIES[kind]}{{{pod.format('busy')}}}", (6, 7))
    told.gauge('up{namespace="shop",job="else",pod="e-1"}', (6, 1))
    told.equals(5, record, [{"labels": f'{record}{{namespace="shop",job="{name}"}}', "value": value}
                            for name, value in (("busy", 7), ("new", 0))])  # fmt: skip
    metric = Metric.model_validate({"type": kind, "target": "20"})
    for name, value in (("busy", 7.0), ("new", 0.0)):
        asked = signals.query(named(name), metric)
        told.equals(5, asked, [{"labels": "{}", "value": value}])
    told.equals(5, signals.query(named("gone"), metric), [])
    told.told(tmp_path)


def named(name: str) -> ShopService:
    return parse(
        {
            "apiVersion": "shopservice.dev/v1",
            "kind": "ShopService",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"image": "x"},
        }
    )


def test_alerts_and_dashboard_can_be_switched_off_and_labelled() -> None:
    off = template(
        *MONITORED, "--set", "alerts.enabled=false,dashboard.enabled=false,podMonitor.enabled=false"
    )
    assert not {"PrometheusRule", "ConfigMap", "PodMonitor"} & {document["kind"] for document in off}
    assert not any(document["kind"] == "PrometheusRule" for document in template())
    labels = "alerts.labels.release=x,podMonitor.labels.release=x,dashboard.labels.folder=x"
    labelled = template(*MONITORED, "--set", labels)
    assert of("PrometheusRule", labelled)["metadata"]["labels"]["release"] == "x"
    assert of("PodMonitor", labelled)["metadata"]["labels"]["release"] == "x"
    assert {"grafana_dashboard": "1", "folder": "x"}.items() <= of("ConfigMap", labelled)["metadata"][
        "labels"
    ].items()


def test_runbooks_are_where_the_release_says() -> None:
    set_ = ("--set", "runbookUrl=https://runbooks.example.com")
    text = str(of("PrometheusRule", template(*MONITORED, *set_)))
    assert "https://runbooks.example.com/operator.md#shopoperatordown" in text
    assert "docs/runbooks" not in text
