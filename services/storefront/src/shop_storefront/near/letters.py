"""Dead letters: events that a service gave up, read from the bus and delivered again.

They are nobody's but the broker's, and needed most while the service that gave them up does not run. Who
administers a service may see and replay what it gave up.
"""

import json
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from shop_chassis.client import CalleeUnavailable
from shop_chassis.events import Bus, BusError, DeadLetter, dead_letters, replay

PAGE = 50
SECRETS = frozenset({"token", "access_token", "refresh_token", "password", "secret"})
"""What of an event is shown to nobody: with the token of a mail one could take over an account."""
_MASK = "•••"


class BrokerAway(CalleeUnavailable):
    """The broker did not answer."""


@dataclass(frozen=True)
class LetterPage:
    """Oldest first."""

    items: list[DeadLetter]
    next: int | None = None
    """Pass it as `after` for the next page; None on the last."""


class Letters:
    """All that the broker keeps."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def page(self, consumers: Collection[str], *, after: int = 0, limit: int = PAGE) -> LetterPage:
        """Of these consumers, after number `after`. Raises BrokerAway."""
        found: list[DeadLetter] = []
        try:
            async with aclosing(dead_letters(self._bus, after=after)) as letters:
                async for letter in letters:
                    if letter.consumer not in consumers:
                        continue
                    if len(found) == limit:
                        return LetterPage(found, found[-1].number)
                    found.append(letter)
        except BusError as error:
            raise _away(error) from error
        return LetterPage(found)

    async def find(self, number: int, consumers: Collection[str]) -> DeadLetter | None:
        """The letter of that number, if it is one of theirs. Raises BrokerAway."""
        try:
            async with aclosing(dead_letters(self._bus, after=number - 1)) as letters:
                async for letter in letters:
                    return letter if letter.number == number and letter.consumer in consumers else None
        except BusError as error:
            raise _away(error) from error
        return None

    async def replay(self, letter: DeadLetter) -> None:
        """Has the event delivered again, and drops the letter. Raises BrokerAway."""
        try:
            await replay(self._bus, letter)
        except BusError as error:
            raise _away(error) from error


def readable(body: bytes) -> str:
    """The event, indented and without its secrets; what is no JSON as it is."""
    try:
        event = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return json.dumps(_masked(event), indent=2, ensure_ascii=False)


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _MASK if name in SECRETS else _masked(each) for name, each in value.items()}
        case list():
            return [_masked(each) for each in value]
        case _:
            return value


def _away(error: BusError) -> BrokerAway:
    return BrokerAway("broker", "dead letters", str(error))
