"""Orders and sagas in the database. A change of an order, what it tells and what it starts are one
transaction, which has locked the order's row; so changes of one order come one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_chassis.tracing import current_traceparent
from shop_contracts.order_processing import api
from shop_contracts.order_taking.events import OrderPlaced
from sqlalchemy import ColumnElement, event, func, or_, select, tuple_, update
from sqlalchemy import case as choice
from sqlalchemy.ext.asyncio import AsyncSession

from shop_order_processing import invoices, machine
from shop_order_processing.case import Case, Change, place, told
from shop_order_processing.machine import Entry, Kind, Move, Progress
from shop_order_processing.tables import InvoiceRow, OrderRow, SagaLogRow, SagaRow, outbox

Kinds = dict[api.SagaKind, Kind]

_ORDERS: Any = OrderRow.__table__  # type: ignore[attr-defined]
_SAGAS: Any = SagaRow.__table__  # type: ignore[attr-defined]
_LOG: Any = SagaLogRow.__table__  # type: ignore[attr-defined]
_WORDS = 500
_LOG_SHOWN = 200
_Time = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))
]
"""What a database takes for a moment, whatever stands in a cursor."""
_by_time: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[_Time, UUID])
_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class Unknown(Exception):  # noqa: N818 - the name says it
    """There is no such order or saga; or not for this person."""


class Ended(Exception):  # noqa: N818
    """The saga is over."""


class AfterPivot(Exception):  # noqa: N818
    """It cannot be turned around any more."""


@dataclass(frozen=True)
class Held:
    """A saga that this worker holds the lease of, as it was when it was taken."""

    id: UUID
    kind: api.SagaKind
    order_id: UUID
    about: UUID
    progress: Progress
    """The try that is to be made is counted in it."""
    wish: str | None
    version: int
    news: int
    until: datetime
    """End of the lease."""
    traceparent: str | None
    lost: bool = False
    """Another worker had it before and did not say what came of it."""
    case: Case | None = None
    """The order as this worker left it a moment ago; None: to be read."""


@dataclass(frozen=True)
class Counts:
    """What the metrics show of the sagas that are open."""

    by_state: dict[tuple[str, str], int]
    """By kind and `running`, `waiting`, `failing` or `undoing`."""
    stuck: int
    oldest: datetime | None


class Orders:
    """All orders and their sagas."""

    def __init__(
        self, store: Store, kinds: Kinds, *, clock: Callable[[], datetime] = utc_now, told_by: Outbox = outbox
    ) -> None:
        self._store = store
        self._outbox = told_by
        self.kinds = kinds
        self.clock = clock
        self.witnesses: set[Callable[[str, BaseModel], None]] = set()
        """Told type and data of each event, once it is committed."""
        self.listeners: set[Callable[[], None]] = set()
        """Called after each commit of this process after which there may be work."""

    # Changes

    async def place(self, session: AsyncSession, placed: OrderPlaced) -> None:
        """A new order; nothing happens when it is known."""
        change = place(placed, self.clock())
        row = _row(change.case)
        new = insert(session, _ORDERS).values(row).on_conflict_do_nothing().returning(_ORDERS.c.id)
        if (await session.execute(new)).first() is not None:
            await self._consequences(session, None, change)

    async def change(
        self,
        session: AsyncSession,
        id: UUID,
        make: Callable[[Case, datetime], Change],
        *,
        subject: str | None = None,
    ) -> Case:
        """Changes an order, if it is this person's. Raises Unknown, and what `make` raises."""
        before = await self._locked(session, id, subject)
        return await self._written(session, before, make(before, self.clock()))

    async def forget(self, session: AsyncSession, subject: str) -> None:
        """A person goes: their data go from every order as soon as it needs them no more."""
        mine = select(_ORDERS.c.id).where(_ORDERS.c.subject == subject).order_by(_ORDERS.c.id)
        for id in (await session.execute(mine)).scalars().all():
            await self.change(session, id, lambda case, _now: Change(case.but(erase=True)))

    async def _locked(self, session: AsyncSession, id: UUID, subject: str | None = None) -> Case:
        query = select(_ORDERS.c.content).where(_ORDERS.c.id == id).with_for_update()
        if subject is not None:
            query = query.where(_ORDERS.c.subject == subject)
        content = (await session.execute(query)).scalar_one_or_none()
        if content is None:
            raise Unknown(f"there is no order {id}")
        return Case.model_validate(content)

    async def _written(self, session: AsyncSession, before: Case, change: Change) -> Case:
        if change.invoice:
            invoiced = await invoices.issue(session, change.case, self.clock())
            change = change.then(lambda _: Change(invoiced))
        if change.case.erase and change.case.at_rest:
            change = change.then(lambda found: Change(found.forgotten()))
        if change.case != before:
            await session.execute(update(_ORDERS).where(_ORDERS.c.id == before.id).values(_row(change.case)))
        await self._consequences(session, before, change)
        return change.case

    async def _consequences(self, session: AsyncSession, before: Case | None, change: Change) -> None:
        """The sagas that a change begins or wakes, and the events that it is."""
        id, now = change.case.id, self.clock()
        for start in change.starts:
            await self._begin(session, change.case, start.kind, start.about, now)
        mine = [_SAGAS.c.order_id == id, _SAGAS.c.state == "open"]
        if change.wish is not None:
            wished = {"wish": change.wish, "next_at": now}
            await session.execute(update(_SAGAS).where(*mine, _SAGAS.c.kind == "order").values(wished))
        if change.news:
            soon = choice((_SAGAS.c.waiting, now), else_=_SAGAS.c.next_at)
            heard = {"news": _SAGAS.c.news + 1, "next_at": soon}
            await session.execute(update(_SAGAS).where(*mine).values(heard))
        if change.hurry:
            later = [_SAGAS.c.kind.in_(change.hurry), _SAGAS.c.next_at > now]
            await session.execute(update(_SAGAS).where(*mine, *later).values(next_at=now))
        if change.starts or change.wish is not None or change.news or change.hurry:
            self._wake(session)
        for type, data in told(before, change.case):
            await self._outbox.add(session, type, subject=str(id), data=data)
            event.listen(session.sync_session, "after_commit", partial(self._happened, type, data))

    def _happened(self, type: str, data: BaseModel, _session: object) -> None:
        for witness in self.witnesses:
            witness(type, data)

    async def _begin(
        self, session: AsyncSession, case: Case, name: api.SagaKind, about: UUID, now: datetime
    ) -> None:
        kind = self.kinds[name]
        begun = machine.begin(kind, case, about, now)
        row = {
            "id": new_id(),
            "kind": name,
            "order_id": case.id,
            "about": about,
            "version": 1,
            "news": 0,
            "worker": "",
            "traceparent": current_traceparent(),
            "created_at": now,
            **_columns(kind, begun.progress),
        }
        new = insert(session, _SAGAS).values(row)
        anew = {
            name: new.excluded[name] for name in row if name not in ("id", "version", "news", "created_at")
        }
        new = new.on_conflict_do_update(
            index_elements=[_SAGAS.c.about, _SAGAS.c.kind],
            set_={**anew, "version": _SAGAS.c.version + 1, "wish": None, "ended_at": None},
            where=_SAGAS.c.state == "undone",
        ).returning(_SAGAS.c.id)
        id = (await session.execute(new)).scalar_one_or_none()
        if id is not None:
            await _log(session, id, begun.entries, "", now)

    def _wake(self, session: AsyncSession) -> None:
        if not event.contains(session.sync_session, "after_commit", self._committed):
            event.listen(session.sync_session, "after_commit", self._committed)

    def _committed(self, _session: object) -> None:
        for listener in self.listeners:
            listener()

    # What a worker does

    async def take(self, limit: int, *, worker: str, lease: float) -> list[Held]:
        """Leases of up to so many sagas that are due. What others hold or are taking is passed over."""
        now = self.clock()
        free = or_(_SAGAS.c.lease_until.is_(None), _SAGAS.c.lease_until <= now)
        due = (
            select(_SAGAS)
            .where(_SAGAS.c.state == "open", _SAGAS.c.next_at <= now, free)
            .order_by(_SAGAS.c.next_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._store.transaction() as session:
            rows = (await session.execute(due)).mappings().all()
            held = []
            for row in rows:
                taken = {
                    "lease_until": now + timedelta(seconds=lease),
                    "worker": worker,
                    "attempts": machine.tried(_progress(row)).attempts,
                    "version": row["version"] + 1,
                }
                await session.execute(update(_SAGAS).where(_SAGAS.c.id == row["id"]).values(taken))
                lost = row["lease_until"] is not None
                if lost:
                    entry = Entry(row["step"], row["direction"], "lost", row["attempts"])
                    await _log(session, row["id"], [entry], row["worker"], now)
                held.append(_held({**row, **taken}, lost=lost))
        return held

    async def known(self, id: UUID) -> Case:
        """As it is now. Raises Unknown."""
        async with self._store.session() as session:
            content = (
                await session.execute(select(_ORDERS.c.content).where(_ORDERS.c.id == id))
            ).scalar_one_or_none()
        if content is None:
            raise Unknown(f"there is no order {id}")
        return Case.model_validate(content)

    async def record(
        self,
        held: Held,
        decide: Callable[[Kind, Case, str | None], Move],
        *,
        worker: str,
        lease: float,
        go_on: bool,
    ) -> Held | None:
        """Writes down what comes of a saga, and takes it again at once if it is due and `go_on`.

        None: nothing more to do now, or the lease was lost to another worker, whose word counts.
        """
        async with self._store.transaction() as session:
            before = await self._locked(session, held.order_id)
            mine = select(_SAGAS).where(_SAGAS.c.id == held.id).with_for_update()
            row = (await session.execute(mine)).mappings().one()
            now, kind = self.clock(), self.kinds[held.kind]
            if row["version"] != held.version:
                # Nobody takes it while the lease lasts: then it was this worker, whose commit had no answer.
                written = row["version"] == held.version + 1 and now < held.until
                return _held(row) if written and row["lease_until"] is not None else None
            move = decide(kind, before, row["wish"])
            after = move.progress
            values = _columns(kind, after)
            if after.waiting and row["news"] != held.news:
                values["next_at"] = now  # something was said while this worker asked
            again = go_on and after.state == "open" and values["next_at"] <= now
            values |= {
                "version": held.version + 1,
                "lease_until": now + timedelta(seconds=lease) if again else None,
                "attempts": (machine.tried(after) if again else after).attempts,
                "ended_at": None if after.state == "open" else now,
            }
            await session.execute(update(_SAGAS).where(_SAGAS.c.id == held.id).values(values))
            await _log(session, held.id, move.entries, worker, now)
            after_all = await self._written(session, before, move.change)
        return _held({**row, **values}, case=after_all) if again else None

    async def next_due(self) -> datetime | None:
        """When the next saga can be taken, if none is begun or woken before; None without an open one."""
        later = choice(
            (_SAGAS.c.lease_until > _SAGAS.c.next_at, _SAGAS.c.lease_until), else_=_SAGAS.c.next_at
        )
        async with self._store.session() as session:
            return cast(
                "datetime | None",
                (await session.execute(select(func.min(later)).where(_SAGAS.c.state == "open"))).scalar_one(),
            )

    # What people ask

    async def mine(self, id: UUID, subject: str | None) -> api.Order:
        """An order, of this person or, for None, anybody's. Raises Unknown."""
        query = select(_ORDERS.c.content).where(_ORDERS.c.id == id)
        if subject is not None:
            query = query.where(_ORDERS.c.subject == subject)
        async with self._store.session() as session:
            content = (await session.execute(query)).scalar_one_or_none()
        if content is None:
            raise Unknown(f"there is no order {id}")
        return Case.model_validate(content).order()

    async def page(
        self, *, subject: str | None, state: api.OrderState | None = None, limit: int, after: str | None
    ) -> api.OrderPage:
        """Newest first. Raises Problem for a foreign cursor."""
        query = select(_ORDERS).order_by(_ORDERS.c.placed_at.desc(), _ORDERS.c.id.desc()).limit(limit + 1)
        if subject is not None:
            query = query.where(_ORDERS.c.subject == subject)
        if state is not None:
            query = query.where(_ORDERS.c.state == state)
        if after is not None:
            query = query.where(tuple_(_ORDERS.c.placed_at, _ORDERS.c.id) < key_of(after, _by_time))
        async with self._store.session() as session:
            rows = (await session.execute(query)).mappings().all()
        items = [Case.model_validate(row["content"]).order() for row in rows[:limit]]
        following = None
        if len(rows) > limit:
            following = cursor(items[-1].placed_at.isoformat(), items[-1].id)
        return api.OrderPage(items=items, next=following)

    async def invoice(self, id: UUID, subject: str | None) -> tuple[api.Order, datetime]:
        """What was billed, and when. Raises Unknown."""
        invoice: Any = InvoiceRow.__table__  # type: ignore[attr-defined]
        query = select(invoice).join(_ORDERS, _ORDERS.c.id == invoice.c.order_id).where(_ORDERS.c.id == id)
        if subject is not None:
            query = query.where(_ORDERS.c.subject == subject)
        async with self._store.session() as session:
            row = (await session.execute(query)).mappings().one_or_none()
        if row is None:
            raise Unknown(f"there is no invoice of an order {id}; it gets one when it is paid")
        return api.Order.model_validate(row["content"]), row["issued_at"]

    async def of_person(self, subject: str) -> dict[str, Any]:
        """All that is held about them."""
        query = select(_ORDERS.c.content).where(_ORDERS.c.subject == subject).order_by(_ORDERS.c.placed_at)
        async with self._store.session() as session:
            found = (await session.execute(query)).scalars().all()
        orders = [Case.model_validate(content).order().model_dump(mode="json") for content in found]
        return {"orders": orders} if orders else {}

    async def sagas(
        self,
        *,
        state: api.SagaState | None,
        kind: api.SagaKind | None,
        order_id: UUID | None,
        stuck: bool,
        limit: int,
        after: str | None,
    ) -> api.SagaPage:
        """Newest first. Raises Problem for a foreign cursor."""
        query = select(_SAGAS).order_by(_SAGAS.c.id.desc()).limit(limit + 1)
        for column, value in ((_SAGAS.c.state, state), (_SAGAS.c.kind, kind), (_SAGAS.c.order_id, order_id)):
            if value is not None:
                query = query.where(column == value)
        if stuck:
            query = query.where(_stuck(self.clock()))
        if after is not None:
            query = query.where(_SAGAS.c.id < key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query)).mappings().all()
        items = [self._saga(row) for row in rows[:limit]]
        return api.SagaPage(items=items, next=cursor(items[-1].id) if len(rows) > limit else None)

    async def saga(self, id: UUID) -> api.SagaDetail:
        """One with its log. Raises Unknown."""
        newest = select(_LOG).where(_LOG.c.saga_id == id).order_by(_LOG.c.position.desc()).limit(_LOG_SHOWN)
        async with self._store.session() as session:
            row = (await session.execute(select(_SAGAS).where(_SAGAS.c.id == id))).mappings().one_or_none()
            entries = (await session.execute(newest)).mappings().all()
        if row is None:
            raise Unknown(f"there is no saga {id}")
        log = [api.SagaLogEntry.model_validate(dict(entry)) for entry in reversed(entries)]
        return api.SagaDetail(**dict(self._saga(row)), log=log)

    async def retry(self, id: UUID, reason: str, by: str) -> None:
        """Its step is tried again now, and patiently. Raises Unknown, Ended."""
        async with self._store.transaction() as session:
            row = await self._open(session, id)
            again = {"next_at": self.clock(), "failures": 0, "news": row["news"] + 1}
            await session.execute(update(_SAGAS).where(_SAGAS.c.id == id).values(again))
            await self._by_hand(session, row, f"by {by}: {reason}")

    async def compensate(self, id: UUID, reason: str, by: str) -> None:
        """It turns around as soon as nobody is at work on it. Raises Unknown, Ended, AfterPivot."""
        async with self._store.transaction() as session:
            row = await self._open(session, id)
            kind = self.kinds[cast("api.SagaKind", row["kind"])]
            if row["direction"] == "forward" and not machine.may_turn(kind, _progress(row)):
                pivot = kind.steps[kind.pivot].name
                raise AfterPivot(f"{kind.name} is at {row['step']}: {pivot} may have happened")
            wished = {"wish": reason, "next_at": self.clock()}
            await session.execute(update(_SAGAS).where(_SAGAS.c.id == id).values(wished))
            await self._by_hand(session, row, f"to compensate, by {by}: {reason}")

    async def _open(self, session: AsyncSession, id: UUID) -> Any:
        query = select(_SAGAS).where(_SAGAS.c.id == id).with_for_update()
        row = (await session.execute(query)).mappings().one_or_none()
        if row is None:
            raise Unknown(f"there is no saga {id}")
        if row["state"] != "open":
            raise Ended(f"the saga has ended: {row['state']}")
        return row

    async def _by_hand(self, session: AsyncSession, row: Any, reason: str) -> None:
        entry = Entry(row["step"], row["direction"], "retried", row["attempts"], reason)
        await _log(session, row["id"], [entry], "", self.clock())
        self._wake(session)

    async def counts(self) -> Counts:
        """Of the open sagas."""
        doing = choice(
            (_SAGAS.c.direction == "back", "undoing"),
            (_SAGAS.c.failures > 0, "failing"),
            (_SAGAS.c.waiting, "waiting"),
            (_SAGAS.c.attempts == 0, "waiting"),
            else_="running",
        ).label("doing")
        stuck = func.sum(choice((_stuck(self.clock()), 1), else_=0))
        numbers = (
            select(_SAGAS.c.kind, doing, func.count(), func.min(_SAGAS.c.created_at), stuck)
            .where(_SAGAS.c.state == "open")
            .group_by(_SAGAS.c.kind, doing)
        )
        async with self._store.session() as session:
            rows = (await session.execute(numbers)).all()
        return Counts(
            {(row[0], row[1]): row[2] for row in rows},
            sum(row[4] for row in rows),
            min((row[3] for row in rows), default=None),
        )

    def _saga(self, row: Any) -> api.Saga:
        progress, is_open = _progress(row), row["state"] == "open"
        late = row["failures"] >= machine.FAILURES or row["stuck_at"] < self.clock()
        return api.Saga(
            **asdict(progress)
            | {
                "id": row["id"],
                "kind": row["kind"],
                "order_id": row["order_id"],
                "about": row["about"],
                "stuck": is_open and late,
                "reason": progress.reason or progress.cause,
                "next_at": progress.next_at if is_open else None,
                "created_at": row["created_at"],
                "ended_at": row["ended_at"],
            }
        )


def _stuck(now: datetime) -> ColumnElement[bool]:
    late = or_(_SAGAS.c.failures >= machine.FAILURES, _SAGAS.c.stuck_at < now)
    return cast("ColumnElement[bool]", (_SAGAS.c.state == "open") & late)


def _row(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "subject": case.placed.subject,
        "state": case.state,
        "placed_at": case.placed.placed_at,
        "content": case.model_dump(mode="json"),
    }


def _columns(kind: Kind, progress: Progress) -> dict[str, Any]:
    words = {name: value and value[:_WORDS] for name, value in _words(progress).items()}
    return asdict(progress) | words | {"stuck_at": machine.stuck_at(kind, progress)}


def _words(progress: Progress) -> dict[str, str | None]:
    return {"reason": progress.reason, "cause": progress.cause}


def _progress(row: Any) -> Progress:
    return Progress(**{name: row[name] for name in Progress.__dataclass_fields__})


def _held(row: Any, *, lost: bool = False, case: Case | None = None) -> Held:
    return Held(
        id=row["id"],
        kind=row["kind"],
        order_id=row["order_id"],
        about=row["about"],
        progress=_progress(row),
        wish=row["wish"],
        version=row["version"],
        news=row["news"],
        until=row["lease_until"],
        traceparent=row["traceparent"],
        lost=lost,
        case=case,
    )


async def _log(
    session: AsyncSession, saga: UUID, entries: Sequence[Entry], worker: str, now: datetime
) -> None:
    for entry in entries:
        row = asdict(entry) | {"reason": entry.reason and entry.reason[:_WORDS]}
        await session.execute(_LOG.insert().values(saga_id=saga, at=now, worker=worker, **row))
