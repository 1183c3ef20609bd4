"""Dead letters as a person sees them, wherever the broker is: `shop dlq`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from pydantic import AwareDatetime, BaseModel
from shop_chassis.events import Bus, BusError, DeadLetter, dead_letters, replay
from shop_chassis.events.service import connect

from shop.access import NotDone, Service, Where, service
from shop.kubectl import forwarded
from shop.local.addresses import CONSOLE, find
from shop.text import ago, table

BROKER = ("nats", "nats", 4222)
"""Service, namespace and port, as docs/contracts.md has them."""
T = TypeVar("T")


class Letter(BaseModel):
    """An event that a consumer gave up."""

    number: int
    at: AwareDatetime
    topic: str
    consumer: str
    reason: str
    tries: int
    body: str
    """The event, as it was published."""

    @classmethod
    def of(cls, letter: DeadLetter) -> "Letter":
        """From the broker's."""
        return cls(
            number=letter.number,
            at=letter.at,
            topic=letter.topic,
            consumer=letter.consumer,
            reason=letter.reason,
            tries=letter.tries,
            body=letter.body.decode("utf-8", "replace"),
        )


class LetterPage(BaseModel):
    """All of them, oldest first."""

    items: list[Letter]


class Letters(Protocol):
    """Where dead letters are kept."""

    def all(self, consumer: str | None) -> list[Letter]:
        """Oldest first. Raises NotDone."""

    def replay(self, number: int) -> Letter:
        """Has the event delivered again, and drops the letter. Raises NotDone."""


class AtConsole:
    """Those of a local shop."""

    def __init__(self, console: Service) -> None:
        self._console = console

    def all(self, consumer: str | None) -> list[Letter]:
        """As the protocol says."""
        return self._console.get(LetterPage, "/dead-letters", consumer=consumer).items

    def replay(self, number: int) -> Letter:
        """As the protocol says."""
        return self._console.post(Letter, f"/dead-letters/{number}:replay")


class AtBroker:
    """Those of a broker that is reached by its URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def all(self, consumer: str | None) -> list[Letter]:
        """As the protocol says."""

        async def read(bus: Bus) -> list[Letter]:
            return [Letter.of(letter) async for letter in dead_letters(bus, consumer=consumer)]

        return self._asked(read)

    def replay(self, number: int) -> Letter:
        """As the protocol says."""

        async def again(bus: Bus) -> Letter:
            async for letter in dead_letters(bus):
                if letter.number == number:
                    await replay(bus, letter)
                    return Letter.of(letter)
            raise NotDone(f"there is no dead letter {number} (any more)")

        return self._asked(again)

    def _asked(self, question: Callable[[Bus], Awaitable[T]]) -> T:
        async def ask() -> T:
            bus = connect(self._url, name="shop dlq")
            await bus.start()
            try:
                return await question(bus)
            except BusError as error:
                raise NotDone(str(error)) from error
            finally:
                await bus.stop()

        return asyncio.run(ask())


@contextmanager
def letters(where: Where, broker: str | None) -> Iterator[Letters]:
    """Those of the broker that is named, else of a local shop, else of the cluster."""
    if broker is not None:
        yield AtBroker(broker)
    elif where.url is not None or find(where.folder) is not None:
        with service(CONSOLE, where, scope="") as console:
            yield AtConsole(console)
    else:
        with forwarded(*BROKER) as port:
            yield AtBroker(f"nats://127.0.0.1:{port}")


def listed(letters: Letters, consumer: str | None) -> str:
    """All, oldest first."""
    rows = [
        (str(each.number), ago(each.at), each.topic, each.consumer, str(each.tries), each.reason)
        for each in letters.all(consumer)
    ]
    return table(("NUMBER", "SINCE", "TOPIC", "CONSUMER", "TRIES", "REASON"), rows) if rows else "none"


def shown(letters: Letters, number: int) -> str:
    """One, with the event. Raises NotDone."""
    for each in letters.all(None):
        if each.number == number:
            return "\n".join(
                [
                    f"number   {each.number}, since {each.at.isoformat(timespec='seconds')}",
                    f"topic    {each.topic}",
                    f"consumer {each.consumer}, {each.tries} tries",
                    f"reason   {each.reason}",
                    "",
                    each.body,
                ]
            )
    raise NotDone(f"there is no dead letter {number} (any more)")


def replayed(letters: Letters, numbers: list[int], consumer: str | None) -> str:
    """Those, or all of a consumer."""
    wanted = numbers or [each.number for each in letters.all(consumer)]
    told = [letters.replay(number) for number in wanted]
    return "\n".join(f"{each.number}: {each.topic} published again" for each in told) or "none"
