"""Decides about what was noted: reads who it is for, and writes down where and when it goes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification.api import Channel, Preferences
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import messages, queue
from shop_notification.deciding import Occasion, decide
from shop_notification.people import Gone, People, Person, find
from shop_notification.tables import MESSAGE
from shop_notification.templates import Reader, Templates
from shop_notification.wishes import GUEST

log = structlog.get_logger(__name__)

ACCOUNT_MAIL = Preferences()


class Planner:
    """Work on the table of messages."""

    table = MESSAGE

    def __init__(
        self,
        store: Store,
        people: People,
        templates: Templates,
        *,
        channels: frozenset[Channel],
        mails_per_day: int,
        zone: str,
        lease: timedelta,
        planned: Callable[[], None],
    ) -> None:
        """`channels`: those that there is a way to send on. `planned`: called when something may be sent."""
        self._store = store
        self._people = people
        self._templates = templates
        self._channels = channels
        self._mails_per_day = mails_per_day
        self._zone = zone
        self._lease = lease
        self._planned = planned

    async def take(self, session: AsyncSession, now: datetime, room: int) -> Sequence[RowMapping]:
        """As the protocol says."""
        return await queue.take(session, MESSAGE, now, room=room, lease=self._lease)

    async def work(self, row: RowMapping) -> None:
        """Decides. Raises CallError while user has to be asked and does not answer."""
        occasion = messages.occasion_of(row)
        try:
            if occasion.subject:
                await self._people.refresh(occasion.subject, strict=occasion.kind == "promotion")
            async with self._store.transaction() as session:
                await self._decide(session, row, occasion)
        except Gone:
            async with self._store.transaction() as session:
                await self.give_up(session, row, "there is no such account any more")
        self._planned()

    async def postpone(self, session: AsyncSession, row: RowMapping, until: datetime, reason: str) -> None:
        """As the protocol says."""
        await queue.keep(session, MESSAGE, row, due_at=until, reason=reason)

    async def give_up(self, session: AsyncSession, row: RowMapping, reason: str) -> None:
        """As the protocol says."""
        await queue.keep(session, MESSAGE, row, due_at=None, reason=reason)

    async def _decide(self, session: AsyncSession, row: RowMapping, occasion: Occasion) -> None:
        now = utc_now()
        person = await find(session, occasion.subject, lock=True) if occasion.subject else None
        preferences = self._preferences(occasion, person)
        locale = occasion.locale or preferences.locale
        if not await queue.keep(session, MESSAGE, row, due_at=None, reason=None, locale=locale):
            return  # the lease ran out: somebody else decides, or did
        addresses = self._addresses(occasion, person, preferences)
        lately = await messages.mailed_lately(session, person.subject, now) if person else 0
        ways = decide(
            occasion,
            preferences,
            now,
            reach=addresses,
            mailed=lately,
            most_mails=self._mails_per_day,
            zone=self._zone,
        )
        await messages.deliver(session, row, [way for way in ways if way.channel != "inbox"], addresses, now)
        if any(way.channel == "inbox" for way in ways):
            words = self._templates.words(occasion.template, occasion.data, Reader(locale, self._zone))
            link = self._templates.path(occasion.template, occasion.data)
            await messages.put_into_inbox(session, row, words, link, now)

    def _preferences(self, occasion: Occasion, person: Person | None) -> Preferences:
        """Raises Gone for somebody who was erased since user was asked."""
        if occasion.subject is None:
            return ACCOUNT_MAIL if occasion.kind == "account" else GUEST
        if person is None and self._people.asks(occasion.subject):
            raise Gone(occasion.subject)
        return person.preferences if person else GUEST

    def _addresses(
        self, occasion: Occasion, person: Person | None, preferences: Preferences
    ) -> dict[Channel, str]:
        known: dict[Channel, str | None] = {
            "inbox": occasion.subject,
            "email": occasion.email or (person.email if person else None),
            "sms": preferences.phone,
            "push": str(preferences.push_endpoint) if preferences.push_endpoint else None,
        }
        return {channel: to for channel, to in known.items() if to and channel in self._channels}
