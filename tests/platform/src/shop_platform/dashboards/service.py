"""The dashboard of one service: a template, of which each service gets the sections that concern it."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders.dashboard import ConstantVariable, Dashboard

from shop_platform.dashboards.panels import (
    SIGNALS,
    Query,
    Section,
    dashboard,
    lines,
    number,
    plain,
    process,
    states,
)

SERVED = 'namespace="$namespace",job="$service"'
"""The service's own series."""
KNOWN = 'namespace="$namespace",name="$service"'
"""What the operator says of it."""
DATABASE, CACHE = (f'namespace="$namespace",job="$service-{store}"' for store in ("db", "cache"))
"""What the exporters in the pods of its stores say."""
CONTAINED = 'namespace="$namespace",pod=~"$service-((db|cache)-0|(cache-)?[a-z0-9]+-[a-z0-9]{5})"'
"""All of its pods, as StatefulSets and Deployments call them; none of a service whose name begins alike."""
FAILED = 'http_response_status_code=~"5.."'
_REQUEST, _CALL = "http_server_request_duration_seconds", "http_client_request_duration_seconds"


def template() -> dict[str, Any]:
    """`dashboard`, and `sections` for it: what each `needs` of the spec, and how high it is.

    `<uid>`, `<namespace>` and `<service>` are the operator's to fill in.
    """
    empty = dashboard(
        "<namespace> / <service>",
        "<uid>",
        ConstantVariable("namespace").value("<namespace>"),
        ConstantVariable("service").value("<service>"),
    )
    return {
        "dashboard": plain(empty),
        "sections": [_part(one) for one in _SECTIONS],
    }


def _part(one: Section) -> dict[str, Any]:
    built = plain(one.on(Dashboard(one.title)))["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in built)
    return {"needs": one.needs, "height": height, "panels": built}


def _rate(series: str, labels: str = "", by: str = "") -> str:
    grouped = f" by ({by}) " if by else ""
    return f"sum{grouped}(rate({series}{{{SERVED}{labels}}}[$__rate_interval]))"


def _quantile(share: float, series: str, by: str = "") -> str:
    grouped = f"le,{by}" if by else "le"
    return f"histogram_quantile({share}, {_rate(series + '_bucket', by=grouped)})"


def _failing() -> str:
    every = _rate(f"{_REQUEST}_count")
    return f"({_rate(f'{_REQUEST}_count', ',' + FAILED)} or 0 * {every}) / {every}"


def _of(store: str, series: str, labels: str = "", by: str = "") -> str:
    grouped = f" by ({by}) " if by else ""
    return f"sum{grouped}(rate({series}{{{store}{labels}}}[$__rate_interval]))"


def _share(store: str, part: str, rest: str, labels: str = "") -> str:
    """Of both; nothing, and not 0/0, while there is neither."""
    one, other = (_of(store, series, labels) for series in (part, rest))
    return f"{one} / (({one} + {other}) > 0)"


_OWN = ',datname="$service"'
"""Beside the service's a server has databases of PostgreSQL's own."""
_UNWATCHED, _UNSEEN = "no exporter", "no metrics of containers"
_SLO = "shopservice:slo_errors:ratio"
_SECTIONS = (
    Section(
        "State",
        number("Ready pods", f"shop_service_replicas_ready{{{KNOWN}}}", bad_below=1),
        number("Wanted pods", f"shop_service_replicas_desired{{{KNOWN}}}"),
        number(
            "Not as it should be",
            f'sum(shop_service_condition{{{KNOWN},condition!~"Degraded|Progressing"}} == bool 0)',
            bad_above=1,
            about="Conditions that are False: kubectl describe shopservice $service -n $namespace",
        ),
        states("Conditions", Query(f"shop_service_condition{{{KNOWN}}}", "{{condition}}"), width=12),
    ),
    Section(
        "Objectives",
        lines(
            "Budget left",
            Query(f"shopservice:slo_budget_remaining:ratio{{{SERVED}}}", "{{slo}}"),
            unit="percentunit",
            width=12,
            least=None,
            about="Of the whole period. Below 0 the objective is broken.",
        ),
        lines(
            "Burn rate",
            Query(
                f"{_SLO}{{{SERVED}}} / on (namespace, job, slo) group_left ()"
                f" (1 - shopservice:slo_objective:ratio{{{SERVED}}})",
                "{{slo}} {{window}}",
            ),
            width=12,
            about="How many times faster than allowed the budget is used up, by window.",
        ),
        needs="slo",
    ),
    Section(
        "Requests",
        lines(
            "Rate",
            Query(
                _rate(f"{_REQUEST}_count", by="http_response_status_code"), "{{http_response_status_code}}"
            ),
            unit="reqps",
        ),
        lines("Errors", Query(_failing(), "5xx"), unit="percentunit"),
        lines(
            "Duration",
            *(Query(_quantile(share, _REQUEST), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)),
            unit="s",
        ),
        lines(
            "Slowest routes, p95",
            Query(f"topk(5, {_quantile(0.95, _REQUEST, 'http_route')})", "{{http_route}}"),
            unit="s",
            width=12,
        ),
        lines(
            "In flight",
            Query(_rate("http_server_active_request_seconds_total", by="pod"), "{{pod}}"),
            width=12,
            about="On average, as the autoscaler of a Concurrency target counts them; most scrapes find"
            " none at that moment.",
        ),
        needs="ports",
    ),
    Section(
        "Pods",
        lines(
            "Pods",
            Query(f"shop_service_replicas_ready{{{KNOWN}}}", "ready"),
            Query(f"shop_service_replicas_desired{{{KNOWN}}}", "wanted"),
            Query(f"shop_service_autoscaler_limit{{{KNOWN}}}", "{{bound}}"),
            Query(f"sum(service_ready{{{SERVED}}} == bool 0)", "ready no more"),
            about="Ready no more: their /readyz says that they cannot serve, though they could before. While"
            " they are most, the autoscaler takes none away.",
        ),
        *process(SERVED),
        lines(
            "CPU of containers",
            Query(
                "sum by (pod, container)"
                f" (rate(container_cpu_usage_seconds_total{{{CONTAINED}}}[$__rate_interval]))",
                "{{pod}} {{container}}",
            ),
            width=12,
            none=_UNSEEN,
            about="Cores; those of database and cache, and their helpers, too.",
        ),
        lines(
            "Memory of containers",
            Query(
                f"sum by (pod, container) (container_memory_working_set_bytes{{{CONTAINED}}})",
                "{{pod}} {{container}}",
            ),
            unit="bytes",
            width=12,
            none=_UNSEEN,
            about="What counts against their limits.",
        ),
    ),
    Section(
        "Autoscaling",
        lines(
            "Load of a pod",
            *(
                Query(f"{record}{{{SERVED}}} / scalar(shop_service_replicas_ready{{{KNOWN}}} > 0)", metric)
                for metric, record in SIGNALS.items()
            ),
            Query(f"shop_service_autoscaler_target{{{KNOWN}}}", "target {{metric}}"),
            width=24,
            about="What one pod carries, and what it is to carry: above it there will be more pods.",
        ),
        needs="autoscaling",
    ),
    Section(
        "Database",
        states("Database", Query(f'shop_service_condition{{{KNOWN},condition=~"Data.*"}}', "{{condition}}")),
        lines(
            "Transactions",
            Query(_of(DATABASE, "pg_stat_database_xact_commit", _OWN), "committed"),
            Query(_of(DATABASE, "pg_stat_database_xact_rollback", _OWN), "rolled back"),
            unit="ops",
            none=_UNWATCHED,
        ),
        lines(
            "Connections",
            Query(f"sum by (state) (pg_stat_activity_count{{{DATABASE}{_OWN}}})", "{{state}}"),
            none=_UNWATCHED,
            about="100 at most. Idle in transaction is a transaction that waits for the service.",
        ),
        lines(
            "Oldest transaction",
            Query(f"max by (state) (pg_stat_activity_max_tx_duration{{{DATABASE}}})", "{{state}}"),
            unit="s",
            none=_UNWATCHED,
        ),
        lines(
            "Blocks found in memory",
            Query(_share(DATABASE, "pg_stat_database_blks_hit", "pg_stat_database_blks_read", _OWN), "share"),
            unit="percentunit",
            width=12,
            none=_UNWATCHED,
        ),
        lines(
            "Size",
            Query(f"sum(pg_database_size_bytes{{{DATABASE}}})", "data"),
            Query(f'shop_service_storage_bytes{{{KNOWN},store="database"}}', "volume"),
            unit="bytes",
            width=12,
            none=_UNWATCHED,
            about="The log takes up to 256 MiB beside the data.",
        ),
        needs="database",
    ),
    Section(
        "Cache",
        lines(
            "Commands",
            Query(_of(CACHE, "redis_commands_processed_total"), "commands"),
            unit="ops",
            none=_UNWATCHED,
        ),
        lines(
            "Found",
            Query(_share(CACHE, "redis_keyspace_hits_total", "redis_keyspace_misses_total"), "share"),
            unit="percentunit",
            none=_UNWATCHED,
        ),
        lines("Clients", Query(f"sum(redis_connected_clients{{{CACHE}}})", "clients"), none=_UNWATCHED),
        lines(
            "Memory",
            Query(f"sum(redis_memory_used_bytes{{{CACHE}}})", "used"),
            Query(f"sum(redis_memory_max_bytes{{{CACHE}}})", "most"),
            unit="bytes",
            none=_UNWATCHED,
            about="One that keeps its data refuses writes when this is full, another one forgets.",
        ),
        lines(
            "Forgotten",
            Query(_of(CACHE, "redis_evicted_keys_total"), "for want of room"),
            Query(_of(CACHE, "redis_expired_keys_total"), "lapsed"),
            unit="ops",
            none=_UNWATCHED,
        ),
        states(
            "Last write to the log",
            Query(f"min(redis_aof_last_write_status{{{CACHE}}})", "succeeded"),
            width=8,
            about="While it has failed, what keeps its data refuses every change.",
        ),
        needs="cache",
    ),
    Section(
        "Calls to other services",
        lines(
            "Rate",
            Query(
                _rate(f"{_CALL}_count", by="server_address,error_type"), "{{server_address}} {{error_type}}"
            ),
            unit="reqps",
        ),
        lines(
            "Duration, p95", Query(_quantile(0.95, _CALL, "server_address"), "{{server_address}}"), unit="s"
        ),
        lines(
            "Not answered by them",
            Query(
                _rate("http_client_not_sent_total", by="server_address,reason"),
                "{{server_address}} {{reason}}",
            ),
            Query(
                _rate("http_client_fallbacks_total", by="server_address,outcome"),
                "{{server_address}} {{outcome}}",
            ),
            Query(
                f'max by (server_address) (http_client_circuit_state{{{SERVED},state="open"}})',
                "{{server_address}} circuit open",
            ),
            about="Calls not sent per second, fallbacks per second, and 1 while the circuit is open.",
        ),
        needs="dependsOn",
    ),
    Section(
        "Events",
        lines(
            "Not published yet", Query(f"max(outbox_events{{{SERVED}}})", "events"), none="publishes nothing"
        ),
        lines(
            "Oldest of them",
            Query(f"max(outbox_oldest_event_age_seconds{{{SERVED}}})", "age"),
            unit="s",
            none="publishes nothing",
        ),
        lines(
            "Publishing",
            Query(_rate("outbox_published_total"), "published"),
            Query(_rate("outbox_errors_total"), "errors"),
            unit="ops",
            none="publishes nothing",
        ),
        lines(
            "Consumed",
            Query(_rate("consumer_events_total", by="consumer,outcome"), "{{consumer}} {{outcome}}"),
            unit="ops",
            none="consumes nothing",
        ),
        lines(
            "Waiting to be consumed",
            Query(f"max by (stream, consumer) (consumer_lag_events{{{SERVED}}})", "{{stream}} {{consumer}}"),
            none="consumes nothing",
        ),
        lines(
            "Time of an event, p95",
            Query(_quantile(0.95, "consumer_duration_seconds", "consumer"), "{{consumer}}"),
            unit="s",
            none="consumes nothing",
        ),
        needs="events",
    ),
)
"""From the most urgent question to the most special one."""
