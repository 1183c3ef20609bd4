"""What every service measures of itself and its requests; names and meanings are those of docs/contracts.md.

Requests are counted when they come, not when they are done: a service that hangs is not idle.
"""

import platform
import time
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shop_chassis.tracing import Span

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nothing here reads

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""OpenTelemetry semantic conventions, `http.server.request.duration`, in seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class InFlight(Collector):
    """How many requests run, and the integral of that over time.

    The rate of the integral is the mean concurrency, right also while requests hang: it is brought up to date
    whenever it is read, not when requests end.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._active = 0
        self._seconds = 0.0
        self._since = clock()

    def change(self, by: int) -> None:
        """+1: a request has come; -1: one is done."""
        self._bring_up_to_date()
        self._active += by

    def collect(self) -> Iterable[Metric]:
        """For a scrape."""
        self._bring_up_to_date()
        yield CounterMetricFamily(
            "http_server_active_request_seconds",
            "Integral over time of the requests in flight.",
            value=self._seconds,
        )
        yield GaugeMetricFamily("http_server_active_requests", "Requests in flight.", value=self._active)

    def _bring_up_to_date(self) -> None:
        now = self._clock()
        self._seconds += self._active * (now - self._since)
        self._since = now


class Readiness(Collector):
    """What /readyz last said: by it an autoscaler tells a service that is stalled from one that is idle."""

    def __init__(self, ready: Callable[[], bool | None]) -> None:
        """`ready` is that of the runtime: without a value there is no series."""
        self._ready = ready

    def collect(self) -> Iterable[Metric]:
        """For a scrape."""
        gauge = GaugeMetricFamily(
            "service_ready", "1 or 0 as /readyz last said, from its first 1 to SIGTERM."
        )
        ready = self._ready()
        if ready is not None:
            gauge.add_metric([], ready)
        yield gauge


class ServerMetrics:
    """One set per service, in its registry."""

    def __init__(self, registry: CollectorRegistry, service: str, version: str) -> None:
        self.requests = Counter("http_server_requests", "Requests that came.", registry=registry)
        # The histogram's series of a status begins with its first request, in which rate() sees no increase.
        self.errors = Counter("http_server_errors", "Requests answered 5xx.", registry=registry)
        self.in_flight = InFlight()
        registry.register(self.in_flight)
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time until the answer was sent.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], Histogram] = {}
        ProcessCollector(registry=registry)
        build = Gauge("build_info", "1.", ["service", "version", "python"], registry=registry)
        build.labels(service, version, platform.python_version()).set(1)

    def done(self, method: str, route: str, status: int, seconds: float, span: Span) -> None:
        """A request has been answered. A span that is told is the exemplar.

        `method` is one of METHODS or `_OTHER`; `route` the template, empty when none matched.
        """
        if status >= 500:
            self.errors.inc()
        key = (method, route, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._duration.labels(*key)
        series.observe(seconds, {"trace_id": span.trace_id, "span_id": span.span_id} if span.told else None)
