"""What is told of the broker: from its two documents, from a broker that is away, from one that runs."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.brokermetrics import STREAMS, BrokerMetrics, Document
from shop_chassis.events import Event
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.testing.servers import NatsServer, free_ports

VARZ = {
    "connections": 12,
    "mem": 20_000_000,
    "slow_consumers": 1,
    "in_msgs": 100,
    "out_msgs": 250,
    "in_bytes": 5000,
    "out_bytes": 9000,
}


def consumer(name: str, *, durable: bool, pending: int = 0) -> dict[str, Any]:
    config = {"durable_name": name} if durable else {}
    numbers = {"num_pending": pending, "num_ack_pending": 2, "num_redelivered": 1}
    return {"name": name, "config": config, **numbers}


def stream(name: str, *consumers: dict[str, Any], messages: int = 0) -> dict[str, Any]:
    state = {"messages": messages, "bytes": messages * 100, "last_seq": messages + 10}
    return {"name": name, "state": state, "consumer_detail": [*consumers]}


def jsz(*streams: dict[str, Any]) -> dict[str, Any]:
    return {
        "storage": 700,
        "config": {"max_storage": 1000},
        "api": {"errors": 3},
        "account_details": [{"stream_detail": [*streams]}],
    }


def told(documents: Mapping[str, Document]) -> CollectorRegistry:
    def ask(path: str) -> Document:
        if path not in documents:
            raise ConnectionRefusedError(path)
        return documents[path]

    registry = CollectorRegistry()
    registry.register(BrokerMetrics(ask))
    return registry


def names(registry: CollectorRegistry) -> set[str]:
    return {sample.name for family in registry.collect() for sample in family.samples}


def test_each_stream_and_durable_consumer_has_its_numbers() -> None:
    orders = stream("orders", consumer("mail", durable=True, pending=7), messages=40)
    dead = stream("dlq", messages=2)
    registry = told({"/varz": VARZ, STREAMS: jsz(orders, dead)})
    value = registry.get_sample_value
    assert value("nats_up") == 1
    assert value("nats_messages_total", {"direction": "out"}) == 250
    assert value("nats_jetstream_storage_bytes") == 700
    assert value("nats_jetstream_storage_limit_bytes") == 1000
    assert value("nats_stream_messages", {"stream": "dlq"}) == 2
    assert value("nats_stream_published_total", {"stream": "orders"}) == 50
    who = {"stream": "orders", "consumer": "mail"}
    assert value("nats_consumer_pending", who) == 7
    assert value("nats_consumer_ack_pending", who) == 2


def test_who_follows_a_stream_for_itself_is_counted_and_not_named() -> None:
    """Each start of a replica makes one with another name: series without end."""
    followed = stream(
        "catalog",
        consumer("x9Kq", durable=False),
        consumer("p0Lm", durable=False),
        consumer("w", durable=True),
    )
    registry = told({"/varz": VARZ, STREAMS: jsz(followed)})
    assert registry.get_sample_value("nats_stream_followers", {"stream": "catalog"}) == 2
    named = {
        sample.labels["consumer"]
        for family in registry.collect()
        for sample in family.samples
        if "consumer" in sample.labels
    }
    assert named == {"w"}


@pytest.mark.parametrize(
    "documents",
    [{}, {"/varz": VARZ}, {"/varz": VARZ, STREAMS: {"disabled": True}}, {"/varz": {}, STREAMS: jsz()}],
    ids=["away", "half of it", "without JetStream", "another form"],
)
def test_a_broker_that_does_not_tell_is_not_up_and_has_no_numbers(documents: Mapping[str, Document]) -> None:
    registry = told(documents)
    assert registry.get_sample_value("nats_up") == 0
    assert names(registry) == {"nats_up"}


def test_a_broker_without_streams_is_up() -> None:
    registry = told({"/varz": VARZ, STREAMS: {**jsz(), "account_details": None}})
    assert registry.get_sample_value("nats_up") == 1


@contextmanager
def serving(monitoring: str) -> Iterator[str]:
    """The program itself, and where it serves."""
    (port,) = free_ports(1)
    environment = {**os.environ, "BROKER_MONITORING": monitoring, "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "shop_chassis.brokermetrics"], env=environment)
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def read(url: str) -> str:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())
    return ""


@pytest.mark.nats
async def test_a_broker_that_runs(nats_server: NatsServer, until: Any) -> None:
    bus = NatsBus(nats_server.url, name="told", ack_wait=1.0)
    await bus.start()
    try:
        await bus.ensure_stream("told", max_age=3600)
        subscription = await bus.subscribe("told", "reader", ["told.>"])
        event = Event(source="/told", type="thing.done", subject="t1", sequence=1, data={})
        await bus.publish(event.topic, event.encode(), message_id=event.id)
        with serving(nats_server.monitoring) as url:
            found = ""

            async def there() -> bool:
                nonlocal found
                found = await asyncio.to_thread(read, url)
                return 'nats_consumer_pending{consumer="reader",stream="told"} 1.0' in found

            await until(there)
            assert "nats_up 1.0" in found
            assert 'nats_stream_messages{stream="told"} 1.0' in found
        del subscription
    finally:
        await bus.stop()
