"""Autoscaling of all services: what each pod carries beside what it is to carry, and what came of it."""

from __future__ import annotations

from typing import Any

from shop_platform.dashboards.panels import SIGNALS, Query, Section, lines, number, of_shop, rate

HERE = 'namespace="$namespace"'
_READY, _WANTED = (f"max by (name) (shop_service_replicas_{what}{{{HERE}}})" for what in ("ready", "desired"))


def built() -> dict[str, Any]:
    """The whole dashboard."""
    return of_shop("Autoscaling", "shop-autoscaling", _SECTIONS)


def _limit(bound: str) -> str:
    return f'max by (name) (shop_service_autoscaler_limit{{{HERE},bound="{bound}"}})'


def _target(metric: str) -> str:
    return f'max by (name) (shop_service_autoscaler_target{{{HERE},metric="{metric}"}})'


def _by_name(by_job: str) -> str:
    return f'max by (name) (label_replace({by_job}, "name", "$1", "job", "(.+)"))'


def _load(metric: str, record: str) -> Query:
    carried = f"{_by_name(f'{record}{{{HERE}}}')} / ({_READY} > 0)"
    return Query(f"{carried} / {_target(metric)}", f"{{{{name}}}} {metric}")


_CPU = Query(f"avg by (job) (rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval]))", "{{job}}")
_SECTIONS = (
    Section(
        "Pods",
        number("Pods", f"sum({_READY})"),
        number(
            "At their maximum",
            f"count({_WANTED} >= {_limit('max')} > {_limit('min')}) or vector(0)",
            bad_above=1,
            about="They would have more pods if they might.",
        ),
        number(
            "Not autoscaled",
            f'count(shop_service_condition{{{HERE},condition="AutoscalingActive"}} == 0) or vector(0)',
            bad_above=1,
        ),
        lines("Wanted", Query(_WANTED, "{{name}}"), width=12),
        lines("Ready", Query(_READY, "{{name}}"), width=12),
        lines(
            "Ready no more",
            Query(f"sum by (job) (service_ready{{{HERE}}} == bool 0)", "{{job}}"),
            width=12,
            about="Their /readyz says that they cannot serve, though they could before. While they are most"
            " of a service's pods, none is taken away.",
        ),
        lines(
            "Room left",
            Query(f"{_limit('max')} - {_WANTED}", "{{name}}"),
            width=12,
            about="Pods until the maximum.",
        ),
        lines(
            "Changes",
            Query(f"changes({_WANTED}[10m:15s])", "{{name}}"),
            width=12,
            about="In ten minutes. One that goes up and down all the time has a target that is too low,"
            " or a window that is too short.",
        ),
    ),
    Section(
        "Signals",
        lines(
            "Load beside target",
            *(_load(metric, record) for metric, record in SIGNALS.items()),
            width=24,
            about="1: each pod carries what it is to carry. Above it pods are added, far below removed.",
        ),
        lines(
            "Queues",
            Query(f"max by (stream, consumer) (consumer_lag_events{{{HERE}}})", "{{stream}} {{consumer}}"),
            about="Events not acknowledged: QueueLag.",
        ),
        lines("CPU of a pod", _CPU, about="Cores."),
        lines(
            "Memory of a pod",
            Query(f"avg by (job) (process_resident_memory_bytes{{{HERE}}})", "{{job}}"),
            unit="bytes",
        ),
    ),
    Section(
        "What shoppers notice",
        lines(
            "Duration, p99",
            Query(
                "histogram_quantile(0.99,"
                f" {rate('http_server_request_duration_seconds_bucket', by='le,job')})",
                "{{job}}",
            ),
            unit="s",
            width=12,
        ),
        lines("Errors", Query(rate("http_server_errors_total", by="job"), "{{job}}"), unit="reqps", width=12),
    ),
)
"""What there is, why, and whether it is enough."""
