"""What is measured of the index."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class IndexMetrics:
    """One per service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Gauge("search_documents", "Products that can be found.", registry=registry)
        self.visible = Histogram(
            "search_change_visible_seconds",
            "From a change of a product to results that show it.",
            buckets=(0.1, 0.25, 0.5, 0.75, 1, 2, 5, 10, 60),
            registry=registry,
        )
        self.builds = Counter(
            "search_builds_total", "Indexes built from a snapshot.", ["outcome"], registry=registry
        )
        for outcome in ("done", "failed"):
            self.builds.labels(outcome)
        self.written = Histogram(
            "search_write_seconds",
            "To write a batch of changes.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=registry,
        )
