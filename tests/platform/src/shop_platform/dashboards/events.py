"""Events between the services: published, waiting, consumed, given up."""

from __future__ import annotations

from typing import Any

from shop_platform.dashboards.panels import Query, Section, lines, number, of_shop, rate, told_of

HERE = 'namespace="$namespace"'


def built() -> dict[str, Any]:
    """The whole dashboard."""
    return of_shop("Events", "shop-events", _SECTIONS)


def _deliveries(outcome: str) -> Query:
    expr = rate("consumer_events_total", f'outcome="{outcome}"', by="stream,consumer,type")
    return Query(expr, "{{stream}}.{{type}} {{consumer}}")


_SECTIONS = (
    Section(
        "State",
        number("Not published", f"sum(max by (job) (outbox_events{{{HERE}}}))"),
        number("Oldest of them", f"max(outbox_oldest_event_age_seconds{{{HERE}}})", unit="s", bad_above=60),
        number("Not consumed", f"sum(max by (stream, consumer) (consumer_lag_events{{{HERE}}}))"),
        number(
            "Dead letters, 1 h",
            told_of("consumer_events_total", ',outcome="dead_lettered"', "1h"),
            bad_above=1,
            about="shop dlq list",
        ),
        number(
            "Gaps given up, 1 h",
            told_of("consumer_gaps_total", "", "1h"),
            bad_above=1,
        ),
        number("Relays", f"sum(outbox_relay_leader{{{HERE}}})", about="One for each service that publishes."),
    ),
    Section(
        "Published",
        lines("Events", Query(rate("outbox_published_total", by="job,type"), "{{job}}.{{type}}"), unit="ops"),
        lines("Not published yet", Query(f"max by (job) (outbox_events{{{HERE}}})", "{{job}}")),
        lines("Failures", Query(rate("outbox_errors_total", by="job"), "{{job}}"), unit="ops"),
    ),
    Section(
        "Consumed",
        lines(
            "Deliveries",
            Query(
                rate("consumer_events_total", by="stream,consumer,outcome"),
                "{{stream}} {{consumer}} {{outcome}}",
            ),
            unit="ops",
        ),
        lines(
            "Waiting",
            Query(f"max by (stream, consumer) (consumer_lag_events{{{HERE}}})", "{{stream}} {{consumer}}"),
        ),
        lines(
            "Time of an event, p95",
            Query(
                "histogram_quantile(0.95,"
                f" {rate('consumer_duration_seconds_bucket', by='le,stream,consumer')})",
                "{{stream}} {{consumer}}",
            ),
            unit="s",
        ),
    ),
    Section(
        "What goes wrong",
        lines("Failed", _deliveries("failed"), unit="ops", none="nothing failed"),
        lines("Dead-lettered", _deliveries("dead_lettered"), unit="ops", none="no dead letters"),
        lines("Delivered twice", _deliveries("duplicate"), unit="ops", none="no duplicates"),
        lines("Waiting for one that is missing", _deliveries("parked"), unit="ops", none="no gaps", width=12),
        lines("Database away", _deliveries("outage"), unit="ops", none="no outage", width=12),
    ),
    Section(
        "Broker",
        number("Answers", f"max(nats_up{{{HERE}}})", bad_below=1),
        number(
            "Room used",
            f"max(nats_jetstream_storage_bytes{{{HERE}}})"
            f" / max(nats_jetstream_storage_limit_bytes{{{HERE}}} > 0)",
            unit="percentunit",
            bad_above=0.8,
        ),
        number(
            "Dead letters kept",
            f'max(nats_stream_messages{{{HERE},stream="dlq"}}) or vector(0)',
            bad_above=1,
            about="shop dlq list",
        ),
        number("Clients", f"max(nats_connections{{{HERE}}})"),
        number("Memory", f"max(nats_memory_bytes{{{HERE}}})", unit="bytes"),
        number(
            "Slow clients, 1 h",
            f"sum(increase(nats_slow_consumers_total{{{HERE}}}[1h])) or vector(0)",
            bad_above=1,
            about="Cut off because they did not read; they come again.",
        ),
        lines(
            "Kept by stream",
            Query(f"max by (stream) (nats_stream_bytes{{{HERE}}})", "{{stream}}"),
            unit="bytes",
        ),
        lines("Taken", Query(rate("nats_stream_published_total", by="stream"), "{{stream}}"), unit="ops"),
        lines(
            "Delivered, not acknowledged",
            Query(
                f"max by (stream, consumer) (nats_consumer_ack_pending{{{HERE}}})", "{{stream}} {{consumer}}"
            ),
        ),
    ),
)
"""What waits, then each side, then what needs somebody, then what carries it."""
