"""The broker, past the shop: what it has still to deliver; and how it forgets what it has delivered.

So it does when it is restored from yesterday's copy, or when somebody makes a consumer anew: a stream still
has all its messages, and the services get every one of them again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

PAUSE = 0.02
GONE = (NatsError, OSError, TimeoutError)
"""The broker does not answer."""


class Broker:
    """At a URL; each question has a connection of its own, since the broker comes and goes."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def streams(self) -> dict[str, list[str]]:
        """Which streams each service consumes. Raises GONE."""
        found: dict[str, list[str]] = defaultdict(list)
        async with self._asked() as jetstream:
            for each in await _consumers(jetstream):
                found[each.name].append(each.stream_name)
        return found

    async def repeat(self, service: str, streams: Sequence[str], seconds: float) -> bool:
        """Has a service get all events of these streams again.

        True once it is at work on some of them, with others still to come: those in hand, if it is killed
        now, come last. False when it was done before that was seen, or after `seconds`. Raises GONE.
        """
        async with self._asked() as jetstream, asyncio.timeout(seconds):
            for stream in streams:
                with suppress(NotFoundError):  # it was made to forget already, and has not come back
                    await jetstream.delete_consumer(stream, service)
            left = set(streams)
            while left:
                await asyncio.sleep(PAUSE)
                for stream in list(left):
                    with suppress(NotFoundError):  # the service makes it anew
                        found = await jetstream.consumer_info(stream, service)
                        if not found.num_pending:
                            left.remove(stream)
                        elif found.num_ack_pending:
                            return True
        return False

    async def outstanding(self) -> int:
        """Deliveries that are still to be made or to be acknowledged. Raises GONE."""
        async with self._asked() as jetstream:
            found = await _consumers(jetstream)
        return sum((each.num_pending or 0) + (each.num_ack_pending or 0) for each in found)

    @asynccontextmanager
    async def _asked(self) -> AsyncGenerator[JetStreamContext, None]:
        client = await nats.connect(self._url, allow_reconnect=False, connect_timeout=2)
        try:
            yield client.jetstream(timeout=2)
        finally:
            await client.close()


async def _consumers(jetstream: JetStreamContext) -> list[ConsumerInfo]:
    """Of services; those of followers have no durable name."""
    streams = await jetstream.streams_info()
    found = [each for stream in streams for each in await jetstream.consumers_info(stream.config.name or "")]
    return [each for each in found if each.config.durable_name]
