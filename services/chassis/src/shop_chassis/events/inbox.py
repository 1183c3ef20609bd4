"""The inbox: which events have had their effect, recorded in the transaction of the effect."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    CursorResult,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis.events.dialect import insert
from shop_chassis.events.event import Event
from shop_chassis.tables import UtcDateTime, utc_now

KEPT = timedelta(days=8)
"""How long ids are remembered: longer than any stream keeps events."""


class Order(Enum):
    """What a handler needs to know about the order of the events of one aggregate."""

    ANY = "any"
    """Each event stands for itself; every one is handled, in whatever order. For effects per event."""

    LATEST = "latest"
    """Only news: an event is ignored once a later one of its type was handled. For copies of state.

    Gaps mean nothing: sequences count all types of the aggregate, and this consumer may hear of one only.
    """

    STRICT = "strict"
    """One after the other without gaps: an event waits for those before it, until it has been delivered again
    in vain a number of times; then it is handled all the same, and what comes too late is ignored. The
    consumer listens to all types of the stream, because each of them counts; those without a handler only
    move the sequence on.
    """


class Claim(Enum):
    """What `Inbox.claim` found."""

    NEW = "new"
    SKIPPED = "skipped"
    """It is new, and what is missing before it was given up."""
    DUPLICATE = "duplicate"
    STALE = "stale"
    GAP = "gap"


class Inbox:
    """The three tables, within the service's own metadata, each keyed by the consumer's name first.

    `inbox`: a row per event that had its effect (`done`), or has been tried in vain `tries` times since its
    first delivery. `inbox_sequence`: the last sequence handled of each aggregate. `inbox_parked`: events that
    wait for those before them, and how often they were sent away (Order.STRICT alone).
    """

    def __init__(self, metadata: MetaData) -> None:
        self.events = Table(
            "inbox",
            metadata,
            Column("consumer", String(64), primary_key=True),
            Column("event_id", String(64), primary_key=True),
            Column("tries", Integer, nullable=False),
            Column("done", Boolean, nullable=False),
            Column("at", UtcDateTime, nullable=False),
            Index("ix_inbox_at", "at"),
        )
        self.sequences = Table(
            "inbox_sequence",
            metadata,
            Column("consumer", String(64), primary_key=True),
            Column("source", String(64), primary_key=True),
            Column("subject", String(128), primary_key=True),
            Column("type", String(64), primary_key=True),  # empty: all types together (Order.STRICT)
            Column("sequence", BigInteger, nullable=False),
        )
        self.parked = Table(
            "inbox_parked",
            metadata,
            Column("consumer", String(64), primary_key=True),
            Column("source", String(64), primary_key=True),
            Column("subject", String(128), primary_key=True),
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("times", Integer, nullable=False),
            Column("at", UtcDateTime, nullable=False),
            Index("ix_inbox_parked_at", "at"),
        )

    async def claim(
        self, session: AsyncSession, consumer: str, event: Event, order: Order, *, skip_gap: bool = False
    ) -> Claim:
        """Records the event as handled, in the session's transaction, and says whether it is to be.

        Another transaction that claims the same event, or with LATEST and STRICT the same aggregate, waits
        until this one ends. After GAP the transaction has to be rolled back. The first statement writes, so
        that SQLite takes its write lock before anything has been read.
        """
        now = utc_now()
        claimed = await session.execute(
            insert(session, self.events)
            .values(consumer=consumer, event_id=event.id, tries=0, done=True, at=now)
            .on_conflict_do_update(
                index_elements=[self.events.c.consumer, self.events.c.event_id],
                set_={"done": True, "at": now},
                where=self.events.c.done.is_(False),
            )
            .returning(self.events.c.event_id)
        )
        if claimed.first() is None:
            return Claim.DUPLICATE
        if order is Order.ANY:
            return Claim.NEW

        table, claim = self.sequences, Claim.NEW
        kind = event.type if order is Order.LATEST else ""
        key = {"consumer": consumer, "source": event.source, "subject": event.subject, "type": kind}
        mine = [table.c[name] == value for name, value in key.items()]
        await session.execute(insert(session, table).values(**key, sequence=0).on_conflict_do_nothing())
        locked = select(table.c.sequence).where(*mine).with_for_update()
        last = (await session.execute(locked)).scalar_one()
        if event.sequence <= last:
            return Claim.STALE
        if order is Order.STRICT:
            if event.sequence > last + 1:
                if not skip_gap:
                    return Claim.GAP
                claim = Claim.SKIPPED
            await session.execute(delete(self.parked).where(*self._waiting(consumer, event, event.sequence)))
        await session.execute(update(table).where(*mine).values(sequence=event.sequence))
        return claim

    async def begin_after(
        self, session: AsyncSession, consumer: str, heard: Mapping[tuple[str, str], int]
    ) -> None:
        """With Order.STRICT: what came before is known from elsewhere, a snapshot say, and is not waited for.

        `heard`: source and subject of aggregates, and their last sequence that is known; of one that an event
        was handled of already nothing changes.
        """
        rows = [
            {"consumer": consumer, "source": source, "subject": subject, "type": "", "sequence": sequence}
            for (source, subject), sequence in sorted(heard.items())
        ]
        if rows:
            await session.execute(insert(session, self.sequences).on_conflict_do_nothing(), rows)

    async def tried(self, session: AsyncSession, consumer: str, event_id: str) -> int:
        """Counts a try of an event that is delivered again; how many that makes, the first delivery not
        included.

        Counted before the try, so that an event that kills its worker is counted too.
        """
        table = self.events
        counted = await session.execute(
            insert(session, table)
            .values(consumer=consumer, event_id=event_id, tries=1, done=False, at=utc_now())
            .on_conflict_do_update(
                index_elements=[table.c.consumer, table.c.event_id],
                set_={"tries": table.c.tries + 1},
                where=table.c.done.is_(False),
            )
            .returning(table.c.tries)
        )
        return int(counted.scalar_one_or_none() or 0)  # none: it is done

    async def park(self, session: AsyncSession, consumer: str, event: Event) -> tuple[int, bool]:
        """Notes that the event is sent away to wait for those before it, which is not a try.

        Returns how often that makes, and whether it is the first in the aggregate's line.
        """
        table, now = self.parked, utc_now()
        noted = await session.execute(
            insert(session, table)
            .values(
                consumer=consumer,
                source=event.source,
                subject=event.subject,
                sequence=event.sequence,
                times=1,
                at=now,
            )
            .on_conflict_do_update(
                index_elements=list(table.primary_key.columns), set_={"times": table.c.times + 1, "at": now}
            )
            .returning(table.c.times)
        )
        times = int(noted.scalar_one())
        line = select(func.min(table.c.sequence)).where(*self._waiting(consumer, event))
        first = (await session.execute(line)).scalar_one()
        await self.forget(session, consumer, event.id)
        return times, first == event.sequence

    async def forget(self, session: AsyncSession, consumer: str, event_id: str) -> None:
        """Drops the tries of an event that was parked or dead-lettered: it starts anew if it comes again."""
        table = self.events
        await session.execute(
            delete(table).where(
                table.c.consumer == consumer, table.c.event_id == event_id, table.c.done.is_(False)
            )
        )

    async def prune(self, session: AsyncSession, *, most: int = 500) -> int:
        """Deletes up to `most` of the oldest rows that no stream can bring back any more; how many."""
        removed = 0
        for table in (self.events, self.parked):
            keys = list(table.primary_key.columns)
            old = select(*keys).where(table.c.at < utc_now() - KEPT).order_by(table.c.at).limit(most)
            result = await session.execute(delete(table).where(tuple_(*keys).in_(old)))
            removed += cast("CursorResult[Any]", result).rowcount
        return removed

    def _waiting(self, consumer: str, event: Event, sequence: int | None = None) -> list[ColumnElement[bool]]:
        column = self.parked.c
        where = [
            column.consumer == consumer,
            column.source == event.source,
            column.subject == event.subject,
        ]
        return where if sequence is None else [*where, column.sequence == sequence]
