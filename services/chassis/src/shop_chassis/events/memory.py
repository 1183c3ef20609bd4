"""The bus within one process: for `shop local` and tests, with a broker's semantics and no broker's
durability.

At least once like the real ones: redelivery after a NAK's delay or the ack wait, durable consumers that
outlive their subscriptions (though not the process), shared among subscribers. It never filters duplicates.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shop_chassis.events.bus import Delivery, NoStreamError, Stored, Subscription, matches

KEPT = 10_000
"""Messages a stream keeps for consumers that come later; what a consumer still has to see is kept by itself.
"""


@dataclass(slots=True)
class _Pending:
    """A message that the durable consumer has not acknowledged; free to be delivered from `due` on."""

    message: Stored
    due: float = 0.0
    attempts: int = 0


@dataclass(slots=True)
class _Durable:
    topics: Sequence[str]
    pending: dict[int, _Pending] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, message: Stored) -> None:
        if any(matches(topic, message.topic) for topic in self.topics):
            self.pending[message.number] = _Pending(message)
            self.changed.set()


@dataclass(slots=True)
class _Stream:
    last: int = 0
    messages: deque[Stored] = field(default_factory=lambda: deque(maxlen=KEPT))
    durables: dict[str, _Durable] = field(default_factory=dict)


class MemoryBus:
    """A `Bus` in memory; all who use it run on one event loop."""

    def __init__(self, ack_wait: float = 30.0) -> None:
        self._ack_wait = ack_wait
        self._streams: dict[str, _Stream] = {}
        self._followers: dict[str, set[asyncio.Queue[Stored]]] = defaultdict(set)

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nothing to disconnect from."""

    def problem(self) -> str | None:
        """It is always there."""
        return None

    async def ensure_stream(self, stream: str, *, max_age: float) -> None:
        """As the protocol says, but bounded by number instead of age."""
        self._streams.setdefault(stream, _Stream())

    async def publish(
        self, topic: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says."""
        stream_name = topic.partition(".")[0]
        stream = self._stream(stream_name)
        stream.last += 1
        message = Stored(stream.last, topic, body, dict(headers or {}))
        stream.messages.append(message)
        for durable in stream.durables.values():
            durable.offer(message)
        for follower in self._followers[stream_name]:
            follower.put_nowait(message)

    async def subscribe(self, stream: str, durable: str, topics: Sequence[str]) -> "Subscription":
        """As the protocol says."""
        found = self._stream(stream)
        if durable not in found.durables:
            found.durables[durable] = consumer = _Durable(topics)
            for message in found.messages:
                consumer.offer(message)
        found.durables[durable].topics = topics
        return MemorySubscription(found.durables[durable], self._ack_wait)

    async def follow(
        self, stream: str, topics: Sequence[str], *, after: int = 0, since: datetime | None = None
    ) -> AsyncGenerator[Stored, None]:
        """As the protocol says."""
        coming: asyncio.Queue[Stored] = asyncio.Queue()
        kept = self._streams[stream].messages if stream in self._streams else ()
        for message in kept:
            if message.number > after and (after or since is None or message.at >= since):
                coming.put_nowait(message)
        self._followers[stream].add(coming)
        try:
            while True:
                message = await coming.get()
                if any(matches(topic, message.topic) for topic in topics):
                    yield message
        finally:
            self._followers[stream].discard(coming)

    async def last(self, stream: str) -> int:
        """As the protocol says."""
        return self._streams[stream].last if stream in self._streams else 0

    async def browse(self, stream: str, *, after: int = 0, limit: int = 100) -> Sequence[Stored]:
        """As the protocol says."""
        kept = self._streams[stream].messages if stream in self._streams else ()
        return [message for message in kept if message.number > after][:limit]

    async def remove(self, stream: str, number: int) -> None:
        """As the protocol says."""
        messages = self._stream(stream).messages
        found = next((message for message in messages if message.number == number), None)
        if found is not None:
            messages.remove(found)

    def _stream(self, name: str) -> _Stream:
        if name not in self._streams:
            raise NoStreamError(f"no stream {name!r}: its publisher has not made it yet")
        return self._streams[name]


class MemorySubscription:
    """A `Subscription` of a MemoryBus."""

    def __init__(self, durable: _Durable, ack_wait: float) -> None:
        self._durable = durable
        self._ack_wait = ack_wait
        self._closed = False

    @property
    def ack_wait(self) -> float:
        """Seconds."""
        return self._ack_wait

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """As the protocol says."""
        while not self._closed:
            self._durable.changed.clear()
            now = time.monotonic()
            due = [pending for pending in self._durable.pending.values() if pending.due <= now][:limit]
            for pending in due:
                pending.due = now + self._ack_wait
                pending.attempts += 1
            if due:
                self._durable.changed.set()  # another subscriber may wait for what is left
                return [_Handed(self._durable, pending, self._ack_wait) for pending in due]
            next_due = min((pending.due for pending in self._durable.pending.values()), default=None)
            try:
                async with asyncio.timeout(None if next_due is None else max(next_due - now, 0.001)):
                    await self._durable.changed.wait()
            except TimeoutError:
                continue
        return []

    async def lag(self) -> int:
        """As the protocol says."""
        return len(self._durable.pending)

    async def close(self) -> None:
        """As the protocol says; here nothing waits between delivery and fetch."""
        self._closed = True
        self._durable.changed.set()


@dataclass(slots=True)
class _Handed:
    """One delivery; as with NATS a late answer counts, even if the message has been delivered again."""

    durable: _Durable
    pending: _Pending
    ack_wait: float
    message: Stored = field(init=False)
    attempt: int = field(init=False)

    def __post_init__(self) -> None:
        self.message, self.attempt = self.pending.message, self.pending.attempts

    async def ack(self) -> None:
        self.durable.pending.pop(self.message.number, None)

    async def nak(self, delay: float) -> None:
        self.pending.due = time.monotonic() + delay
        self.durable.changed.set()

    async def term(self) -> None:
        await self.ack()

    async def extend(self) -> None:
        self.pending.due = time.monotonic() + self.ack_wait
