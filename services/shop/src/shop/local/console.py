"""What is the broker's in a cluster, for a shop in one process: mails that were asked for, dead letters."""

from collections import deque
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ValidationError
from shop_chassis.events import Bus, DeadLetter, Event, bus_of, dead_letters, replay
from shop_chassis.events.event import MalformedEventError
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import Background, Runtime, provided
from shop_chassis.service import Service
from shop_contracts.user.events import MAIL_REQUESTED, STREAM, MailRequested

from shop.letters import Letter, LetterPage

KEPT = 1000


class Mail(MailRequested):
    """A mail that a service asked for; here nobody sends it."""

    at: AwareDatetime


class MailPage(BaseModel):
    """Newest first."""

    items: list[Mail]


class Console:
    """The bus of all services, from the outside."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.mails: deque[Mail] = deque(maxlen=KEPT)

    async def collect(self) -> None:
        """Notes the mails, for ever."""
        async with aclosing(self.bus.follow(STREAM, [f"{STREAM}.{MAIL_REQUESTED}"])) as messages:
            async for message in messages:
                try:
                    event = Event.decode(message.body)
                    self.mails.appendleft(Mail.model_validate(event.data | {"at": event.time}))
                except (MalformedEventError, ValidationError):
                    continue  # whoever consumes it says so

    async def letter(self, number: int) -> DeadLetter:
        """The dead letter of that number. Raises Problem 404."""
        async for letter in dead_letters(self.bus):
            if letter.number == number:
                return letter
        raise Problem(404, f"there is no dead letter {number} (any more)")


router = APIRouter()
ConsoleDep = Annotated[Console, provided(Console)]


@router.get("/mails")
async def list_mails(console: ConsoleDep, to: Annotated[str | None, Query()] = None) -> MailPage:
    """Mails that were asked for since the start, newest first."""
    return MailPage(items=[mail for mail in console.mails if to in (None, mail.to)])


@router.get("/dead-letters")
async def list_dead_letters(console: ConsoleDep, consumer: str | None = None) -> LetterPage:
    """Events that a consumer gave up, oldest first."""
    letters = dead_letters(console.bus, consumer=consumer)
    return LetterPage(items=[Letter.of(letter) async for letter in letters])


@router.post("/dead-letters/{number}:replay", responses=documented(404))
async def replay_dead_letter(console: ConsoleDep, number: int) -> Letter:
    """Publishes the event once more, and drops the letter."""
    letter = await console.letter(number)
    await replay(console.bus, letter)
    return Letter.of(letter)


def _setup(runtime: Runtime[Any]) -> None:
    console = Console(bus_of(runtime))
    runtime.provide(console)
    runtime.add(Background("mails", console.collect))


service = Service("console", title="Console of a local shop", routers=[router], setup=_setup)
