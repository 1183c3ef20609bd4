"""The operator's own metrics, in a registry of their own."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.queue import Queue


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

    def observe_call(self, verb: str, kind: str, status: int) -> None:
        """Count one call to the API server."""
        self.calls.labels(verb, kind, str(status)).inc()

    def watch(self, queue: Queue[Key], cache: Cache) -> None:
        """Report the queue, and every ShopService in the cache, at each scrape."""
        self.registry.register(_Present(queue, cache))


class _Present(Collector):
    """Values that are read when asked for, so that nothing has to be kept up to date."""

    def __init__(self, queue: Queue[Key], cache: Cache) -> None:
        self._queue, self._cache = queue, cache

    def collect(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily("shop_operator_queue_depth", "ShopServices that wait to be reconciled.")
        depth.add_metric([], self._queue.depth)
        age = GaugeMetricFamily("shop_operator_queue_age_seconds", "How long the oldest of them has waited.")
        age.add_metric([], self._queue.age)
        in_work = GaugeMetricFamily("shop_operator_in_work", "ShopServices that are being reconciled.")
        in_work.add_metric([], self._queue.in_work)
        yield from (depth, age, in_work)
        labels = ["namespace", "name"]
        desired = GaugeMetricFamily(
            "shop_service_replicas_desired", "Replicas that it should have now.", labels=labels
        )
        ready = GaugeMetricFamily("shop_service_replicas_ready", "Replicas that are ready.", labels=labels)
        target = GaugeMetricFamily(
            "shop_service_autoscaler_limit", "Bounds of its autoscaler.", labels=[*labels, "bound"]
        )
        condition = GaugeMetricFamily(
            "shop_service_condition", "1 where the condition is True.", labels=[*labels, "condition"]
        )
        for service in self._cache.of_kind("ShopService"):
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            deployment = self._cache.get("Deployment", namespace, name) or {}
            desired.add_metric([namespace, name], deployment.get("spec", {}).get("replicas", 0))
            ready.add_metric([namespace, name], deployment.get("status", {}).get("readyReplicas", 0))
            for bound in ("min", "max"):
                if (value := (service["spec"].get("autoscaling") or {}).get(bound)) is not None:
                    target.add_metric([namespace, name, bound], value)
            for entry in service.get("status", {}).get("conditions", ()):
                condition.add_metric([namespace, name, entry["type"]], entry["status"] == "True")
        yield from (desired, ready, target, condition)
