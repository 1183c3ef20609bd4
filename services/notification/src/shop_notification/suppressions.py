"""Addresses to which something is not sent: they bounced, complained, or unsubscribed without an account."""

from typing import Any, cast

from pydantic import TypeAdapter
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.tables import utc_now
from shop_contracts.notification import api
from sqlalchemy import CursorResult, Row, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.tables import SUPPRESSION

EVERYTHING = ""
_CURSOR = TypeAdapter(tuple[str, str])


def key(address: str) -> str:
    """Two spellings of an address that differ by case are one."""
    return address.casefold()


async def suppress(session: AsyncSession, address: str, kind: str, reason: str) -> None:
    """From now on nothing of that kind goes there; `EVERYTHING`: nothing at all."""
    new = insert(session, SUPPRESSION).values(
        address_key=key(address), kind=kind, address=address, reason=reason, at=utc_now()
    )
    await session.execute(new.on_conflict_do_nothing())


async def why_not(session: AsyncSession, address: str, kind: str) -> str | None:
    """Why nothing of that kind goes to the address; None where it may."""
    query = select(SUPPRESSION.c.reason).where(
        SUPPRESSION.c.address_key == key(address), SUPPRESSION.c.kind.in_((EVERYTHING, kind))
    )
    found: str | None = (await session.execute(query.order_by(SUPPRESSION.c.kind).limit(1))).scalar()
    return found


async def lift(session: AsyncSession, address: str) -> bool:
    """Everything may go there again; False where it always might."""
    gone = await session.execute(delete(SUPPRESSION).where(SUPPRESSION.c.address_key == key(address)))
    return bool(cast("CursorResult[Any]", gone).rowcount)


async def listed(session: AsyncSession, limit: int, after: str | None) -> api.SuppressionPage:
    """By address. Raises Problem 422."""
    columns = (SUPPRESSION.c.address_key, SUPPRESSION.c.kind)
    query = select(SUPPRESSION).order_by(*columns).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(*columns) > key_of(after, _CURSOR))
    rows = (await session.execute(query)).all()
    more = len(rows) > limit
    return api.SuppressionPage(
        items=[_shown(row) for row in rows[:limit]],
        next=cursor(rows[limit - 1].address_key, rows[limit - 1].kind) if more else None,
    )


def _shown(row: Row[Any]) -> api.Suppression:
    return api.Suppression(address=row.address, kind=row.kind or None, reason=row.reason, at=row.at)
