"""What the client measures. Labels are callees, route templates and fixed words: their number is bounded."""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shop_chassis.client.breaker import State

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""OpenTelemetry's advice for http.client.request.duration, in seconds."""

REFUSED_SENDING = ("circuit_open", "bulkhead_full", "deadline", "no_identity")
"""Why a call was not sent."""


class ClientMetrics:
    """One set per registry, shared by the clients of a service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "http_client_request_duration_seconds",
            "Time of each attempt until the whole answer is read; error_type is empty below status 400",
            [
                "http_request_method",
                "server_address",
                "http_route",
                "http_response_status_code",
                "error_type",
            ],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._active = Gauge(
            "http_client_active_requests", "Calls under way", ["server_address"], registry=registry
        )
        self._retries = Counter(
            "http_client_retries", "Attempts beyond the first", ["server_address"], registry=registry
        )
        self._not_sent = Counter(
            "http_client_not_sent",
            "Calls that were not sent",
            ["server_address", "reason"],
            registry=registry,
        )
        self._circuit = Gauge(
            "http_client_circuit_state",
            "1 for the state that the circuit breaker is in",
            ["server_address", "state"],
            registry=registry,
        )
        self._fallbacks = Counter(
            "http_client_fallbacks",
            "Failed calls that a remembered answer stood in for (stale), or had none for (missing)",
            ["server_address", "outcome"],
            registry=registry,
        )

    def watch(self, callee: str, active: Callable[[], float], state: Callable[[], State]) -> None:
        """Read the gauges of one client at each scrape, and let its counters exist from the start."""
        self._active.labels(callee).set_function(active)
        for each in State:
            self._circuit.labels(callee, each).set_function(partial(_is, state, each))
        for reason in REFUSED_SENDING:
            self._not_sent.labels(callee, reason)
        for outcome in ("stale", "missing"):
            self._fallbacks.labels(callee, outcome)
        self._retries.labels(callee)

    def attempt(
        self, callee: str, method: str, route: str, seconds: float, status: int | None, error: str
    ) -> None:
        """One attempt has ended: with a status, or with an error and none."""
        code = "" if status is None else str(status)
        self._duration.labels(method, callee, route, code, error).observe(seconds)

    def retry(self, callee: str) -> None:
        """An attempt beyond the first begins."""
        self._retries.labels(callee).inc()

    def not_sent(self, callee: str, reason: str) -> None:
        """A call was refused here; `reason` is one of `REFUSED_SENDING`."""
        self._not_sent.labels(callee, reason).inc()

    def fallback(self, callee: str, *, found: bool) -> None:
        """A call failed; a remembered answer was found for it or not."""
        self._fallbacks.labels(callee, "stale" if found else "missing").inc()


def _is(state: Callable[[], State], expected: State) -> float:
    return float(state() is expected)
