"""The shop as a whole: what is sold, which orders are under way, how all services do."""

from __future__ import annotations

from typing import Any

from shop_platform.dashboards.panels import Query, Section, lines, number, of_shop, rate, told_of

HOUR = 3600
_OPEN = "order_sagas_open"
_REQUEST = "http_server_request_duration_seconds"
_ENDS = "order[.](confirmed|shipped|delivered|cancelled|returned|refunded)"
FUNNEL = {
    "looked at": ("catalog", "GET", "/products/{which}"),
    "put into a cart": ("cart", "POST", "/carts/{cart_id}/lines"),
    "checked out": ("order-taking", "POST", "/orders:preview"),
    "ordered": ("order-taking", "POST", "/orders"),
}
"""Service, method and route that stand for each step of a shopper."""


def built() -> dict[str, Any]:
    """The whole dashboard."""
    return of_shop("Shop", "shop-overview", _SECTIONS)


def _day(job: str, type: str) -> str:
    series = f'outbox_published_total{{namespace="$namespace",job="{job}",type="{type}"}}'
    return f"sum(increase({series}[24h])) or vector(0)"


def _hourly(job: str, types: str) -> Query:
    events = rate("outbox_published_total", f'job="{job}",type=~"{types}"', by="type")
    return Query(f"{events} * {HOUR}", "{{type}}")


def _steps() -> list[Query]:
    found = []
    for name, (job, method, route) in FUNNEL.items():
        labels = f'job="{job}",http_request_method="{method}",http_route="{route}"'
        good = f'{labels},http_response_status_code=~"2.."'
        found.append(Query(f"{rate(f'{_REQUEST}_count', good)} * {HOUR}", name))
    return found


def _conversion() -> str:
    first, last = (step.expr for step in (_steps()[0], _steps()[-1]))
    return f"({last}) / ({first})"


HERE = 'namespace="$namespace"'
_DATA = f"sum by (job) (pg_database_size_bytes{{{HERE}}})"
_ROOM = (
    f'max by (job) (label_replace(shop_service_storage_bytes{{{HERE},store="database"}},'
    ' "job", "$1-db", "name", "(.+)"))'
)

_SECTIONS = (
    Section(
        "Trade",
        number("Orders, 24 h", _day("order-taking", "order.placed")),
        number("Confirmed, 24 h", _day("order-processing", "order.confirmed")),
        number("Cancelled, 24 h", _day("order-processing", "order.cancelled")),
        number(
            "Need a person",
            'max(order_sagas_stuck{namespace="$namespace"})',
            bad_above=1,
            about="shop saga list --stuck",
        ),
        number(
            "Oldest under way",
            'max(order_sagas_oldest_seconds{namespace="$namespace"})',
            unit="s",
            about="Of the sagas that are not at their end; one that waits for the bank may be days old.",
        ),
        number(
            "Dead letters, 24 h",
            told_of("consumer_events_total", ',outcome="dead_lettered"', "24h"),
            bad_above=1,
            about="shop dlq list",
        ),
        lines(
            "Orders per hour",
            _hourly("order-taking", "order[.]placed"),
            _hourly("order-processing", _ENDS),
        ),
        lines(
            "Revenue per hour",
            Query(f"{rate('order_revenue_minor_units_total', by='currency')} * {HOUR}", "{{currency}}"),
            Query(
                f"{rate('order_refunds_minor_units_total', by='currency')} * {HOUR}", "{{currency}} refunded"
            ),
            about="Minor units, as cents: of orders when they are confirmed, of refunds when they are made.",
        ),
        lines("Shoppers per hour", *_steps(), about="Requests of each step that were answered."),
        lines(
            "Conversion",
            Query(_conversion(), "orders of products looked at"),
            unit="percentunit",
            width=12,
        ),
        lines(
            "Availability of the whole",
            Query('min(shopservice:slo_budget_remaining:ratio{namespace="$namespace"})', "least budget left"),
            unit="percentunit",
            least=None,
            width=12,
        ),
    ),
    Section(
        "Orders under way",
        lines(
            "Sagas by state",
            Query(f'max by (kind, state) ({_OPEN}{{namespace="$namespace"}})', "{{kind}} {{state}}"),
        ),
        lines(
            "Tries of steps",
            Query(rate("order_saga_steps_total", by="step,outcome"), "{{step}} {{outcome}}"),
            unit="ops",
        ),
        lines(
            "Duration of a try, p95",
            Query(
                "histogram_quantile(0.95,"
                f" {rate('order_saga_step_duration_seconds_bucket', by='le,step,direction')})",
                "{{step}} {{direction}}",
            ),
            unit="s",
        ),
    ),
    Section(
        "Services",
        lines("Requests", Query(rate("http_server_requests_total", by="job"), "{{job}}"), unit="reqps"),
        lines("Errors", Query(rate("http_server_errors_total", by="job"), "{{job}}"), unit="reqps"),
        lines(
            "Duration, p95",
            Query(f"histogram_quantile(0.95, {rate(f'{_REQUEST}_bucket', by='le,job')})", "{{job}}"),
            unit="s",
        ),
        lines(
            "Pods that are missing",
            Query(
                'max by (name) (shop_service_replicas_desired{namespace="$namespace"}'
                ' - shop_service_replicas_ready{namespace="$namespace"})',
                "{{name}}",
            ),
            width=6,
        ),
        lines(
            "Circuits that are open",
            Query(
                "sum by (job, server_address)"
                ' (http_client_circuit_state{namespace="$namespace",state="open"})',
                "{{job}} to {{server_address}}",
            ),
            width=6,
        ),
        lines(
            "Schedules that failed",
            Query(rate("schedule_runs_total", 'outcome="failed"', by="job,name"), "{{job}} {{name}}"),
            unit="ops",
            width=6,
        ),
        lines(
            "Pods that are not scraped",
            Query(f"sum by (job) (up{{{HERE}}} == bool 0)", "{{job}}"),
            width=6,
            about="Of them Prometheus knows nothing at present, of databases (-db) and caches (-cache) too.",
        ),
    ),
    Section(
        "What they stand on",
        lines(
            "Transactions of databases",
            Query(rate("pg_stat_database_xact_commit", by="job"), "{{job}}"),
            unit="ops",
        ),
        lines(
            "Connections to databases",
            Query(f"sum by (job) (pg_stat_database_numbackends{{{HERE}}})", "{{job}}"),
            about="100 at most, of each.",
        ),
        lines("Databases beside their volumes", Query(f"{_DATA} / {_ROOM}", "{{job}}"), unit="percentunit"),
        lines(
            "Caches beside their memory",
            Query(
                f"max by (job) (redis_memory_used_bytes{{{HERE}}} / (redis_memory_max_bytes{{{HERE}}} > 0))",
                "{{job}}",
            ),
            unit="percentunit",
        ),
        lines(
            "Events that the broker took",
            Query(rate("nats_stream_published_total", by="stream"), "{{stream}}"),
            unit="ops",
        ),
        lines(
            "Events that wait in it",
            Query(f"max by (stream, consumer) (nats_consumer_pending{{{HERE}}})", "{{stream}} {{consumer}}"),
        ),
    ),
)
"""From what is sold to what sells it, and what that stands on."""
