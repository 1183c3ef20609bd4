"""Ways to somebody, each an adapter with one method."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shop_notification.templates import Words


@dataclass(frozen=True)
class Parcel:
    """What is to be sent, in every form that a channel may need."""

    id: UUID
    """Of the delivery: the same at each try."""
    to: str
    words: Words
    link: str
    """Absolute."""
    text: str = ""
    html: str = ""
    unsubscribe: str | None = None


@dataclass(frozen=True)
class Sent:
    """It was taken."""


@dataclass(frozen=True)
class Later:
    """It certainly did not get there; another try may work."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """It was not taken, and never will be."""

    reason: str
    no_such_address: bool = False


@dataclass(frozen=True)
class Unknown:
    """It may have got there."""

    reason: str


Outcome = Sent | Later | Refused | Unknown
HandOver = Callable[[], Awaitable[None]]
"""Called once, right before the message is handed over for good; it writes that down. When it raises, nothing
may be handed over."""


class Way(Protocol):
    """One channel."""

    async def send(self, parcel: Parcel, hand_over: HandOver) -> Outcome:
        """Sends it, once. Raises only what `hand_over` raises."""
