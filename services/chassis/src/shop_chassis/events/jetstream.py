"""NATS JetStream as a `Bus` (nats-server ≥ 2.10, https://docs.nats.io/nats-concepts/jetstream)."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsInbox
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from shop_chassis.events.bus import BusError, Delivery, NoStreamError, Stored, Subscription
from shop_chassis.tables import utc_now

log = structlog.get_logger(__name__)

DUPLICATE_WINDOW = 120.0
"""Seconds within which the stream drops a second message of the same id."""
CONNECT_WAIT = 5.0
"""Seconds a call waits for a lost connection to come back before it fails."""
PULL_EXPIRES, PULL_HEARTBEAT = 30.0, 10.0
"""A pull waits at the server so long, in seconds, and the server says so often that it still does."""
PAUSE = 1.0
"""Seconds between tries after the server refused a pull or a connection."""
FOLLOWED_AT_ONCE = 256
"""Messages that a follower asks for in one request."""
FORGOTTEN_AFTER = 60.0
"""Seconds after which the server drops what a follower left behind that could not say so."""


class Reconnects(Protocol):
    """Somebody who has asked the server for something that it forgets with the connection."""

    def reconnected(self) -> None:
        """There is a connection again."""


class NatsBus:
    """One connection to NATS, made anew for ever whatever breaks it; every change is logged."""

    def __init__(self, url: str, *, name: str, ack_wait: float = 30.0) -> None:
        """`url` as `nats://host:port`; `name` is shown by the server's monitoring; `ack_wait` in seconds."""
        self._url = url
        self._name = name
        self._ack_wait = ack_wait
        self._client = Client()
        self._connected = asyncio.Event()
        self._lost_at = time.monotonic()
        self._error = "not connected yet"
        self._keeper: asyncio.Task[None] | None = None
        self._subscriptions: set[Reconnects] = set()

    async def start(self) -> None:
        """As the protocol says."""
        self._keeper = asyncio.create_task(self._stay_connected(), name="nats")

    async def stop(self) -> None:
        """As the protocol says."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        with suppress(NatsError, OSError, TimeoutError):
            if self._connected.is_set():
                await self._client.flush(timeout=2)
            await self._client.close()

    def problem(self) -> str | None:
        """As the protocol says."""
        if self._connected.is_set():
            return None
        return f"no connection to {self._url} for {time.monotonic() - self._lost_at:.0f} s: {self._error}"

    async def ensure_stream(self, stream: str, *, max_age: float) -> None:
        """As the protocol says."""
        jetstream = await self.jetstream()
        with _translated(f"make stream {stream}"):
            try:
                await jetstream.stream_info(stream)
            except NotFoundError:
                await jetstream.add_stream(
                    StreamConfig(
                        name=stream,
                        subjects=[f"{stream}.>"],
                        storage=StorageType.FILE,
                        max_age=max_age,
                        duplicate_window=DUPLICATE_WINDOW,
                    )
                )
                log.info("stream made", stream=stream)

    async def publish(
        self, topic: str, body: bytes, *, message_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """As the protocol says."""
        jetstream = await self.jetstream()
        with _translated(f"publish {topic}"):
            await jetstream.publish(topic, body, headers={**(headers or {}), Header.MSG_ID: message_id})

    async def subscribe(self, stream: str, durable: str, topics: Sequence[str]) -> Subscription:
        """As the protocol says."""
        subscription = NatsSubscription(self, stream, durable, topics, self._ack_wait)
        await subscription.make_durable()
        self.remember(subscription)
        return subscription

    async def follow(
        self, stream: str, topics: Sequence[str], *, after: int = 0, since: datetime | None = None
    ) -> AsyncGenerator[Stored, None]:
        """As the protocol says: an ordered consumer (ADR-17), made anew after whatever broke the one before.

        nats-py's own one is not used: when the server forgets it, at a restart, it waits for ever.
        """
        said, born = "", None
        while True:
            reading = NatsReading(self, stream, topics)
            try:
                made, last = await reading.find()
                if last < after or born not in (None, made):
                    log.warning("stream was made anew: reading it from its start", stream=stream)
                    after = 0
                born = made
                await reading.begin(after, since)
                async with aclosing(reading.messages()) as messages:
                    async for message in messages:
                        after, said = message.number, ""
                        yield message
            except (BusError, NatsError, OSError, TimeoutError) as error:
                if str(error) != said:
                    log.info("cannot follow yet", stream=stream, topics=list(topics), error=str(error))
                said = str(error)
                await asyncio.sleep(PAUSE)
            finally:
                await reading.end()

    async def last(self, stream: str) -> int:
        """As the protocol says."""
        jetstream = await self.jetstream()
        with _translated(f"ask for the end of stream {stream}"):
            try:
                return (await jetstream.stream_info(stream)).state.last_seq
            except NotFoundError:
                return 0

    async def browse(self, stream: str, *, after: int = 0, limit: int = 100) -> Sequence[Stored]:
        """As the protocol says."""
        jetstream = await self.jetstream()
        found: list[Stored] = []
        with _translated(f"read stream {stream}"), suppress(NotFoundError):
            while len(found) < limit:
                raw = await jetstream.get_msg(stream, seq=after + 1, subject=f"{stream}.>", next=True)
                after = raw.seq or 0
                headers, at = dict(raw.headers or {}), raw.time or utc_now()
                found.append(Stored(after, raw.subject or "", raw.data or b"", headers, at))
        return found

    async def remove(self, stream: str, number: int) -> None:
        """As the protocol says."""
        jetstream = await self.jetstream()
        with _translated(f"delete message {number} of stream {stream}"):
            found = await self.browse(stream, after=number - 1, limit=1)
            if found and found[0].number == number:
                await jetstream.delete_msg(stream, number)

    async def connection(self) -> Client:
        """The connection, as soon as there is one; raises BusError after CONNECT_WAIT seconds without."""
        try:
            async with asyncio.timeout(CONNECT_WAIT):
                await self._connected.wait()
        except TimeoutError:
            raise BusError(self.problem() or "no connection") from None
        return self._client

    async def jetstream(self) -> JetStreamContext:
        """JetStream on that connection."""
        return (await self.connection()).jetstream()

    def remember(self, subscription: Reconnects) -> None:
        """Has it told of reconnections."""
        self._subscriptions.add(subscription)

    def forget(self, subscription: Reconnects) -> None:
        """A closed subscription needs no word of reconnections."""
        self._subscriptions.discard(subscription)

    async def _stay_connected(self) -> None:
        """nats-py reconnects by itself, but gives up on some errors (a rejected login): then begin anew."""
        while True:
            self._client, closed = Client(), asyncio.Event()

            async def on_closed(closed: asyncio.Event = closed) -> None:
                closed.set()

            try:
                await self._client.connect(
                    self._url,
                    name=self._name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=PAUSE,  # type: ignore[arg-type]  # annotated int, used as seconds
                    ping_interval=20,
                    max_outstanding_pings=2,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_connected,
                    closed_cb=on_closed,
                )
                await self._on_connected()
                await closed.wait()
                await self._on_disconnected()
            except (NatsError, OSError) as error:
                await self._on_error(error)
            await asyncio.sleep(PAUSE)

    async def _on_error(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        if reason != self._error:
            log.warning("broker", url=self._url, error=reason)
        self._error = reason

    async def _on_disconnected(self) -> None:
        if self._connected.is_set():
            self._connected.clear()
            self._lost_at, self._error = time.monotonic(), "connection lost"
            log.warning("broker lost, trying again every second", url=self._url)

    async def _on_connected(self) -> None:
        log.info("broker connected", url=self._url, after_seconds=round(time.monotonic() - self._lost_at, 1))
        self._connected.set()
        for subscription in list(self._subscriptions):
            subscription.reconnected()


class NatsSubscription:
    """A pull consumer (ADR-37): one long request at a time waits at the server for as much as there is room
    for.

    nats-py's own `fetch` is not used: it waits for the whole batch or the timeout once a first message came
    late, and does not notice that a request died with its server.
    """

    def __init__(
        self, bus: NatsBus, stream: str, durable: str, topics: Sequence[str], ack_wait: float
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._durable = durable
        self._topics = list(topics)
        self._ack_wait = ack_wait
        self._client: Client | None = None
        self._inbox: NatsInbox | None = None
        self._asked = 0  # messages the server still owes us
        self._arrived: deque[Msg] = deque()
        self._changed = asyncio.Event()
        self._refused = False
        self._closed = False

    @property
    def ack_wait(self) -> float:
        """Seconds."""
        return self._ack_wait

    async def make_durable(self) -> None:
        """Creates the durable consumer or brings it to this configuration.

        Without `inactive_threshold`: it must stay while no replica runs, or its lag could not wake one.
        Without `max_deliver`: the server would drop silently what `Consumer` dead-letters with a reason.
        """
        jetstream = await self._bus.jetstream()
        config = ConsumerConfig(
            durable_name=self._durable,
            filter_subjects=self._topics,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait,
            deliver_policy=DeliverPolicy.ALL,
        )
        with _translated(f"make consumer {self._durable} of stream {self._stream}"):
            await jetstream.add_consumer(self._stream, config)

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """As the protocol says; broker outages are waited out."""
        while not self._closed:
            self._changed.clear()
            if self._arrived:
                return [NatsDelivery(self._arrived.popleft()) for _ in range(min(limit, len(self._arrived)))]
            try:
                if self._refused:
                    await asyncio.sleep(PAUSE)
                    await self.make_durable()
                    self._refused = False
                await self._ask(limit - self._asked)
                async with asyncio.timeout(2.5 * PULL_HEARTBEAT):
                    await self._changed.wait()
            except (BusError, NatsError, OSError) as error:
                log.debug("pull failed", stream=self._stream, consumer=self._durable, error=str(error))
                self._refused = True
            except TimeoutError:  # not even a heartbeat: the request is lost
                self._asked = 0
        return []

    async def lag(self) -> int:
        """As the protocol says; what KEDA's scaler computes too."""
        jetstream = await self._bus.jetstream()
        with _translated(f"ask for the lag of {self._durable}"):
            info = await jetstream.consumer_info(self._stream, self._durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def close(self) -> None:
        """As the protocol says."""
        self._closed = True
        self._changed.set()
        self._bus.forget(self)
        with suppress(NatsError, OSError, TimeoutError):
            for message in self._arrived:
                await message.nak()
            self._arrived.clear()
            if self._inbox is not None:
                await self._inbox.drain()  # type: ignore[no-untyped-call]  # what still comes in is handed back by _on_message

    def reconnected(self) -> None:
        """The server forgot what it was asked."""
        self._asked = 0
        self._changed.set()

    async def _ask(self, more: int) -> None:
        client = await self._bus.connection()
        if client is not self._client:
            self._client, self._asked = client, 0
            self._inbox = await client.subscribe(client.new_inbox(), cb=self._on_message)
        if more <= 0 or self._inbox is None:
            return
        self._asked += more
        await client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}",
            _pull(more),
            reply=self._inbox.subject,
        )

    async def _on_message(self, message: Msg) -> None:
        status = (message.headers or {}).get(Header.STATUS)
        if status is None:
            self._asked = max(0, self._asked - 1)
            if self._closed:
                await message.nak()
            else:
                self._arrived.append(message)
        elif status != "100":  # 100 is a heartbeat; all others end the request
            undelivered = (message.headers or {}).get("Nats-Pending-Messages")
            self._asked = max(0, self._asked - int(undelivered)) if undelivered else 0
            self._refused = status != "408"  # 408: it expired, as it should
        self._changed.set()


class NatsReading:
    """One unbroken reading of a stream by an ephemeral pull consumer without acknowledgements.

    It ends when anything may have been missed: a connection that was lost, a silence without heartbeats, a
    number that the consumer counted and that did not arrive.
    """

    def __init__(self, bus: NatsBus, stream: str, topics: Sequence[str]) -> None:
        self._bus = bus
        self._stream = stream
        self._topics = list(topics)
        self._name = f"follower-{uuid4().hex}"
        self._inbox: NatsInbox | None = None
        self._arrived: asyncio.Queue[Msg | None] = asyncio.Queue()

    async def find(self) -> tuple[datetime | None, int]:
        """When the stream was made, and its last number. Raises BusError."""
        jetstream = await self._bus.jetstream()
        with _translated(f"follow stream {self._stream}"):
            info = await jetstream.stream_info(self._stream)
        return info.created, info.state.last_seq

    async def begin(self, after: int, since: datetime | None) -> None:
        """Makes the consumer. Raises BusError."""
        client = await self._bus.connection()
        self._bus.remember(self)
        by_time = since is not None and not after
        config = ConsumerConfig(
            name=self._name,
            filter_subjects=self._topics,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_TIME if by_time else DeliverPolicy.BY_START_SEQUENCE,
            opt_start_time=since if by_time else None,
            opt_start_seq=None if by_time else after + 1,
            mem_storage=True,
            inactive_threshold=FORGOTTEN_AFTER,
        )
        with _translated(f"follow stream {self._stream}"):
            await client.jetstream().add_consumer(self._stream, config)
            self._inbox = await client.subscribe(client.new_inbox(), cb=self._arrived.put)

    async def messages(self) -> AsyncGenerator[Stored, None]:
        """What arrives, in order; raises BusError where the reading is broken."""
        delivered = asked = 0
        while True:
            if not asked:
                await self._ask()
                asked = FOLLOWED_AT_ONCE
            async with asyncio.timeout(2.5 * PULL_HEARTBEAT):
                message = await self._arrived.get()
            if message is None:
                raise BusError("the connection was lost")
            status = (message.headers or {}).get(Header.STATUS)
            if status is None:
                delivered, asked = delivered + 1, asked - 1
                if message.metadata.sequence.consumer != delivered:
                    raise BusError(f"message {delivered} of {self._name} did not arrive")
                yield _stored(message)
            elif status == "408":  # the request expired, as it should
                asked = 0
            elif status != "100":  # a heartbeat
                raise BusError(f"the server ended the request with status {status}")

    async def end(self) -> None:
        """Removes what the server keeps for this reading, if it can be told."""
        self._bus.forget(self)
        if self._inbox is None or self._bus.problem():
            return
        with suppress(BusError, NatsError, OSError, TimeoutError):
            await self._inbox.unsubscribe()
            await (await self._bus.jetstream()).delete_consumer(self._stream, self._name)

    def reconnected(self) -> None:
        """What was on its way is lost."""
        self._arrived.put_nowait(None)

    async def _ask(self) -> None:
        client = await self._bus.connection()
        assert self._inbox is not None
        await client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            _pull(FOLLOWED_AT_ONCE),
            reply=self._inbox.subject,
        )


class NatsDelivery:
    """A `Delivery` of JetStream. Answers are not confirmed: a lost one means another delivery."""

    def __init__(self, message: Msg) -> None:
        self._message = message
        self._attempt = message.metadata.num_delivered
        self._stored = _stored(message)

    @property
    def message(self) -> Stored:
        """As the protocol says."""
        return self._stored

    @property
    def attempt(self) -> int:
        """As the protocol says."""
        return self._attempt

    async def ack(self) -> None:
        """As the protocol says."""
        with _translated("ack"):
            await self._message.ack()

    async def nak(self, delay: float) -> None:
        """As the protocol says."""
        with _translated("nak"):
            await self._message.nak(delay=delay)

    async def term(self) -> None:
        """As the protocol says."""
        with _translated("term"):
            await self._message.term()

    async def extend(self) -> None:
        """As the protocol says."""
        with _translated("extend"):
            await self._message.in_progress()


def _pull(batch: int) -> bytes:
    """The body of a request for so many messages (ADR-13)."""
    expires, heartbeat = int(PULL_EXPIRES * 1e9), int(PULL_HEARTBEAT * 1e9)
    return json.dumps({"batch": batch, "expires": expires, "idle_heartbeat": heartbeat}).encode()


def _stored(message: Msg) -> Stored:
    metadata = message.metadata
    headers = dict(message.headers or {})
    return Stored(metadata.sequence.stream, message.subject, message.data, headers, metadata.timestamp)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turns the client's errors into the bus's."""
    try:
        yield
    except (NoStreamResponseError, NoRespondersError) as error:
        raise NoStreamError(f"{what}: no stream takes it") from error
    except NotFoundError as error:
        raise NoStreamError(f"{what}: {error.description or error}") from error
    except (NatsError, OSError, TimeoutError) as error:
        raise BusError(f"{what}: {str(error) or type(error).__name__}") from error
