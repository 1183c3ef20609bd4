"""Replicas follow the requests that the service itself counts; no CPU trigger is involved."""

from __future__ import annotations

import pytest
from shop_platform.openload import summarise

from .conftest import load, unseen

pytestmark = pytest.mark.needs("catalog", "keda", "prometheus")

PATHS = ["/products?limit=5"]
RATE = 60  # requests per second: three times what one pod is to carry


@pytest.fixture
def alone(kube, wait):
    """catalog with one pod and nothing left of an earlier load; pods that are too many go after 15 s."""
    usual = kube.get("shopservice", "catalog")["spec"]["autoscaling"]["scaleDownStabilizationSeconds"]
    lets_go_after(kube, 15)
    wait("catalog to have one pod", lambda: len(kube.pods("catalog")) == 1, 240)
    yield
    lets_go_after(kube, usual)


def test_load_adds_pods_by_the_services_own_metric_and_takes_them_away_again(
    kube, shop, platform, wait, alone
):
    triggers = [trigger["type"] for trigger in kube.get("scaledobject", "catalog")["spec"]["triggers"]]
    assert triggers == ["prometheus"], "no other trigger may explain the pods"

    with load(platform.url("catalog"), PATHS, RATE) as running:
        wait("three ready pods", lambda: kube.ready("catalog") >= 3, 120)
        metric = wait(
            "the HPA to show the external metric",
            lambda: external_metrics(kube.items("hpa")).get("catalog"),
            30,
        )
        assert metric["current"]["averageValue"] != "0"

    summary = summarise(running.samples, 1)
    assert summary.count > 300
    assert summary.failed == 0, summary.errors

    rescaled = [
        e for e in kube.items("events") if e["reason"] == "SuccessfulRescale" and "catalog" in name_of(e)
    ]
    assert any("external metric" in e["message"] and "above target" in e["message"] for e in rescaled), (
        rescaled
    )
    wait("one pod again", lambda: len(kube.pods("catalog")) == 1, 240)


@pytest.mark.takes("prometheus")
def test_without_the_series_the_same_load_adds_nothing(kube, shop, platform, wait, alone):
    with (
        unseen(kube, shop, "http_server_requests_total"),
        load(platform.url("catalog"), PATHS, RATE) as running,
    ):
        # Four rounds of the HPA; with the series the first or second one adds pods.
        wait("a minute of load", lambda: len(running.samples) >= 60 * RATE, 120)
        assert len(kube.pods("catalog")) == 1
    assert summarise(running.samples, 1).failed == 0


def lets_go_after(kube, seconds: int) -> None:
    """Sets for how long catalog keeps pods that it would not need."""
    kube.patch(
        "shopservice", "catalog", {"spec": {"autoscaling": {"scaleDownStabilizationSeconds": seconds}}}
    )


def external_metrics(autoscalers: list[dict]) -> dict[str, dict]:
    """The first external metric that each HPA reports, by the name of what it scales."""
    return {
        hpa["spec"]["scaleTargetRef"]["name"]: metric["external"]
        for hpa in autoscalers
        for metric in reversed(hpa.get("status", {}).get("currentMetrics") or [])
        if metric["type"] == "External"
    }


def name_of(event: dict) -> str:
    return str(event.get("involvedObject", {}).get("name", ""))
