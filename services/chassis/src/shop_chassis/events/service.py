"""What a service writes in its `setup` to take part in events.

def setup(runtime: Runtime[Settings]) -> None:
    events = Events(runtime, "catalog")
    events.publish(outbox)
    events.consume("order", [On("order.placed", handle)], inbox=inbox)
"""

from collections.abc import Sequence
from typing import Any

from shop_chassis.events.bus import Bus
from shop_chassis.events.consumer import Consumer, On, Patience
from shop_chassis.events.inbox import Inbox
from shop_chassis.events.memory import MemoryBus
from shop_chassis.events.metrics import ConsumerMetrics, OutboxMetrics
from shop_chassis.events.outbox import Outbox
from shop_chassis.events.relay import Relay
from shop_chassis.runtime import Background, Runtime
from shop_chassis.settings import SettingsError


def connect(url: str, *, name: str) -> Bus:
    """The bus that EVENTS_URL means. Raises SettingsError for one that is not known."""
    match url.partition("://")[0]:
        case "memory":
            return MemoryBus()
        case "nats" | "tls":
            from shop_chassis.events.jetstream import (
                NatsBus,  # only who needs it pays for the client's import
            )

            return NatsBus(url, name=name)
        case _:
            raise SettingsError(f"EVENTS_URL: expected memory:// or nats://host:port, found {url!r}")


def bus_of(runtime: Runtime[Any]) -> Bus:
    """The one bus of the service: that of EVENTS_URL, unless its process has one for all of its services.

    Who shares a bus starts and stops it. Raises SettingsError.
    """
    if runtime.bus is None:
        runtime.bus = connect(runtime.settings.events_url, name=runtime.settings.pod_name)
        runtime.add(runtime.bus)
    return runtime.bus


class Events:
    """The events of one running service: its bus, and what it publishes and consumes."""

    def __init__(self, runtime: Runtime[Any], service: str) -> None:
        self._runtime = runtime
        self._service = service
        self._bus = bus_of(runtime)
        self._consumed: ConsumerMetrics | None = None

    def publish(self, outbox: Outbox) -> None:
        """Has the outbox published.

        A broker that is down does not make the service unready: changes are recorded, events go out later.
        """
        metrics = OutboxMetrics(self._runtime.metrics)
        relay = Relay(outbox, self._runtime.store, self._bus, metrics, tracer=self._runtime.tracer)
        self._add(Background("relay", relay.run))

    def consume(
        self,
        stream: str,
        handlers: Sequence[On],
        *,
        inbox: Inbox,
        concurrency: int = 8,
        rate: float | None = None,
        patience: Patience = Patience(),  # noqa: B008  # immutable
        needed: bool = True,
    ) -> None:
        """Has the events of `stream` handled; the durable consumer is named as the service.

        The service is ready only while it can consume, unless they are not `needed` to answer. The other
        options are those of `Consumer`.
        """
        if self._consumed is None:
            self._consumed = ConsumerMetrics(self._runtime.metrics)
        consumer = Consumer(
            self._service,
            stream,
            handlers,
            inbox=inbox,
            store=self._runtime.store,
            bus=self._bus,
            metrics=self._consumed,
            tracer=self._runtime.tracer,
            concurrency=concurrency,
            rate=rate,
            patience=patience,
        )
        self._add(Background(f"consumer of {stream}", consumer.run))
        if needed:
            self._runtime.ready_when(f"events of {stream}", consumer.problem)

    def _add(self, background: Background) -> None:
        self._runtime.add(background)
        self._runtime.ready_when(background.name, background.problem)
