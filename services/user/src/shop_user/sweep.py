"""What has served its time is removed: expired tokens, sessions that are over, counts long forgotten."""

from datetime import datetime, timedelta

from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import ColumnElement, Table, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_user.family import Lifetimes
from shop_user.tables import ATTEMPTS, PENDING, REFRESH_TOKEN, SESSION

EVERY = 600.0
"""Seconds between two sweeps."""
MOST = 500
"""Rows in one transaction, so that nobody waits long for their locks."""
ENDED_KEPT = timedelta(days=30)
"""How long one can still look up why a session ended."""
COUNTS_KEPT = timedelta(days=2)
"""Longer than any limit counts."""


class Sweep:
    """The job; it may run twice at a time."""

    def __init__(self, store: Store, lifetimes: Lifetimes) -> None:
        self._store = store
        self._lifetimes = lifetimes

    async def run(self) -> None:
        """Until nothing is left to remove."""
        while await self._some():
            pass

    async def _some(self) -> bool:
        now = utc_now()
        async with self._store.transaction() as session:
            removed = [
                await _remove(session, PENDING, PENDING.c.digest, PENDING.c.expires_at < now),
                await _remove(session, ATTEMPTS, ATTEMPTS.c.key, ATTEMPTS.c.updated_at < now - COUNTS_KEPT),
                await self._sessions(session, now),
            ]
        return MOST in removed

    async def _sessions(self, session: AsyncSession, now: datetime) -> int:
        over = or_(
            SESSION.c.expires_at < now,
            SESSION.c.ended_at < now - ENDED_KEPT,
            and_(SESSION.c.ended_at.is_(None), SESSION.c.used_at < now - self._lifetimes.idle),
        )
        ids = (await session.execute(select(SESSION.c.id).where(over).limit(MOST))).scalars().all()
        await session.execute(delete(REFRESH_TOKEN).where(REFRESH_TOKEN.c.session_id.in_(ids)))
        await session.execute(delete(SESSION).where(SESSION.c.id.in_(ids)))
        return len(ids)


async def _remove(
    session: AsyncSession, table: Table, key: ColumnElement[str], old: ColumnElement[bool]
) -> int:
    some = select(key).where(old).limit(MOST)
    gone = await session.execute(delete(table).where(key.in_(some)).returning(key))
    return len(gone.all())
