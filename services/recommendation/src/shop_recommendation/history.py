"""What shoppers did with products: recorded, read for suggestions, bounded by age and number."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from sqlalchemy import Table, and_, delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from shop_recommendation.ranking import Kind, Seen
from shop_recommendation.tables import metadata

_interactions: Table = metadata.tables["interaction"]
_browsers: Table = metadata.tables["browser"]

VIEWS_KEPT = timedelta(days=90)
"""Also carts, and as whom a browser was seen."""
ORDERS_KEPT = timedelta(days=400)
"""A year and a little: what is bought has its seasons."""
MOST_OF_ONE = 500
"""Interactions that are kept of one actor, the newest: a robot looks at everything."""
RECENT = 60
"""Interactions that suggestions are made of."""
BATCH = 500


def visitor_of(visitor: str) -> str:
    """The actor that a browser without a token is."""
    return f"visitor:{visitor}"


def day_of(moment: datetime) -> str:
    """The occasion of views and carts."""
    return moment.date().isoformat()


async def record(
    session: AsyncSession, actor: str, kind: Kind, occasion: str, products: Iterable[UUID], at: datetime
) -> None:
    """Notes that somebody did something with these products; the same occasion again moves the time."""
    at = min(at, utc_now())  # nobody can look at something in the future
    rows = [
        {"actor": actor, "kind": kind, "occasion": occasion, "product_id": product, "at": at}
        for product in sorted(set(products))
    ]
    await _add(session, rows)


async def recognise(session: AsyncSession, visitor: str, subject: str, at: datetime) -> None:
    """A browser is seen with this subject's token: what it looked at before is theirs.

    Also what it did as a guest, once its user signs in. A browser that is handed on between two users gives
    nothing of the one to the other.
    """
    await _hand_over(session, visitor_of(visitor), subject)
    if subject.startswith("guest:"):
        row = insert(session, _browsers).values(visitor=visitor, guest=subject, at=at)
        await session.execute(
            row.on_conflict_do_update(index_elements=["visitor"], set_={"guest": subject, "at": at})
        )
        return
    gone = delete(_browsers).where(_browsers.c.visitor == visitor).returning(_browsers.c.guest)
    if (guest := (await session.execute(gone)).scalar_one_or_none()) is not None:
        await _hand_over(session, guest, subject)


async def erase(session: AsyncSession, subject: str) -> None:
    """Forgets a person. The next model is made without what they did."""
    await session.execute(delete(_interactions).where(_interactions.c.actor == subject))
    await session.execute(delete(_browsers).where(_browsers.c.guest == subject))


async def _hand_over(session: AsyncSession, before: str, after: str) -> None:
    taken = delete(_interactions).where(_interactions.c.actor == before).returning(*_interactions.c)
    rows = [{**row, "actor": after} for row in (await session.execute(taken)).mappings()]
    await _add(session, rows)


async def _add(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    key = [column.name for column in _interactions.primary_key]
    for start in range(0, len(rows), BATCH):
        added = insert(session, _interactions).values(rows[start : start + BATCH])
        later = added.excluded.at > _interactions.c.at
        await session.execute(
            added.on_conflict_do_update(index_elements=key, set_={"at": added.excluded.at}, where=later)
        )


class History:
    """Reading and keeping house."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def recent(self, actor: str) -> list[Seen]:
        """The last things that somebody did, newest first."""
        table = _interactions.c
        query = select(table.product_id, table.kind, table.at).where(table.actor == actor)
        query = query.order_by(table.at.desc(), table.product_id).limit(RECENT)
        async with self._store.session() as session:
            return [Seen(*row) for row in await session.execute(query)]

    async def viewed(self, actor: str, most: int) -> list[tuple[UUID, datetime]]:
        """The products somebody looked at, last first, each once."""
        table = _interactions.c
        last = func.max(table.at)
        query = (
            select(table.product_id, last)
            .where(table.actor == actor, table.kind == "view")
            .group_by(table.product_id)
            .order_by(last.desc(), table.product_id)
            .limit(most)
        )
        async with self._store.session() as session:
            return [(product, at) for product, at in await session.execute(query)]

    async def popular(self, since: datetime, most: int) -> list[tuple[UUID, float]]:
        """What most have had to do with since then: for as long as there is no model."""
        table = _interactions.c
        count = func.count()
        query = select(table.product_id, count).where(table.at > since).group_by(table.product_id)
        async with self._store.session() as session:
            rows = await session.execute(query.order_by(count.desc(), table.product_id).limit(most))
            return [(product, float(number)) for product, number in rows]

    async def export(self, subject: str) -> dict[str, Any]:
        """All that is held about somebody, as JSON."""
        table = _interactions.c
        query = select(table.kind, table.occasion, table.product_id, table.at).where(table.actor == subject)
        async with self._store.session() as session:
            rows = (await session.execute(query.order_by(table.at, table.product_id))).all()
        items = [
            {"kind": kind, "occasion": occasion, "product_id": str(product), "at": at.isoformat()}
            for kind, occasion, product, at in rows
        ]
        return {"interactions": items} if items else {}

    async def prune(self) -> int:
        """Removes what is too old, and of each actor what is too much; how many rows."""
        now, table = utc_now(), _interactions.c
        old = or_(and_(table.kind != "order", table.at < now - VIEWS_KEPT), table.at < now - ORDERS_KEPT)
        removed = await self._remove(old)
        busy = select(table.actor).group_by(table.actor).having(func.count() > MOST_OF_ONE)
        async with self._store.session() as session:
            actors = (await session.execute(busy)).scalars().all()
        for actor in actors:
            newest = select(table.at).where(table.actor == actor).order_by(table.at.desc())
            async with self._store.session() as session:
                edge = (await session.execute(newest.offset(MOST_OF_ONE).limit(1))).scalar_one_or_none()
            if edge is not None:
                removed += await self._remove(and_(table.actor == actor, table.at <= edge))
        async with self._store.transaction() as session:
            await session.execute(delete(_browsers).where(_browsers.c.at < now - VIEWS_KEPT))
        return removed

    async def _remove(self, where: Any) -> int:
        """In small transactions, so that what is recorded meanwhile need not wait."""
        key = list(_interactions.primary_key)
        removed = 0
        while True:
            some = select(*key).where(where).limit(BATCH)
            async with self._store.transaction() as session:
                result: Any = await session.execute(delete(_interactions).where(tuple_(*key).in_(some)))
            count = int(result.rowcount)
            removed += count
            if count < BATCH:
                return removed
