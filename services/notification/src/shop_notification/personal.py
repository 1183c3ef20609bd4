"""What is held here about a person: shown, and forgotten when they say so."""

from datetime import timedelta
from typing import Any

from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import ColumnElement, String, Table, cast, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.suppressions import key
from shop_notification.tables import DELIVERY, INBOX_ENTRY, MESSAGE, PERSON, PREFERENCE, SUPPRESSION

ACCOUNT_MAILS_KEPT = timedelta(days=7)
KEPT = timedelta(days=180)
"""Messages and inbox entries."""
MOST = 500
"""Rows in one transaction."""
SWEEP_EVERY = 3600.0


class Held:
    """Export and erasure, and what time takes away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, subject: str) -> dict[str, Any]:
        """All of somebody's, as JSON; {} for one that is not known."""
        async with self._store.session() as session:
            address = await _address(session, subject)
            held = {
                "person": await _rows(session, PERSON, PERSON.c.subject == subject),
                "preferences": await _rows(session, PREFERENCE, PREFERENCE.c.subject == subject),
                "inbox": await _rows(session, INBOX_ENTRY, INBOX_ENTRY.c.subject == subject),
                "messages": await _rows(session, MESSAGE, MESSAGE.c.subject == subject),
                "deliveries": await _rows(session, DELIVERY, DELIVERY.c.subject == subject),
                "suppressions": await _rows(session, SUPPRESSION, SUPPRESSION.c.address_key == key(address)),
            }
        return {what: rows for what, rows in held.items() if rows}

    async def erase(self, session: AsyncSession, subject: str) -> None:
        """What was to be sent is withdrawn; what was sent is counted on, without anybody's name.

        That an address bounced or was unsubscribed stays: it is what keeps mails from being sent there again.
        """
        address = await _address(session, subject)
        theirs = MESSAGE.c.subject == subject
        if address:
            theirs = or_(theirs, func.lower(MESSAGE.c.email) == address.lower())
        ids = select(MESSAGE.c.id).where(theirs)
        gone = "the person was erased"
        await session.execute(
            update(DELIVERY)
            .where(DELIVERY.c.message_id.in_(ids), DELIVERY.c.due_at.is_not(None))
            .values(state="withdrawn", due_at=None, reason=gone)
        )
        await session.execute(
            update(DELIVERY).where(DELIVERY.c.message_id.in_(ids)).values(subject=None, address=None)
        )
        nameless: dict[str, Any] = {
            "subject": None,
            "email": None,
            "data": {},
            "due_at": None,
            "reason": gone,
        }
        nameless["key"] = literal("erased:") + cast(MESSAGE.c.id, String)  # others have the subject in them
        await session.execute(update(MESSAGE).where(theirs).values(**nameless))
        for table in (INBOX_ENTRY, PREFERENCE, PERSON):
            await session.execute(delete(table).where(table.c.subject == subject))

    async def sweep(self) -> None:
        """What is old is removed, a few rows at a time."""
        now = utc_now()
        account, old = MESSAGE.c.kind == "account", MESSAGE.c.created_at < now - KEPT
        served = (MESSAGE.c.created_at < now - ACCOUNT_MAILS_KEPT) & account
        while await self._remove(MESSAGE, MESSAGE.c.due_at.is_(None) & (old | served)):
            pass
        while await self._remove(INBOX_ENTRY, INBOX_ENTRY.c.at < now - KEPT):
            pass

    async def _remove(self, table: Table, which: ColumnElement[bool]) -> bool:
        async with self._store.transaction() as session:
            ids = (await session.execute(select(table.c.id).where(which).limit(MOST))).scalars().all()
            await session.execute(delete(table).where(table.c.id.in_(ids)))
        return len(ids) == MOST


async def _address(session: AsyncSession, subject: str) -> str:
    found = await session.execute(select(PERSON.c.email).where(PERSON.c.subject == subject))
    return str(found.scalar_one_or_none() or "")


async def _rows(session: AsyncSession, table: Table, mine: ColumnElement[bool]) -> list[dict[str, Any]]:
    return [dict(row) for row in (await session.execute(select(table).where(mine))).mappings()]
