"""Reservations: all that an order wants or nothing, from the hold until it has left or is given back."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.warehouse import api, events
from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_warehouse.refusals import Refused, Unknown
from shop_warehouse.rules import HOLDING, Action, after
from shop_warehouse.shelves import shelves
from shop_warehouse.tables import Allocation, Reservation, metadata

LAPSE_BATCH = 20
"""Holds that lapse in one transaction; orders of the same products wait for it."""

_Time = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))
]
_by_time: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[_Time, UUID])


class Reservations:
    """What orders hold."""

    def __init__(self, store: Store, outbox: Outbox, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def hold(self, order_id: UUID, request: api.ReservationRequest) -> tuple[api.Reservation, bool]:
        """How it stands, and whether it is new: the same request again does nothing. Raises Refused."""
        asked = _asked(request)
        async with self._store.transaction() as session:
            now = self._clock()
            expires_at = now + timedelta(seconds=request.hold_seconds)
            if not await self._begin(session, order_id, "held", now, request=asked, expires_at=expires_at):
                there = await locked_reservation(session, order_id)
                if there.state == "released":
                    raise Refused(api.RELEASED, f"order {order_id} was released", state=there.state)
                if there.request != asked:
                    raise Refused(api.DIFFERENT_REQUEST, f"order {order_id} was reserved with other lines")
                return _reservation(there, await lines_of(session, order_id)), False
            lines = await self._take(session, order_id, asked, now)
        held = api.Reservation(order_id=order_id, state="held", lines=lines, expires_at=expires_at)
        return held, True

    async def act(self, order_id: UUID, action: Action) -> api.Reservation:
        """Commits, releases or ships; done already it changes nothing. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            now = self._clock()
            if action == "release":  # of an order that is not known yet: what comes late is to be refused
                await self._begin(session, order_id, "released", now)
            row = await locked_reservation(session, order_id)
            before = cast(api.State, row.state)
            row.state = following = after(action, before)
            row.expires_at = None if following != "held" else row.expires_at
            lines = await lines_of(session, order_id)
            if before in HOLDING and following not in HOLDING:
                async with shelves(session, self._outbox, _products(lines), now) as locked:
                    if following == "shipped":
                        locked.ship(lines, order_id)
                    else:
                        locked.give_back(lines)
            elif before not in HOLDING and following in HOLDING:
                assert row.request is not None  # only a tombstone has none, and that stays what it is
                await session.execute(delete(Allocation).where(col(Allocation.order_id) == order_id))
                lines = await self._take(session, order_id, row.request, now)
            return _reservation(row, lines)

    async def lapse(self) -> int:
        """Gives back what the holds took whose time is over, a few; returns how many."""
        expires_at = col(Reservation.expires_at)
        async with self._store.transaction() as session:
            now = self._clock()
            due = (
                select(Reservation)
                .where(col(Reservation.state) == "held", expires_at <= now)
                .order_by(expires_at)
            )
            # Skipped is what somebody commits or releases right now, so nothing waits here.
            query = due.limit(LAPSE_BATCH).with_for_update(skip_locked=True)
            rows = (await session.execute(query)).scalars().all()
            if not rows:
                return 0
            by_order = await _by_order(session, [row.order_id for row in rows])
            lines = [line for of_order in by_order.values() for line in of_order]
            async with shelves(session, self._outbox, _products(lines), now) as locked:
                locked.give_back(lines)
                for row in rows:
                    row.state, row.expires_at = after("lapse", "held"), None
                    told = events.ReservationExpired(order_id=row.order_id)
                    locked.tell(events.RESERVATION_EXPIRED, row.order_id, told)
        return len(rows)

    async def lapse_all(self) -> None:
        """Until none is due."""
        while await self.lapse() == LAPSE_BATCH:
            pass

    async def get(self, order_id: UUID) -> api.Reservation:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Reservation, order_id)
            if row is None:
                raise Unknown(f"there is no reservation of order {order_id}")
            return _reservation(row, await lines_of(session, order_id))

    async def page(self, *, state: api.State | None, limit: int, after: str | None) -> api.ReservationPage:
        """Newest first."""
        created_at, order_id = col(Reservation.created_at), col(Reservation.order_id)
        query = select(Reservation).order_by(created_at.desc(), order_id.desc())
        if state is not None:
            query = query.where(col(Reservation.state) == state)
        if after is not None:
            query = query.where(tuple_(created_at, order_id) < key_of(after, _by_time))
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
            lines = await _by_order(session, [row.order_id for row in rows[:limit]])
        items = [_reservation(row, lines.get(row.order_id, [])) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return api.ReservationPage(
            items=items, next=cursor(last.created_at.isoformat(), last.order_id) if last else None
        )

    async def _begin(
        self, session: AsyncSession, order_id: UUID, state: api.State, now: datetime, **values: Any
    ) -> bool:
        """Whether the order was not known before; another transaction that begins it is waited for."""
        table = metadata.tables["reservation"]
        new = insert(session, table).values(order_id=order_id, state=state, created_at=now, **values)
        made = new.on_conflict_do_nothing().returning(table.c.order_id)
        return (await session.execute(made)).scalar_one_or_none() is not None

    async def _take(
        self, session: AsyncSession, order_id: UUID, asked: dict[str, Any], now: datetime
    ) -> list[api.Allocation]:
        wanted = {UUID(product): int(quantity) for product, quantity in asked["lines"].items()}
        async with shelves(session, self._outbox, wanted, now) as locked:
            chosen = await locked.take(wanted, asked["country"])
            session.add_all(Allocation(order_id=order_id, **each.model_dump()) for each in chosen)
        return chosen


def _asked(request: api.ReservationRequest) -> dict[str, Any]:
    """What was asked for, written in one way only: by this two requests are compared."""
    lines: dict[str, int] = {}
    for line in sorted(request.lines, key=lambda line: line.product_id):
        lines[str(line.product_id)] = lines.get(str(line.product_id), 0) + line.quantity
    return {"lines": lines, "country": request.country, "hold_seconds": request.hold_seconds}


def _products(lines: Iterable[api.Allocation]) -> set[UUID]:
    return {line.product_id for line in lines}


async def locked_reservation(session: AsyncSession, order_id: UUID) -> Reservation:
    """Nobody else changes it until the transaction ends. Raises Unknown."""
    query = select(Reservation).where(col(Reservation.order_id) == order_id).with_for_update()
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise Unknown(f"there is no reservation of order {order_id}")
    return row


async def lines_of(session: AsyncSession, order_id: UUID) -> list[api.Allocation]:
    """From where an order takes, or took."""
    return (await _by_order(session, [order_id])).get(order_id, [])


async def _by_order(session: AsyncSession, orders: Sequence[UUID]) -> dict[UUID, list[api.Allocation]]:
    of_order, product_id = col(Allocation.order_id), col(Allocation.product_id)
    query = select(Allocation).where(of_order.in_(orders)).order_by(product_id, Allocation.warehouse)
    found: dict[UUID, list[api.Allocation]] = {}
    for row in (await session.execute(query)).scalars():
        line = api.Allocation(product_id=row.product_id, warehouse=row.warehouse, quantity=row.quantity)
        found.setdefault(row.order_id, []).append(line)
    return found


def _reservation(row: Reservation, lines: list[api.Allocation]) -> api.Reservation:
    return api.Reservation(
        order_id=row.order_id, state=cast(api.State, row.state), lines=lines, expires_at=row.expires_at
    )
