"""What somebody finds in the shop's own inbox."""

from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification import api
from shop_contracts.notification.events import INBOX_READ, InboxRead
from sqlalchemy import ColumnElement, CursorResult, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.tables import INBOX_ENTRY, OUTBOX

_CURSOR = TypeAdapter(tuple[UUID])


class Entries:
    """Somebody's own, found by their subject alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, subject: str, *, unread: bool, limit: int, after: str | None) -> api.InboxPage:
        """Newest first. Raises Problem 422."""
        query = select(INBOX_ENTRY).where(INBOX_ENTRY.c.subject == subject)
        if unread:
            query = query.where(INBOX_ENTRY.c.read_at.is_(None))
        if after is not None:
            query = query.where(INBOX_ENTRY.c.id < key_of(after, _CURSOR)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.order_by(INBOX_ENTRY.c.id.desc()).limit(limit + 1))).all()
            # Of all that there is, what is unread can be seen; asked for, it might be of a moment later.
            whole = after is None and len(rows) <= limit
            count = sum(row.read_at is None for row in rows) if whole else await _unread(session, subject)
        return api.InboxPage(
            items=[_shown(row) for row in rows[:limit]],
            unread=count,
            next=cursor(rows[limit - 1].id) if len(rows) > limit else None,
        )

    async def unread(self, subject: str) -> int:
        """How many of them."""
        async with self._store.session() as session:
            return await _unread(session, subject)

    async def read(self, subject: str, id: UUID) -> api.Unread:
        """Somebody has read it; the first time counts. Raises Problem 404."""
        mine = (INBOX_ENTRY.c.subject == subject, INBOX_ENTRY.c.id == id)
        async with self._store.transaction() as session:
            if not await self._mark(session, subject, *mine):
                known = select(INBOX_ENTRY.c.id).where(*mine)
                if (await session.execute(known)).first() is None:
                    raise Problem(404, f"there is no message {id} in this inbox")
            return api.Unread(unread=await _unread(session, subject))

    async def read_all(self, subject: str) -> api.Unread:
        """Somebody has seen them all."""
        async with self._store.transaction() as session:
            await self._mark(session, subject, INBOX_ENTRY.c.subject == subject)
            return api.Unread(unread=await _unread(session, subject))

    async def _mark(self, session: AsyncSession, subject: str, *which: ColumnElement[bool]) -> bool:
        unread = INBOX_ENTRY.c.read_at.is_(None)
        marked = await session.execute(update(INBOX_ENTRY).where(unread, *which).values(read_at=utc_now()))
        if not cast("CursorResult[Any]", marked).rowcount:
            return False
        await OUTBOX.add(session, INBOX_READ, subject=subject, data=InboxRead(subject=subject))
        return True


async def _unread(session: AsyncSession, subject: str) -> int:
    query = (
        select(func.count())
        .select_from(INBOX_ENTRY)
        .where(INBOX_ENTRY.c.subject == subject, INBOX_ENTRY.c.read_at.is_(None))
    )
    return int((await session.execute(query)).scalar_one())


def _shown(row: Row[Any]) -> api.InboxItem:
    return api.InboxItem(
        id=row.id,
        at=row.at,
        kind=row.kind,
        title=row.title,
        text=row.text,
        link=row.link,
        image=row.image,
        read_at=row.read_at,
    )
