"""Dead letters: events that a consumer gave up, kept with the reason until a person replays or drops them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shop_chassis.events.bus import Bus, Delivery, Stored

STREAM = "dlq"
STREAM_AGE = timedelta(days=30)


@dataclass(frozen=True)
class DeadLetter:
    """`topic` is where the event was published, `body` what; `number` the letter's place in the stream,
    `at` when it was given up.
    """

    number: int
    topic: str
    consumer: str
    reason: str
    tries: int
    body: bytes
    at: datetime


async def bury(bus: Bus, delivery: Delivery, *, consumer: str, reason: str, tries: int) -> None:
    """Stores the delivery as a dead letter, then ends it; killed in between it is buried once more, at worst.

    The message id names consumer and place in the stream, not the event: the same event fails for each
    consumer on its own, and again after a replay.
    """
    message = delivery.message
    await bus.ensure_stream(STREAM, max_age=STREAM_AGE.total_seconds())
    await bus.publish(
        f"{STREAM}.{message.topic}",
        message.body,
        message_id=f"{consumer}:{message.topic.partition('.')[0]}:{message.number}",
        headers={"dlq-reason": _header(reason), "dlq-consumer": consumer, "dlq-tries": str(tries)},
    )
    await delivery.term()


async def dead_letters(
    bus: Bus, *, consumer: str | None = None, after: int = 0
) -> AsyncGenerator[DeadLetter, None]:
    """Those after number `after`, oldest first; only those of `consumer` if it is given. Raises BusError."""
    while page := await bus.browse(STREAM, after=after):
        for stored in page:
            letter = _letter(stored)
            if consumer in (None, letter.consumer):
                yield letter
        after = page[-1].number


async def replay(bus: Bus, letter: DeadLetter) -> None:
    """Publishes the event where it came from, then drops the letter; killed in between it can be replayed
    again.

    All consumers of the topic get it: those that handled it know its id and ignore it. So does a consumer
    with Order.LATEST or STRICT that has moved on: its newer state stands.
    """
    await bus.publish(letter.topic, letter.body, message_id=f"{STREAM}:{letter.number}")
    await bus.remove(STREAM, letter.number)


def _letter(stored: Stored) -> DeadLetter:
    headers = stored.headers
    return DeadLetter(
        number=stored.number,
        topic=stored.topic.removeprefix(f"{STREAM}."),
        consumer=headers.get("dlq-consumer", ""),
        reason=headers.get("dlq-reason", ""),
        tries=int(headers.get("dlq-tries", "0")),
        body=stored.body,
        at=stored.at,
    )


def _header(text: str) -> str:
    """One printable ASCII line, as message headers allow."""
    return " ".join(text.encode("ascii", "replace").decode().split())[:500]
