"""The outbox: events are rows of the service's own database, written in the transaction of their change.

`Relay` publishes them afterwards. An event exists if and only if its change was committed.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    event,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shop_chassis.events.dialect import dialect_name, insert
from shop_chassis.events.event import MAX_BYTES, Event
from shop_chassis.tables import UtcDateTime
from shop_chassis.tracing import Attributes, current_traceparent, part

CHANNEL = "outbox"
"""PostgreSQL's NOTIFY channel; it is per database, and each service has its own."""


class Outbox:
    """The two tables, within the service's own metadata, and the one way to write to them.

    `outbox`: a row per event; `position` is the order of insertion, `published_at` is set by the relay.
    `outbox_sequence`: the last sequence given to each aggregate.
    """

    def __init__(self, metadata: MetaData, service: str) -> None:
        """`service` names the publisher: source `/service`, stream `service`."""
        self.service = service
        self.events = Table(
            "outbox",
            metadata,
            Column(
                "position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
            ),
            Column("id", String(64), nullable=False),
            Column("type", String(64), nullable=False),
            Column("subject", String(128), nullable=False),
            Column("sequence", BigInteger, nullable=False),
            Column("time", UtcDateTime, nullable=False),
            Column("traceparent", String(64)),
            Column("data", JSON, nullable=False),
            Column("published_at", UtcDateTime),
        )
        unpublished = self.events.c.published_at.is_(None)
        Index(
            "ix_outbox_unpublished",
            self.events.c.position,
            postgresql_where=unpublished,
            sqlite_where=unpublished,
        )
        self.sequences = Table(
            "outbox_sequence",
            metadata,
            Column("subject", String(128), primary_key=True),
            Column("sequence", BigInteger, nullable=False),
        )
        self.listeners: set[Callable[[], None]] = set()
        """Called after each commit of this process that added events: how a relay on SQLite is woken."""

    async def add(
        self, session: AsyncSession, type: str, *, subject: str, data: BaseModel | Mapping[str, Any]
    ) -> Event:
        """Records that `type` happened to the aggregate `subject`; published once the session commits.

        From here to the end of the transaction no other can add an event for the same aggregate: so its
        sequence has no gaps and follows the order of commits. A transaction that adds for several aggregates
        does so in the order of their subjects, or two of them could wait for each other.
        Raises ValueError when the encoded event is over MAX_BYTES.
        """
        with self._creating(type, 1):
            taken = self._next(session).values(subject=subject, sequence=1)
            happened = self._event(type, subject, (await session.execute(taken)).one().sequence, data)
            await session.execute(self.events.insert().values(_row(happened)))
            await self._announce(session)
        return happened

    async def add_all(
        self, session: AsyncSession, type: str, data: Mapping[str, BaseModel | Mapping[str, Any]]
    ) -> None:
        """As `add`, for many aggregates by their subjects, in a few statements."""
        first = [{"subject": subject, "sequence": 1} for subject in sorted(data)]
        if not first:
            return
        with self._creating(type, len(first)):
            taken = await session.execute(self._next(session), first)
            events = [self._event(type, row.subject, row.sequence, data[row.subject]) for row in taken]
            await session.execute(self.events.insert(), [_row(happened) for happened in events])
            await self._announce(session)

    def _creating(self, type: str, count: int) -> AbstractContextManager[object]:
        about: Attributes = {"messaging.operation.type": "create", "messaging.batch.message_count": count}
        return part(f"create {self.service}.{type}", "producer", about)

    def _next(self, session: AsyncSession) -> Any:
        """Takes the next sequence of an aggregate, which begins at 1."""
        return (
            insert(session, self.sequences)
            .on_conflict_do_update(
                index_elements=[self.sequences.c.subject], set_={"sequence": self.sequences.c.sequence + 1}
            )
            .returning(self.sequences.c.subject, self.sequences.c.sequence)
        )

    def _event(self, type: str, subject: str, sequence: int, data: BaseModel | Mapping[str, Any]) -> Event:
        happened = Event(
            source=f"/{self.service}",
            type=type,
            subject=subject,
            sequence=sequence,
            traceparent=current_traceparent(),
            data=data.model_dump(mode="json") if isinstance(data, BaseModel) else dict(data),
        )
        if (size := len(happened.encode())) > MAX_BYTES:
            raise ValueError(f"event {type} of {subject} takes {size} bytes; at most {MAX_BYTES} are allowed")
        return happened

    async def _announce(self, session: AsyncSession) -> None:
        """Wakes the relay when the transaction commits, and only then; once, however often it is asked."""
        if dialect_name(session) == "postgresql":
            await session.execute(select(func.pg_notify(CHANNEL, "")))
        elif not event.contains(session.sync_session, "after_commit", self._committed):
            event.listen(session.sync_session, "after_commit", self._committed)

    def _committed(self, _session: object) -> None:
        for listener in self.listeners:
            listener()

    def event(self, row: Mapping[str, Any]) -> Event:
        """The event that a row of `events` stands for."""
        return Event.model_validate({"source": f"/{self.service}", **row})


def _row(happened: Event) -> dict[str, Any]:
    columns = {"id", "type", "subject", "sequence", "time", "traceparent", "data"}
    return happened.model_dump(include=columns)
