"""Metrics of events, in the service's own registry."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class OutboxMetrics:
    """Every replica reports the backlog (look at the maximum); the one that holds the lock publishes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.depth = Gauge("outbox_events", "Events that wait to be published.", registry=registry)
        self.age = Gauge(
            "outbox_oldest_event_age_seconds", "Age of the oldest event that waits.", registry=registry
        )
        self.published = Counter("outbox_published", "Events published.", ["type"], registry=registry)
        self.errors = Counter(
            "outbox_errors", "Failures to publish events or to read the outbox.", registry=registry
        )
        self.leader = Gauge("outbox_relay_leader", "1 where the relay publishes.", registry=registry)


class ConsumerMetrics:
    """`outcome` of a delivery: applied, duplicate, stale, parked, failed, outage or dead_lettered."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "consumer_events",
            "Deliveries by outcome.",
            ["stream", "consumer", "type", "outcome"],
            registry=registry,
        )
        self.gaps = Counter(
            "consumer_gaps", "Gaps that nothing filled in time.", ["stream", "consumer"], registry=registry
        )
        self.lag = Gauge(
            "consumer_lag_events", "Events not acknowledged.", ["stream", "consumer"], registry=registry
        )
        self.duration = Histogram(
            "consumer_duration_seconds",
            "Time from a delivery to the answer to the broker.",
            ["stream", "consumer", "type"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
