"""The ways of a shipment and of a return, as data."""

from collections.abc import Mapping

from shop_contracts.logistics import events

Machine = Mapping[str, tuple[str, ...]]
"""From each state those that may follow; the first one begins."""

SHIPMENT: Machine = {
    "allocated": ("dispatched", "cancelled"),
    "dispatched": ("in_transit", "delivered", "failed"),
    "in_transit": ("delivered", "failed"),
    "failed": ("in_transit", "delivered", "returning"),  # tried again, or it comes back
    "delivered": ("returning",),
    "returning": ("returned",),
    "returned": ("returning",),  # the rest of the order comes back later
    "cancelled": (),
}
RETURN: Machine = {
    "expected": ("in_transit", "received"),
    "in_transit": ("received",),
    "received": (),
}

TOLD: Mapping[str, str] = {
    "allocated": events.SHIPMENT_ALLOCATED,
    "dispatched": events.SHIPMENT_DISPATCHED,
    "in_transit": events.SHIPMENT_IN_TRANSIT,
    "delivered": events.SHIPMENT_DELIVERED,
    "failed": events.SHIPMENT_FAILED,
    "returning": events.SHIPMENT_RETURNING,
    "returned": events.SHIPMENT_RETURNED,
    "cancelled": events.SHIPMENT_CANCELLED,
}
"""The event that says that a shipment came into a state."""

ENDED = frozenset({"delivered", "cancelled", "returned"})
"""Nothing is on its way to the address any more."""

RETURNABLE = frozenset({"delivered", "returning", "returned"})
"""The shopper has it, or had it."""

REPORTED: Mapping[str, str] = {"in_transit": "in_transit", "delivered": "received"}
"""What a carrier's word means for a return; its other words are recorded and change nothing."""

NEXT_HOP: Mapping[str, str] = {"dispatched": "in_transit", "in_transit": "delivered"}
"""What the demo carrier says of a shipment after a while."""

NEXT_RETURN_HOP: Mapping[str, str] = {"expected": "in_transit", "in_transit": "delivered"}
"""And of a return."""


def leads(machine: Machine, now: str, then: str) -> bool:
    """Whether `then` may follow `now`."""
    return then in machine[now]


def drawn(machine: Machine) -> str:
    """The machine in Mermaid's language, as the README shows it."""
    lines = [f"    {now} --> {then}" for now, following in machine.items() for then in following]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {next(iter(machine))}", *lines])
