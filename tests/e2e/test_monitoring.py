"""Alerts fire and end, and scaling outlives what it sees with; shown on a service made for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from pytest_kind import KindCluster
from shop_platform.openload import OpenLoad
from shop_platform.runbooks import Fault

from .conftest import Json, Kube, load, long, unseen
from .turns import THINGS

pytestmark = [long, pytest.mark.timeout(900), pytest.mark.takes(*THINGS)]

NAME, NODE_PORT = "watched", 30190
CALLER, CALLER_PORT = "asking", 30191
# On the chassis, so with its metrics; it does wrong where a file in /tmp says so.
PROGRAM = """
import asyncio, pathlib, sys
from fastapi import APIRouter
from shop_chassis.command import main
from shop_chassis.problems import Problem
from shop_chassis.service import Service

router = APIRouter()

def wrong(what):
    return pathlib.Path("/tmp", what).exists()

@router.get("/work")
async def work() -> str:
    await asyncio.sleep(0.2)
    while wrong("stalled"):
        await asyncio.sleep(0.2)
    if wrong("failing"):
        raise Problem(503, "on purpose")
    return "done"

def setup(runtime):
    runtime.ready_when("neighbour", lambda: "away on purpose" if wrong("unready") else None)

sys.exit(main(Service("watched", routers=[router], setup=setup)))
"""
# Asks it, as services do: with a deadline, and not at all while too few answers come.
ASKING = """
import sys
from fastapi import APIRouter, Request
from pydantic import HttpUrl
from shop_chassis.client import ServiceClient, callee
from shop_chassis.command import main
from shop_chassis.runtime import runtime_of
from shop_chassis.service import Service
from shop_chassis.settings import Settings

router = APIRouter()

class Where(Settings):
    watched_url: HttpUrl

@router.get("/ask")
async def ask(request: Request) -> str:
    return await runtime_of(request).get(ServiceClient).call("GET", "/work", into=str)

def setup(runtime):
    runtime.provide(callee(runtime, "watched", runtime.settings.watched_url))

sys.exit(main(Service("asking", routers=[router], settings=Where, setup=setup)))
"""
ON_CHASSIS = {
    "args": ["serve"],
    "probes": {},
    "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "192Mi"}},
    "monitoring": {"enabled": True},
}
SPEC = {
    **ON_CHASSIS,
    "command": ["python3", "-c", PROGRAM],
    "expose": {"type": "NodePort", "nodePort": NODE_PORT},
    "slo": {"availability": "99.9"},
}
PERIOD = 15
"""Seconds between two looks of the HPA controller."""
STABLE = 2 * PERIOD
"""Seconds for which fewer pods have to be right: one look may fall between two states, two do not."""
SCALED = {
    "min": 1,
    "max": 3,
    "metrics": [{"type": "Concurrency", "target": "1"}, {"type": "RequestsPerSecond", "target": "5"}],
    "scaleDownStabilizationSeconds": STABLE,
}
RATE = 15
"""Per second, of 0.2 s each: three at a time."""
JUST = 15
"""Seconds for which it has been as it is now, a few scrapes; before, it began or was scaled."""
HELD = STABLE + 5 * PERIOD
"""Seconds after which pods that are too many would be gone."""


def shown(fault: Fault, seconds: float) -> None:
    """Every panel that its runbook names shows it; fails with those that do not."""
    end = time.monotonic() + seconds
    while left := fault.unseen():
        assert time.monotonic() < end, f"panels that do not show it: {', '.join(left)}"
        time.sleep(1)


def at_rest(shop, wait) -> None:
    """What a fault is compared with is the time just before it, in which nothing else may have changed.

    Not even that the test before had the service at its maximum until it ended.
    """
    now = f'{{__name__=~"shop_service_(replicas_desired|condition)",name="{NAME}"}}'
    told = f"{now}[{2 * JUST}s]"
    # Without what it is now, only the service of before could be meant.
    rest = f"max(max_over_time({told}) - min_over_time({told})) == 0 and on() count({now})"
    wait("it to be as it is for a while", lambda: shop.query(rest), 180)


@pytest.fixture
def url(platform) -> str:
    return f"http://{platform.node_address}:{NODE_PORT}"


@pytest.fixture
def watched(kube, serving, wait, shop) -> Callable[..., None]:
    """Applies the service with more in its spec; ready, and scraped."""

    def apply(**more: Any) -> None:
        # Those of the test before would answer, and be counted.
        wait("its pods of before to be gone", lambda: not kube.pods(NAME, leaving=True), 120)
        serving(NAME, **SPEC, **more)
        wait("it to be ready", lambda: kube.ready(NAME) >= 1, 120)
        up = f'up{{job="{NAME}"}} == 1'
        wait("it to be scraped", lambda: shop.query(up), 120)

    return apply


@contextmanager
def doing_wrong(kube: Kube, what: str) -> Iterator[None]:
    """Every pod that there is stalls, or fails, until the block ends."""
    pods = [pod["metadata"]["name"] for pod in kube.pods(NAME)]
    for pod in pods:
        kube.run("exec", pod, "-c", "app", "--", "touch", f"/tmp/{what}")
    try:
        yield
    finally:
        for pod in pods:
            kube.run("exec", pod, "-c", "app", "--", "rm", "-f", f"/tmp/{what}", check=False)


# An alert, live

FASTER = 20
"""An hour becomes three minutes, five minutes a quarter of one."""
EVALUATION = 5
"""Seconds; the rules' own 30 would be one and a half, less than there are samples."""


def shortened(rule: Json) -> Json:
    """The operator's own rules with shorter windows, beside them: other series, alerts with a label more."""
    text = json.dumps(rule["spec"]["groups"]).replace("shopservice:slo_", "shortened:slo_")
    text = re.sub(r"\[([0-9dhm]+)\]", lambda window: f"[{seconds(window[1]) // FASTER}s]", text)
    groups = json.loads(text.replace("* 30 >=", f"* {EVALUATION} >="))
    for group in groups:
        group["interval"] = f"{EVALUATION}s"
        for each in group["rules"]:
            if "alert" in each:
                each["labels"]["windows"] = "shortened"
    metadata = {"name": f"{NAME}-shortened"}
    kinds = {key: rule[key] for key in ("apiVersion", "kind")}
    return {**kinds, "metadata": metadata, "spec": {"groups": groups}}


def seconds(duration: str) -> int:
    """`1h24m` is 5040."""
    units = {"d": 86400, "h": 3600, "m": 60}
    return sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([dhm])", duration))


@pytest.fixture
def rules(kube, wait) -> Iterator[Callable[[], None]]:
    """Applies the shortened rules of the service; at the end they go."""

    def apply() -> None:
        rule = wait("the operator's rules", lambda: kube.get("prometheusrule", NAME), 60)
        kube.apply(shortened(rule))

    yield apply
    kube.run("delete", "prometheusrule", f"{NAME}-shortened", "--ignore-not-found")


def alerts(kube: Kube) -> list[Json]:
    """What Alertmanager has of the shortened rules."""
    proxy = "/api/v1/namespaces/monitoring/services/alertmanager:9093/proxy/api/v2/alerts"
    found = json.loads(kube.run("get", "--raw", f"{proxy}?active=true&filter=windows%3Dshortened").stdout)
    return list(found)


def test_a_fault_alerts_and_its_end_resolves(kube, shop, watched, rules, url, wait):
    watched(replicas=1)
    rules()
    with load(url, ["/work"], RATE):
        # They have seen it well before anything is wrong.
        ratio = f'shortened:slo_errors:ratio{{job="{NAME}",window="1h"}} == 0'
        wait("the longest window of the page", lambda: shop.query(ratio), 120)
        wait("no alert, also not of a run before", lambda: alerts(kube) == [], 300)
        fault = Fault("AvailabilityBudgetBurn", shop.prometheus, NAME)
        with doing_wrong(kube, "failing"):
            paged = wait(
                "the page",
                lambda: [alert for alert in alerts(kube) if alert["labels"]["severity"] == "page"],
                120,
            )
            # What its runbook leads to shows it.
            shown(fault, 120)
        (alert,) = paged
        assert alert["labels"].items() >= {
            "alertname": "AvailabilityBudgetBurn", "job": NAME, "namespace": "shop", "slo": "availability",
        }.items()  # fmt: skip
        assert alert["annotations"]["runbook_url"].endswith("services.md#availabilitybudgetburn")
        # The short window ends a page soon; that of a ticket is of two hours, here six minutes.
        wait(
            "the page to end",
            lambda: not [one for one in alerts(kube) if one["labels"]["severity"] == "page"],
            240,
        )


# Broken monitoring

PROMETHEUS = ("prometheuses.monitoring.coreos.com", "prometheus", "monitoring")
OPERATOR = ("deployment", "keda-operator", "keda")
ADAPTER = ("deployment", "keda-metrics-apiserver", "keda")


@contextmanager
def away(cluster: KindCluster, wait: Callable[..., Any], *what: tuple[str, str, str]) -> Iterator[None]:
    """These have no pod until the block ends; then they are there again."""
    for kind, name, namespace in what:
        Kube(cluster, namespace).patch(kind, name, {"spec": {"replicas": 0}})
    try:
        for kind, name, namespace in what:
            wait(
                f"{name} to be gone", lambda k=kind, n=name, s=namespace: available(cluster, k, n, s) == 0, 90
            )
        yield
    finally:
        for kind, name, namespace in what:
            Kube(cluster, namespace).patch(kind, name, {"spec": {"replicas": 1}})
        for kind, name, namespace in what:
            wait(
                f"{name} to be back",
                lambda k=kind, n=name, s=namespace: available(cluster, k, n, s) == 1,
                180,
            )


def available(cluster: KindCluster, kind: str, name: str, namespace: str) -> int:
    """Pods that serve."""
    found = Kube(cluster, namespace).get(kind, name)
    assert found
    return int(found.get("status", {}).get("availableReplicas") or 0)


def holds(kube: Kube, pods: int, for_seconds: float) -> None:
    """Fails as soon as the service has another number of pods: that nothing happens takes its time to see."""
    end = time.monotonic() + for_seconds
    while time.monotonic() < end:
        assert len(kube.pods(NAME)) == pods
        time.sleep(1)


@pytest.mark.parametrize("what", [(PROMETHEUS,), (OPERATOR, ADAPTER)], ids=["Prometheus", "KEDA"])
def test_without_metrics_replicas_hold_and_with_them_scaling_goes_on(
    what, kube, kind_cluster, shop, watched, url, wait
):
    """Nothing is asked of the service any more: whoever took no answer for 0 would take its pods away."""
    watched(autoscaling=SCALED)
    said = lambda: kube.condition(NAME, "AutoscalingActive").get("status") == "False"  # noqa: E731
    # Panels count all services; what was broken before leaves them but a moment after it is mended.
    well = f'min(min_over_time(shop_service_condition{{condition="AutoscalingActive"}}[{2 * JUST}s])) == 1'
    with ExitStack() as broken:
        # The load ends after the metrics, so that nobody sees it end.
        with load(url, ["/work"], RATE):
            wait("all pods", lambda: kube.ready(NAME) == SCALED["max"], 180)
            wait("every service to have been autoscaled for a while", lambda: shop.query(well), 180)
            fault = Fault("ShopServiceNotAutoscaled", shop.prometheus, NAME, quiet=JUST)
            broken.enter_context(away(kind_cluster, wait, *what))
        wait("the status to say so", said, 120)
        if PROMETHEUS not in what:
            shown(fault, 60)
        holds(kube, SCALED["max"], HELD)
        assert said(), kube.condition(NAME, "AutoscalingActive")
        assert kube.ready(NAME) == SCALED["max"]
    wait("the pods that are too many to go", lambda: len(kube.pods(NAME)) == SCALED["min"], 240)
    wait("the status to be well", lambda: not said(), 120)


@pytest.fixture
def scaled_out(kube, shop, watched, url, wait) -> Iterator[OpenLoad]:
    """The service with all of its pods, under load until the test is over."""
    watched(autoscaling=SCALED)
    at_rest(shop, wait)
    fault = Fault("ShopServiceAtItsMaximum", shop.prometheus, NAME, quiet=JUST)
    with load(url, ["/work"], RATE) as running:
        wait("all pods", lambda: kube.ready(NAME) == SCALED["max"], 180)
        shown(fault, 60)
        yield running


@pytest.mark.parametrize("how", ["stalled", "unready"])
def test_a_service_that_stalls_keeps_its_pods_until_it_is_back(how, kube, shop, scaled_out, wait):
    """Requests that hang are counted as they come; of one that is not ready nobody asks anything."""
    at_rest(shop, wait)
    fault = Fault("ShopServiceNotReady", shop.prometheus, NAME, quiet=JUST)
    with doing_wrong(kube, how):
        if how == "unready":
            wait("no pod to be ready", lambda: kube.ready(NAME) == 0, 60)
            shown(fault, 60)
        began = time.monotonic()
        holds(kube, SCALED["max"], HELD)
        ended = [one for one in scaled_out.samples if one.due > began and not one.error]
        assert ended == [], "it did not stall"
    wait("it to answer again", lambda: (now := scaled_out.recent(2)).count and not now.failed, 60)
    scaled_out.stop()
    wait("the pods that are too many to go", lambda: len(kube.pods(NAME)) == SCALED["min"], 240)


def test_without_its_word_a_service_that_is_not_ready_loses_its_pods(kube, shop, scaled_out, wait):
    """What the test above shows is due to that series alone."""
    with unseen(kube, shop, "service_ready"), doing_wrong(kube, "unready"):
        wait("no pod to be ready", lambda: kube.ready(NAME) == 0, 60)
        wait("pods to go", lambda: len(kube.pods(NAME)) < SCALED["max"], HELD)


def test_a_service_whose_callers_gave_up_keeps_its_pods(kube, shop, platform, watched, serving, wait):
    """Its requests hang, so its caller sends next to none; it would look idle by what it is asked."""
    by_requests = [metric for metric in SCALED["metrics"] if metric["type"] == "RequestsPerSecond"]
    watched(autoscaling={**SCALED, "metrics": by_requests})
    exposed = {"type": "NodePort", "nodePort": CALLER_PORT}
    program = {"command": ["python3", "-c", ASKING], "dependsOn": [{"name": NAME}]}
    serving(CALLER, **ON_CHASSIS, **program, expose=exposed)
    wait("its caller to be ready", lambda: kube.ready(CALLER) == 1, 120)
    asked = f'sum(rate(http_server_requests_total{{job="{NAME}"}}[15s]))'
    with load(f"http://{platform.node_address}:{CALLER_PORT}", ["/ask"], RATE):
        wait("all pods", lambda: kube.ready(NAME) == SCALED["max"], 180)
        with doing_wrong(kube, "stalled"):
            wait("its caller to give up", lambda: shop.query(f"{asked} < 5"), 60)
            holds(kube, SCALED["max"], HELD)
            assert shop.query(f"{asked} < 5"), "it was asked enough to keep them"
        wait("it to be asked again", lambda: shop.query(f"{asked} > 10"), 60)
    wait("the pods that are too many to go", lambda: len(kube.pods(NAME)) == SCALED["min"], 240)
