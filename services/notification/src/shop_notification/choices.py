"""What somebody chose here: read, set, and what an unsubscribe link takes away."""

from collections.abc import Callable

from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification.api import Channel, Kind, Preferences
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.people import Gone, People, Person, find
from shop_notification.tables import PREFERENCE
from shop_notification.wishes import without


class Choices:
    """Preferences, by whose they are. Who changes them holds the person's row meanwhile."""

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people

    async def read(self, subject: str) -> tuple[Preferences, int]:
        """What they are and their version; 0 where they follow from those at user. Raises Gone, CallError."""
        await self._people.refresh(subject)
        async with self._store.session() as session:
            return (await _person(session, subject)).preferences, await _version(session, subject)

    async def set(
        self, subject: str, wanted: Preferences, check: Callable[[int], None]
    ) -> tuple[Preferences, int]:
        """All of them. `check` is told the present version and may raise. Raises Gone, CallError."""
        await self._people.refresh(subject)
        async with self._store.transaction() as session:
            await _person(session, subject, lock=True)
            version = await _version(session, subject)
            check(version)
            await _write(session, subject, wanted, version + 1)
        return wanted, version + 1

    async def give_up(self, subject: str, channel: Channel, kind: Kind) -> None:
        """No more of this kind on this channel. Raises Gone."""
        async with self._store.transaction() as session:
            person = await _person(session, subject, lock=True)
            version = await _version(session, subject)
            await _write(session, subject, without(person.preferences, channel, kind), version + 1)


async def _person(session: AsyncSession, subject: str, *, lock: bool = False) -> Person:
    person = await find(session, subject, lock=lock)
    if person is None:
        raise Gone(subject)
    return person


async def _version(session: AsyncSession, subject: str) -> int:
    query = select(PREFERENCE.c.version).where(PREFERENCE.c.subject == subject)
    found: int | None = (await session.execute(query)).scalar_one_or_none()
    return found or 0


async def _write(session: AsyncSession, subject: str, wanted: Preferences, version: int) -> None:
    values = {"document": wanted.model_dump(mode="json"), "version": version, "updated_at": utc_now()}
    new = insert(session, PREFERENCE).values(subject=subject, **values)
    await session.execute(new.on_conflict_do_update(index_elements=[PREFERENCE.c.subject], set_=values))
