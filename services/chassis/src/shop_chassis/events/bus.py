"""What a broker has to offer: the small interface that every adapter implements.

Delivery is at least once and in no promised order; `Outbox`, `Inbox` and `Consumer` make "once, in effect" of
it. A stream holds the messages of one publishing service; its topics are `<stream>.<type>`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shop_chassis.tables import utc_now


class BusError(Exception):
    """The broker could not be reached or refused; what was asked may or may not have happened. Try again."""


class NoStreamError(BusError):
    """The stream does not exist; its publisher makes it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as its stream keeps it; `number` is its place in the stream, from 1."""

    number: int
    topic: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=utc_now)
    """When the broker stored it."""


class Delivery(Protocol):
    """A message in the hands of a consumer, until exactly one of `ack`, `nak` and `term`.

    Without any of them the broker delivers it again, to this consumer or another of the same durable name.
    """

    @property
    def message(self) -> Stored:
        """What was published."""

    @property
    def attempt(self) -> int:
        """How often the broker has handed this message to the durable consumer, this time included."""

    async def ack(self) -> None:
        """Done with it."""

    async def nak(self, delay: float) -> None:
        """Deliver again after `delay` seconds."""

    async def term(self) -> None:
        """Never deliver again."""

    async def extend(self) -> None:
        """Still at work: the time to acknowledge starts anew."""


class Subscription(Protocol):
    """One process's part in a durable consumer: replicas of the same name share its messages."""

    @property
    def ack_wait(self) -> float:
        """Seconds after which an unacknowledged message is delivered again."""

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """Waits until there is something; then up to `limit` messages. Empty after `close`."""

    async def lag(self) -> int:
        """Messages of the durable consumer that are not acknowledged yet, delivered or not."""

    async def close(self) -> None:
        """Hands back what was delivered here but not fetched; a waiting `fetch` returns empty."""


class Bus(Protocol):
    """A broker."""

    async def start(self) -> None:
        """Begins to connect; returns at once, whether or not the broker is there."""

    async def stop(self) -> None:
        """Sends what is buffered and disconnects."""

    def problem(self) -> str | None:
        """Why the broker cannot be used right now; None when it can."""

    async def ensure_stream(self, stream: str, *, max_age: float) -> None:
        """Makes the stream for `<stream>.>` unless it exists; an existing one is left as its owner set it.

        Messages are dropped after `max_age` seconds.
        """

    async def publish(
        self, topic: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Returns when the broker has stored the message.

        A broker that can drops a second message with the same id shortly after the first.
        Raises BusError, NoStreamError.
        """

    async def subscribe(self, stream: str, durable: str, topics: Sequence[str]) -> Subscription:
        """Joins the durable consumer, made on first use: it then starts with the oldest message kept.

        Raises BusError, NoStreamError.
        """

    def follow(
        self, stream: str, topics: Sequence[str], *, after: int = 0, since: datetime | None = None
    ) -> AsyncGenerator[Stored, None]:
        """Every message of these topics after number `after`, in order, then those that come: for ever.

        For what each replica needs to know by itself: nothing is shared, acknowledged or remembered by the
        broker. `since`, used while `after` is 0: older ones are left out. A stream that is not there yet and
        an outage of the broker are waited out; a stream that was lost and made anew is read from its start.
        Close the generator (`contextlib.aclosing`) to stop.
        """

    async def last(self, stream: str) -> int:
        """The number of the stream's newest message, dropped or not; 0 before the first one.

        Raises BusError.
        """

    async def browse(self, stream: str, *, after: int = 0, limit: int = 100) -> Sequence[Stored]:
        """Messages after number `after`, oldest first, untouched; none when there is no such stream."""

    async def remove(self, stream: str, number: int) -> None:
        """Deletes one message; nothing happens when it is gone already."""


def matches(pattern: str, topic: str) -> bool:
    """Whether `topic` is one that `pattern` means: equal, or below a pattern that ends in `.>`."""
    return topic.startswith(pattern[:-1]) if pattern.endswith(".>") else topic == pattern
