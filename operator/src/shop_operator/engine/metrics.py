"""The operator's own metrics, in a registry of their own; docs/contracts.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shop_operator.api import quantity
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.queue import Queue

Manifest = dict[str, Any]

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nothing here reads


class Metrics:
    """What can be said of the operator at any moment; counters of all it did."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Histogram(
            "shop_operator_reconcile_duration_seconds",
            "Time of one reconcile, by its outcome.",
            ["outcome"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.calls = Counter(
            "shop_operator_api_calls_total",
            "Calls to the API server; code 0 is one that got no answer.",
            ["verb", "kind", "code"],
            registry=self.registry,
        )
        self.drift = Counter(
            "shop_operator_drift_repaired_total",
            "Children that were changed or deleted by somebody else and put right.",
            ["kind", "what"],
            registry=self.registry,
        )
        self.errors = Counter(
            "shop_operator_errors_total",
            "Reconciles that failed and were put off, by the API's reason or the exception's name.",
            ["reason"],
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def observe_call(self, verb: str, kind: str, status: int) -> None:
        """Count one call to the API server."""
        self.calls.labels(verb, kind, str(status)).inc()

    def watch(self, queue: Queue[Key], cache: Cache) -> None:
        """Report the queue, and every ShopService in the cache, at each scrape."""
        self.registry.register(_Present(queue, cache))


class _Present(Collector):
    """Values that are read when asked for, so that nothing has to be kept up to date.

    A scrape runs in a thread of its own, so it works on a copy of the list of services; and it makes one
    metric after the other, so that with thousands of services only one is in memory at a time.
    """

    def __init__(self, queue: Queue[Key], cache: Cache) -> None:
        self._queue, self._cache = queue, cache

    def collect(self) -> Iterator[Metric]:
        queue = self._queue
        yield _gauge("shop_operator_queue_depth", "ShopServices that wait to be reconciled.", queue.depth)
        yield _gauge("shop_operator_queue_age_seconds", "How long the oldest of them has waited.", queue.age)
        yield _gauge("shop_operator_in_work", "ShopServices that are being reconciled.", queue.in_work)
        yield _gauge("shop_operator_retrying", "ShopServices whose last reconcile failed.", queue.failing)
        services = list(self._cache.of_kind("ShopService"))
        for name, description, label, values in (
            ("shop_service_replicas_desired", "Pods that it should have now.", None, self._desired),
            ("shop_service_replicas_ready", "Pods that are ready.", None, self._ready),
            ("shop_service_autoscaler_limit", "Bounds of its autoscaler.", "bound", _limits),
            ("shop_service_autoscaler_target", "What one pod is to carry, by metric.", "metric", _targets),
            ("shop_service_storage_bytes", "What database and cache may fill.", "store", _storage),
            ("shop_service_condition", "1 if True, 0 if False; absent if Unknown.", "condition", _conditions),
        ):
            yield _family(name, description, label, services, values)

    def _desired(self, service: Manifest) -> Iterator[tuple[str, float]]:
        yield "", self._deployment(service).get("spec", {}).get("replicas", 0)

    def _ready(self, service: Manifest) -> Iterator[tuple[str, float]]:
        yield "", self._deployment(service).get("status", {}).get("readyReplicas", 0)

    def _deployment(self, service: Manifest) -> Manifest:
        metadata = service["metadata"]
        return self._cache.get("Deployment", metadata["namespace"], metadata["name"]) or {}


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(name, description, value=value)


def _family(
    name: str,
    description: str,
    label: str | None,
    services: Iterable[Manifest],
    values: Callable[[Manifest], Iterable[tuple[str, float]]],
) -> Metric:
    """One metric of all services; `values` gives those of one, by the value of `label` if there is one."""
    family = GaugeMetricFamily(name, description, labels=["namespace", "name", *([label] if label else ())])
    for service in services:
        metadata = service["metadata"]
        for key, value in values(service):
            own = [metadata["namespace"], metadata["name"]]
            family.add_metric([*own, key] if label else own, value)
    return family


def _autoscaling(service: Manifest) -> Manifest:
    """As it is stored: what is not valid is reported like the rest, as far as it can be read."""
    spec = service.get("spec") or {}
    found: Manifest = spec.get("autoscaling") or {}
    return found


def _limits(service: Manifest) -> Iterator[tuple[str, float]]:
    return (
        (bound, _autoscaling(service)[bound]) for bound in ("min", "max") if bound in _autoscaling(service)
    )


def _targets(service: Manifest) -> Iterable[tuple[str, float]]:
    found = {}
    for metric in _autoscaling(service).get("metrics", ()):
        # Of some types there can be several.
        named = (metric["type"], metric.get("stream"), metric.get("consumer"), metric.get("name"))
        try:
            found[" ".join(filter(None, named))] = float(quantity.value(str(metric["target"])))
        except ValueError:
            continue  # not valid: the condition Reconciled says so
    return found.items()


def _storage(service: Manifest) -> Iterator[tuple[str, float]]:
    """Of the stores that have a volume of their own."""
    spec = service.get("spec") or {}
    database, cache = spec.get("database") or {}, spec.get("cache") or {}
    kept = {
        "database": database if database.get("mode", "dedicated") == "dedicated" else {},
        "cache": cache if cache.get("persistence") == "AppendOnly" else {},
    }
    for store, wanted in kept.items():
        try:
            if size := wanted.get("storage"):
                yield store, float(quantity.value(str(size)))
        except ValueError:
            continue  # not valid: the condition Reconciled says so


def _conditions(service: Manifest) -> Iterator[tuple[str, float]]:
    values = {"True": 1.0, "False": 0.0}
    for condition in (service.get("status") or {}).get("conditions", ()):
        if condition["status"] in values:
            yield condition["type"], values[condition["status"]]
