"""What NATS says of itself, as metrics: `python -m shop_chassis.brokermetrics`.

    BROKER_MONITORING   the broker's monitoring, http://nats.nats.svc:8222
    PORT                where /metrics is served, 8080

The server tells two JSON documents (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring) and no
metrics. A process of its own asks for them at each scrape, so what it says is never older than that. It is no
service and imports nothing of one: it weighs what an interpreter weighs.
"""

import json
import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TIMEOUT_SECONDS = 5.0
"""Less than a scrape may take."""
STREAMS = "/jsz?streams=true&consumers=true&config=true"
Document = Mapping[str, Any]
Ask = Callable[[str], Document]
"""The document at a path; raises OSError or ValueError."""


class BrokerMetrics(Collector):
    """The two documents as they are at each scrape."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """All families, or `nats_up` alone with 0: what cannot be asked has no numbers."""
        try:
            server, jetstream = self._ask("/varz"), self._ask(STREAMS)
            found = [*of_server(server), *of_jetstream(jetstream), *of_streams(jetstream)]
        except (OSError, ValueError, KeyError) as error:
            print(f"the broker's monitoring does not answer as it should: {error!r}", file=sys.stderr)
            found = []
        yield GaugeMetricFamily("nats_up", "1 while the broker's monitoring answers.", value=bool(found))
        yield from found


def of_server(told: Document) -> Iterator[Metric]:
    """Of `/varz`. Raises KeyError where a number is missing."""
    yield GaugeMetricFamily("nats_connections", "Clients that are connected.", value=told["connections"])
    yield GaugeMetricFamily("nats_memory_bytes", "Resident memory.", value=told["mem"])
    yield CounterMetricFamily(
        "nats_slow_consumers",
        "Clients that were cut off because they did not read.",
        value=told["slow_consumers"],
    )
    for name, key, description in (
        ("nats_messages", "msgs", "Messages from (in) and to (out) clients."),
        ("nats_bytes", "bytes", "Bytes of these messages."),
    ):
        family = CounterMetricFamily(name, description, labels=["direction"])
        for direction in ("in", "out"):
            family.add_metric([direction], told[f"{direction}_{key}"])
        yield family


def of_jetstream(told: Document) -> Iterator[Metric]:
    """Of `/jsz` as a whole. Raises KeyError where a number is missing."""
    used, limit = told["storage"], told["config"]["max_storage"]
    yield GaugeMetricFamily("nats_jetstream_storage_bytes", "What the streams' files hold.", value=used)
    yield GaugeMetricFamily("nats_jetstream_storage_limit_bytes", "What they may hold.", value=limit)
    errors = told["api"]["errors"]
    yield CounterMetricFamily("nats_jetstream_api_errors", "Requests to JetStream refused.", value=errors)


def of_streams(told: Document) -> list[Metric]:
    """Of its streams, and of the durable consumers of each. Who follows a stream for itself has a name that
    nobody sees twice: those are only counted. Raises KeyError where a number is missing."""
    messages = GaugeMetricFamily("nats_stream_messages", "Messages that are kept.", labels=["stream"])
    size = GaugeMetricFamily("nats_stream_bytes", "What they take.", labels=["stream"])
    published = CounterMetricFamily("nats_stream_published", "Messages ever taken.", labels=["stream"])
    followers = GaugeMetricFamily("nats_stream_followers", "Consumers that do not last.", labels=["stream"])
    both = ["stream", "consumer"]
    pending = GaugeMetricFamily("nats_consumer_pending", "Messages not delivered yet.", labels=both)
    unacknowledged = GaugeMetricFamily(
        "nats_consumer_ack_pending", "Delivered, not acknowledged.", labels=both
    )
    again = GaugeMetricFamily("nats_consumer_redelivered", "Of these, delivered before.", labels=both)
    for stream in _streams(told):
        name, state, consumers = stream["name"], stream["state"], stream.get("consumer_detail") or []
        durable = [one for one in consumers if one.get("config", {}).get("durable_name")]
        messages.add_metric([name], state["messages"])
        size.add_metric([name], state["bytes"])
        published.add_metric([name], state["last_seq"])
        followers.add_metric([name], len(consumers) - len(durable))
        for consumer in durable:
            who = [name, consumer["name"]]
            pending.add_metric(who, consumer["num_pending"])
            unacknowledged.add_metric(who, consumer["num_ack_pending"])
            again.add_metric(who, consumer["num_redelivered"])
    return [messages, size, published, followers, pending, unacknowledged, again]


def _streams(told: Document) -> Iterator[Document]:
    for account in told.get("account_details") or ():
        yield from account.get("stream_detail") or ()


def asking(monitoring: str) -> Ask:
    """From the broker's monitoring at this address."""

    def ask(path: str) -> Document:
        with urllib.request.urlopen(f"{monitoring}{path}", timeout=TIMEOUT_SECONDS) as answer:
            document: Document = json.load(answer)
        return document

    return ask


def main() -> None:
    """Serves until SIGTERM."""
    registry = CollectorRegistry()
    registry.register(BrokerMetrics(asking(os.environ["BROKER_MONITORING"].rstrip("/"))))
    ended = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: ended.set())
    server, _ = start_http_server(int(os.environ.get("PORT", "8080")), registry=registry)
    ended.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
