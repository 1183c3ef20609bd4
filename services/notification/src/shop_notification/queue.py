"""Work that waits in a table, and who has it: leases.

A row with a `due_at` in the past is free to take. Who takes it moves `due_at` to the end of the lease and
counts the attempt; that number proves who has it, so one whose lease ran out writes nothing any more. Two
workers never take the same row: PostgreSQL skips what another transaction has locked, SQLite has one writer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, RowMapping, Table, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession


async def take(
    session: AsyncSession, table: Table, now: datetime, *, room: int, lease: timedelta, **also: Any
) -> Sequence[RowMapping]:
    """Up to `room` rows that are due, those that waited longest first; `also` is written to them."""
    due = (
        select(table.c.id)
        .where(table.c.due_at <= now)
        .order_by(table.c.due_at)
        .limit(room)
        .with_for_update(skip_locked=True)
        .cte("due")  # looked at once; a subquery may be run again for each row
    )
    taken = await session.execute(
        update(table)
        .where(table.c.id.in_(select(due.c.id)))
        .values(due_at=now + lease, attempts=table.c.attempts + 1, **also)
        .returning(*table.c)
    )
    return sorted(taken.mappings().all(), key=lambda row: str(row["id"]))


async def keep(session: AsyncSession, table: Table, row: RowMapping, **values: Any) -> bool:
    """Writes to a row that was taken; False when it is somebody else's by now, or was decided."""
    changed = await session.execute(update(table).where(_still(table, row)).values(**values))
    return bool(cast("CursorResult[Any]", changed).rowcount)


async def next_due(session: AsyncSession, table: Table) -> datetime | None:
    """When the first of them is due, or its lease ends."""
    first = select(func.min(table.c.due_at)).where(table.c.due_at.is_not(None))
    found: datetime | None = (await session.execute(first)).scalar_one()
    return found


def _still(table: Table, row: RowMapping) -> ColumnElement[bool]:
    return and_(table.c.id == row["id"], table.c.attempts == row["attempts"], table.c.due_at.is_not(None))
