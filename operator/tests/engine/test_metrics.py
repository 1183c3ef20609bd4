"""What a scrape of the operator says of the ShopServices."""

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.queue import Queue

SCALED = {
    "min": 2,
    "max": 6,
    "metrics": [
        {"type": "RequestsPerSecond", "target": "2500m"},
        {"type": "QueueLag", "target": 10, "stream": "orders", "consumer": "cart"},
        {"type": "QueueLag", "target": 20, "stream": "prices", "consumer": "cart"},
        {"type": "Prometheus", "target": "1k", "name": "carts", "query": "x"},
    ],
}


def service(name: str, *conditions: tuple[str, str], **spec: Any) -> dict[str, Any]:
    stated = [{"type": kind, "status": status} for kind, status in conditions]
    return {
        "kind": "ShopService",
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": "1"},
        "spec": {"image": "x", **spec},
        "status": {"conditions": stated},
    }


def deployment(name: str, replicas: int, ready: int) -> dict[str, Any]:
    labels = {"shopservice.dev/name": name}
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": "2", "labels": labels},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": ready},
    }


def scraped(*objects: dict[str, Any], queue: Queue[Key] | None = None) -> dict[tuple[str, ...], float]:
    """The samples, by name and the values of their labels."""
    cache, metrics = Cache(), Metrics()
    for manifest in objects:
        cache.update(manifest["kind"], manifest)
    metrics.watch(queue or Queue(), cache)
    first = ("namespace", "name")
    return {
        (
            sample.name,
            *(sample.labels[label] for label in first if label in sample.labels),
            *(value for label, value in sample.labels.items() if label not in first),
        ): sample.value
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
    }


def test_replicas_bounds_and_targets_of_a_service() -> None:
    found = scraped(service("cart", autoscaling=SCALED), deployment("cart", 4, 3))
    of_cart = {key: value for key, value in found.items() if key[0].startswith("shop_service")}
    assert of_cart == {
        ("shop_service_replicas_desired", "shop", "cart"): 4,
        ("shop_service_replicas_ready", "shop", "cart"): 3,
        ("shop_service_autoscaler_limit", "shop", "cart", "min"): 2,
        ("shop_service_autoscaler_limit", "shop", "cart", "max"): 6,
        ("shop_service_autoscaler_target", "shop", "cart", "RequestsPerSecond"): 2.5,
        ("shop_service_autoscaler_target", "shop", "cart", "QueueLag orders cart"): 10,
        ("shop_service_autoscaler_target", "shop", "cart", "QueueLag prices cart"): 20,
        ("shop_service_autoscaler_target", "shop", "cart", "Prometheus carts"): 1000,
    }


def test_a_condition_that_is_unknown_is_neither_true_nor_false() -> None:
    found = scraped(service("cart", ("Ready", "True"), ("Degraded", "False"), ("Reconciled", "Unknown")))
    conditions = {key[-1]: value for key, value in found.items() if key[0] == "shop_service_condition"}
    assert conditions == {"Ready": 1, "Degraded": 0}


def test_a_service_that_is_not_valid_is_reported_as_far_as_it_can_be_read() -> None:
    broken = {"metrics": [{"type": "Cpu", "target": "many"}], "max": 3}
    found = scraped(service("cart", ("Reconciled", "False"), autoscaling=broken))
    assert found["shop_service_replicas_desired", "shop", "cart"] == 0
    assert found["shop_service_autoscaler_limit", "shop", "cart", "max"] == 3
    assert not any(key[0] == "shop_service_autoscaler_target" for key in found)


async def test_the_queue_is_reported() -> None:
    now = 100.0
    queue: Queue[Key] = Queue(clock=lambda: now)
    for name in ("a", "b", "c"):
        queue.add(Key("shop", name))
    await queue.get()
    queue.failed(await queue.get())
    now = 107.0
    found = scraped(queue=queue)
    names = ("queue_depth", "queue_age_seconds", "in_work", "retrying")
    assert [found[(f"shop_operator_{name}",)] for name in names] == [1, 7, 1, 1]


def test_a_service_that_comes_during_a_scrape_does_not_break_it() -> None:
    """Scrapes run in a thread of their own."""
    cache, metrics = Cache(), Metrics()
    cache.update("ShopService", service("a"))
    metrics.watch(Queue(), cache)
    families = metrics.registry.collect()
    for family in families:
        if family.name == "shop_operator_retrying":
            break
    seen = [next(iter(families)).name]
    cache.update("ShopService", service("b"))
    seen += [family.name for family in families]
    assert "shop_service_condition" in seen


@pytest.mark.parametrize("name", ["process_cpu_seconds_total", "process_resident_memory_bytes"])
def test_what_it_costs_is_reported(name: str) -> None:
    assert scraped()[name,] > 0


def test_a_call_is_counted_by_what_it_was_and_how_it_ended() -> None:
    metrics = Metrics()
    metrics.observe_call("apply", "Deployment", 201)
    labels = {"verb": "apply", "kind": "Deployment", "code": "201"}
    assert metrics.registry.get_sample_value("shop_operator_api_calls_total", labels) == 1


def test_labels_are_those_that_dashboards_and_alerts_select_by() -> None:
    cache, metrics = Cache(), Metrics()
    cart = service("cart", ("Ready", "True"), autoscaling=SCALED, database={"storage": "1Gi"})
    cache.update("ShopService", cart)
    metrics.watch(Queue(), cache)
    metrics.observe_call("apply", "Deployment", 201)
    metrics.drift.labels("Service", "edited").inc()
    metrics.errors.labels("Conflict").inc()
    metrics.reconciles.labels("done").observe(0.1)
    families = list(text_string_to_metric_families(generate_latest(metrics.registry).decode()))
    labels = {
        family.name: tuple(family.samples[0].labels) for family in families if family.name.startswith("shop")
    }
    of_service = ("namespace", "name")
    assert {name: set(found) for name, found in labels.items()} == {
        "shop_operator_reconcile_duration_seconds": {"outcome", "le"},
        "shop_operator_api_calls": {"verb", "kind", "code"},
        "shop_operator_drift_repaired": {"kind", "what"},
        "shop_operator_errors": {"reason"},
        "shop_operator_queue_depth": set(),
        "shop_operator_queue_age_seconds": set(),
        "shop_operator_in_work": set(),
        "shop_operator_retrying": set(),
        "shop_service_replicas_desired": {*of_service},
        "shop_service_replicas_ready": {*of_service},
        "shop_service_autoscaler_limit": {*of_service, "bound"},
        "shop_service_autoscaler_target": {*of_service, "metric"},
        "shop_service_storage_bytes": {*of_service, "store"},
        "shop_service_condition": {*of_service, "condition"},
    }
    for family in families:
        if family.name.startswith("shop"):
            first, help_ = family.documentation[0], family.documentation
            assert first.isupper() or first.isdigit(), help_
            assert help_.endswith("."), help_
            assert not help_.isupper(), help_


def test_the_time_of_a_reconcile_is_told_from_a_millisecond_to_ten_seconds() -> None:
    metrics = Metrics()
    metrics.reconciles.labels("done").observe(0.003)
    (family,) = [f for f in metrics.registry.collect() if f.name.startswith("shop_operator_reconcile")]
    bounds = [float(s.labels["le"]) for s in family.samples if "le" in s.labels]
    assert bounds == [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, float("inf")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"database": {"mode": "dedicated", "storage": "2Gi"}}, {"database": 2 * 1024**3}),
        ({"cache": {"persistence": "AppendOnly", "storage": "256Mi"}}, {"cache": 256 * 1024**2}),
        ({"cache": {"persistence": "None", "storage": "256Mi"}}, {}),
        ({"database": {"mode": "external", "storage": "1Gi"}}, {}),
        ({"database": {"storage": "much"}}, {}),
        ({}, {}),
    ],
    ids=["database", "cache that is kept", "cache in memory", "database elsewhere", "not valid", "none"],
)
def test_what_a_store_may_fill(spec: dict[str, Any], expected: dict[str, float]) -> None:
    found = scraped(service("cart", **spec))
    assert {
        labels[3]: value for labels, value in found.items() if labels[0] == "shop_service_storage_bytes"
    } == expected
