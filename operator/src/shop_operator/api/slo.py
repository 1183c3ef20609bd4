"""What the service promises its callers, and how it is watched: objectives, scraping, dashboard."""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api.base import Model, PortNumber, Rule

PerCent = Annotated[str, Field(max_length=6, pattern=r"^[0-9]{2}(\.[0-9]{1,3})?$")]
"""A share of requests, as decimal text: floats are not exact."""

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
"""The value of a label."""

Threshold = Literal[
    "5ms",
    "10ms",
    "25ms",
    "50ms",
    "75ms",
    "100ms",
    "250ms",
    "500ms",
    "750ms",
    "1s",
    "2.5s",
    "5s",
    "7.5s",
    "10s",
]
"""The bounds of the buckets of http_server_request_duration_seconds, as OpenTelemetry advises them."""

RESERVED_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/component",
    "shopservice.dev/name",
)
"""Labels of every child, by which the operator finds it."""
LEAST = Decimal(50)


def _from_50(field: str) -> Rule:
    return Rule(
        field=field,
        message=f"{field} must be at least {LEAST}: it is per cent of requests",
        cel=f"!has(self.{field}) || quantity(self.{field}).compareTo(quantity('{LEAST}')) >= 0",
        holds=lambda model: (value := getattr(model, field)) is None or Decimal(value) >= LEAST,
    )


class Latency(Model):
    """So many of the requests that did not fail are answered within so long."""

    threshold: Threshold
    """Longest time that is good: a bound of the histogram's buckets, since only those are counted."""
    target: PerCent
    """Per cent of requests that are faster, such as "99"; from 50, below 100."""

    rules: ClassVar = (_from_50("target"),)


class Slo(Model):
    """Service level objectives. The budget is what they leave: at 99.9 per cent one request in a thousand
    may fail. Alerts say how fast it is used up: a page when it would be gone in days, a ticket when it would
    not last; with fewer than five failed requests there is none. Below 93.1 per cent the fastest of the two
    pages cannot fire, since no more than all requests can fail."""

    availability: PerCent | None = None
    """Per cent of requests that are answered without an error of the server (5xx), such as "99.9"; from 50,
    below 100."""
    latency: Latency | None = None
    """How fast the answers are to be."""
    window: Annotated[str, Field(max_length=3, pattern=r"^([7-9]|[1-8][0-9]|90)d$")] = "30d"
    """The period that the budget is for, 7d to 90d. The alerts look back in proportion, at 30d over an hour
    to three days. Prometheus must keep its samples as long."""

    rules: ClassVar = (
        Rule(
            field="",
            message="slo needs availability, latency or both",
            cel="has(self.availability) || has(self.latency)",
            holds=lambda slo: slo.availability is not None or slo.latency is not None,
        ),
        _from_50("availability"),
    )


class Monitoring(Model):
    """Scraping of the service's metrics by Prometheus, and what is shown of them."""

    enabled: bool = True
    """Whether to scrape. RequestsPerSecond, Concurrency and `slo` need it."""
    port: PortNumber | None = None
    """Port of the metrics; default: the first of `ports`, 8080 when there is none."""
    path: Annotated[str, Field(max_length=1024, pattern=r"^/")] = "/metrics"
    """Path of the metrics."""
    interval: Annotated[str, Field(max_length=8, pattern=r"^[1-9][0-9]*(ms|s|m)$")] | None = None
    """Time between scrapes; default: 2s where RequestsPerSecond or Concurrency scale the service, else 5s.
    The autoscaler looks back 15 seconds, so it needs 5 or less; with 2 or less it sees a surge at once."""
    labels: Annotated[dict[str, LabelValue], Field(max_length=16)] | None = None
    """Labels of PodMonitor and PrometheusRule, for a Prometheus that selects them, such as
    {release: kube-prometheus-stack}."""
    dashboard: bool | None = None
    """Whether to make a dashboard for Grafana, as ConfigMap with the label grafana_dashboard; default: with
    `slo`."""

    rules: ClassVar = (
        Rule(
            field="labels",
            message=f"labels must leave {', '.join(RESERVED_LABELS)} to the operator",
            cel=f"!has(self.labels) || !self.labels.exists(key, key in {list(RESERVED_LABELS)})",
            holds=lambda monitoring: not set(RESERVED_LABELS) & (monitoring.labels or {}).keys(),
        ),
    )
