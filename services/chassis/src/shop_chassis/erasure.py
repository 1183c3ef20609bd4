"""What a service holds about a person: shown to the service that exports it, removed when that person goes.

personal = PersonalData(export=notices.of, erase=notices.erase)
runtime.provide(personal)
personal.follow(events, inbox)                            # or personal.on_erased among other handlers

Service("notification", routers=[personal_data("user")])  # GET /internal/personal-data/{subject}
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis.events import Event, Events, Inbox, On
from shop_chassis.identity import internal
from shop_chassis.problems import documented
from shop_chassis.runtime import provided


@dataclass(frozen=True)
class PersonalData:
    """The two functions that a service has to write."""

    export: Callable[[str], Awaitable[dict[str, Any]]]
    """All that is held about a subject (`sub` of the tokens), as JSON; {} for one that is not known."""
    erase: Callable[[AsyncSession, str], Awaitable[None]]
    """Removes it, or what names the person where the rest has to be kept; in the session's transaction.

    There may be nothing, for the first or the second time.
    """
    topic: str = "user.erased"
    """Of the events whose subject is the person that goes."""

    @property
    def on_erased(self) -> On:
        """The handler, for a service that has others of the same stream."""
        return On(self.topic.partition(".")[2], self._erased)

    def follow(self, events: Events, inbox: Inbox) -> None:
        """Erases whom the events name."""
        events.consume(self.topic.partition(".")[0], [self.on_erased], inbox=inbox)

    async def _erased(self, session: AsyncSession, event: Event) -> None:
        await self.erase(session, event.subject)


def personal_data(*callers: str) -> APIRouter:
    """The route by which these services, and nobody else, ask what is held about a person."""
    router = APIRouter(prefix="/internal", tags=["internal"], dependencies=[internal(*callers)])

    @router.get("/personal-data/{subject}", responses=documented(401, 403, 503))
    async def read_personal_data(
        subject: Annotated[str, Path(min_length=1, max_length=128)],
        personal: Annotated[PersonalData, provided(PersonalData)],
    ) -> dict[str, Any]:
        """All that is held here about a subject; an empty object for one that is not known."""
        return await personal.export(subject)

    return router
