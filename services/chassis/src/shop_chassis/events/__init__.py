"""Events: from the transaction that causes them to the transaction of their effect, once.

    change + Outbox.add ──commit──▶ Relay ──▶ Bus ──▶ Consumer ──▶ Inbox.claim + effect ──commit──▶ ack

Every step may happen again after a crash; none is skipped. The bus is MemoryBus in one process and NatsBus
between processes. docs/contracts.md "Events" has the names on the wire.
"""

from shop_chassis.events.bus import Bus, BusError, Delivery, NoStreamError, Stored, Subscription
from shop_chassis.events.consumer import Consumer, Handler, On, Patience
from shop_chassis.events.deadletter import DeadLetter, dead_letters, replay
from shop_chassis.events.event import Event, MalformedEventError
from shop_chassis.events.inbox import Claim, Inbox, Order
from shop_chassis.events.memory import MemoryBus
from shop_chassis.events.outbox import Outbox
from shop_chassis.events.relay import Relay
from shop_chassis.events.service import Events, bus_of

__all__ = [
    "Bus",
    "BusError",
    "Claim",
    "Consumer",
    "DeadLetter",
    "Delivery",
    "Event",
    "Events",
    "Handler",
    "Inbox",
    "MalformedEventError",
    "MemoryBus",
    "NoStreamError",
    "On",
    "Order",
    "Outbox",
    "Patience",
    "Relay",
    "Stored",
    "Subscription",
    "bus_of",
    "dead_letters",
    "replay",
]
