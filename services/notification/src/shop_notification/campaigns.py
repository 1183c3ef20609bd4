"""Promotions to a segment: made by an administrator, taken through the people by a worker, some at a time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.client import CallError
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.notification import api
from shop_contracts.notification.events import WORK_DUE, WorkDue
from sqlalchemy import Row, RowMapping, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import people, queue
from shop_notification.messages import note
from shop_notification.occasions import of_campaign
from shop_notification.people import FRESH, Gone, People, Person
from shop_notification.segments import agrees, fits
from shop_notification.tables import CAMPAIGN, OUTBOX

LEASE = timedelta(seconds=120)
PEOPLE_AT_ONCE = 100
PACE = timedelta(seconds=2)
"""Between two turns, so that other messages, and the mail server, are not kept waiting."""
AGAIN = timedelta(seconds=30)
"""After a turn that failed."""
QUESTIONS_AT_ONCE = 8
_CURSOR = TypeAdapter(tuple[datetime, UUID])


class Campaigns:
    """What administrators do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def make(self, new: api.NewCampaign) -> tuple[api.Campaign, bool]:
        """The campaign, and whether it is new. Raises Problem 409 for another one of the same id."""
        if "en" not in new.data.words:
            raise Problem(422, "data.words: expected English, which stands in for other languages")
        now = utc_now()
        values = {
            "id": new.id or new_id(),
            "state": "planned",
            "template": new.template,
            "segment": new.segment.model_dump(mode="json"),
            "data": new.data.model_dump(mode="json"),
            "send_at": new.send_at or now,
            "created_at": now,
            "cursor": "",
            "looked_at": 0,
            "messages": 0,
            "due_at": new.send_at or now,
            "attempts": 0,
        }
        async with self._store.transaction() as session:
            made = insert(session, CAMPAIGN).values(values).on_conflict_do_nothing().returning(CAMPAIGN.c.id)
            created = (await session.execute(made)).first() is not None
            if created:
                await wake_worker(session)
            row = await _one(session, values["id"])
        same = all(getattr(row, name) == values[name] for name in ("segment", "data"))
        if not same or (new.send_at and row.send_at != new.send_at):
            raise Problem(409, "there is another campaign with this id", type="other-campaign")
        return _shown(row), created

    async def read(self, id: UUID) -> api.Campaign:
        """Raises Problem 404."""
        async with self._store.session() as session:
            return _shown(await _one(session, id))

    async def stop(self, id: UUID) -> api.Campaign:
        """Makes no more messages; those that are made are sent. Raises Problem 404."""
        async with self._store.transaction() as session:
            unfinished = CAMPAIGN.c.state.in_(("planned", "running"))
            await session.execute(
                update(CAMPAIGN).where(CAMPAIGN.c.id == id, unfinished).values(state="stopped", due_at=None)
            )
            return _shown(await _one(session, id))

    async def page(self, limit: int, after: str | None) -> api.CampaignPage:
        """Newest first. Raises Problem 422."""
        order = (CAMPAIGN.c.created_at, CAMPAIGN.c.id)
        query = select(CAMPAIGN).order_by(*(column.desc() for column in order)).limit(limit + 1)
        if after is not None:
            query = query.where(tuple_(*order) < tuple_(*key_of(after, _CURSOR)))
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        last = rows[limit - 1] if len(rows) > limit else None
        return api.CampaignPage(
            items=[_shown(row) for row in rows[:limit]],
            next=cursor(last.created_at.isoformat(), last.id) if last else None,
        )


class Campaigner:
    """Work on the table of campaigns: some people at each turn, in the transaction of the place it is at."""

    table = CAMPAIGN

    def __init__(self, store: Store, known: People, noted: Callable[[], None]) -> None:
        """`noted` is called when there are messages to be decided."""
        self._store = store
        self._people = known
        self._noted = noted

    async def take(self, session: AsyncSession, now: datetime, room: int) -> Sequence[RowMapping]:
        """As the protocol says."""
        return await queue.take(session, CAMPAIGN, now, room=room, lease=LEASE, state="running")

    async def work(self, row: RowMapping) -> None:
        """The next people."""
        segment = api.Segment.model_validate(row["segment"])
        promotion = api.Promotion.model_validate(row["data"])
        async with self._store.session() as session:
            found = await people.page(session, row["cursor"], PEOPLE_AT_ONCE)
        fitting = [each for each in found if fits(segment, each.customer, utc_now())]
        await self._ask(fitting)
        async with self._store.transaction() as session:
            ended = len(found) < PEOPLE_AT_ONCE
            # First of all: whoever stopped it, or has the lease by now, has decided.
            place = {
                "cursor": found[-1].subject if found else row["cursor"],
                "looked_at": row["looked_at"] + len(found),
                "state": "done" if ended else "running",
                "due_at": None if ended else utc_now() + PACE,
            }
            if not await queue.keep(session, CAMPAIGN, row, **place):
                return
            made = 0
            for each in fitting:
                person = await people.find(session, each.subject)
                if person and agrees(segment, person.preferences):
                    made += await note(session, of_campaign(row["id"], person.subject, promotion))
            await session.execute(
                update(CAMPAIGN).where(CAMPAIGN.c.id == row["id"]).values(messages=row["messages"] + made)
            )
        self._noted()

    async def postpone(self, session: AsyncSession, row: RowMapping, until: datetime, reason: str) -> None:
        """As the protocol says."""
        await queue.keep(session, CAMPAIGN, row, due_at=utc_now() + AGAIN)  # attempts are turns here

    async def give_up(self, session: AsyncSession, row: RowMapping, reason: str) -> None:
        """Never: an administrator stops it."""
        await self.postpone(session, row, utc_now(), reason)

    async def _ask(self, found: Sequence[Person]) -> None:
        """User about those whose wishes may have changed; each message looks again before it is sent."""
        room = asyncio.Semaphore(QUESTIONS_AT_ONCE)

        async def ask(person: Person) -> None:
            async with room:
                try:
                    await self._people.refresh(person.subject)
                except (Gone, CallError):
                    return

        old = [each for each in found if not each.chosen and not _fresh(each)]
        await asyncio.gather(*(ask(each) for each in old))


async def wake_worker(session: AsyncSession) -> None:
    """Has a worker look for what is due once this is committed, also where none runs."""
    await OUTBOX.add(session, WORK_DUE, subject="work", data=WorkDue())


def _fresh(person: Person) -> bool:
    return person.read_at is not None and utc_now() - person.read_at < FRESH


async def _one(session: AsyncSession, id: Any) -> Row[Any]:
    row = (await session.execute(select(CAMPAIGN).where(CAMPAIGN.c.id == id))).one_or_none()
    if row is None:
        raise Problem(404, f"there is no campaign {id}")
    return row


def _shown(row: Row[Any]) -> api.Campaign:
    return api.Campaign(
        id=row.id,
        state=row.state,
        segment=api.Segment.model_validate(row.segment),
        template=row.template,
        data=api.Promotion.model_validate(row.data),
        send_at=row.send_at,
        created_at=row.created_at,
        looked_at=row.looked_at,
        messages=row.messages,
    )
