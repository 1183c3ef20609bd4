"""What happens to shipments and returns.

Every change locks the shipment's row first and tells its event last, in one transaction with what it records
of the way. So changes of one order come one after the other, whoever makes them: order-processing, a carrier,
an administrator, the demo carrier.
"""

from base64 import b32encode
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.idempotency import fingerprint
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.logistics import api, events
from sqlalchemy import ColumnElement, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from shop_logistics.rates import cheapest, working_days_after
from shop_logistics.states import (
    ENDED,
    NEXT_HOP,
    NEXT_RETURN_HOP,
    REPORTED,
    RETURN,
    RETURNABLE,
    SHIPMENT,
    TOLD,
    leads,
)
from shop_logistics.tables import Carrier, Return, Shipment, Tracking
from shop_logistics.tariffs import offers_to

_by_time: TypeAdapter[tuple[datetime, UUID]] = TypeAdapter(tuple[AwareDatetime, UUID])


class Refused(Exception):  # noqa: N818 - the name says what happened
    """It cannot be done as things are, and trying again will not help."""

    def __init__(self, type: str, detail: str, **members: Any) -> None:
        """`type` and `members`: of the problem that the caller gets."""
        super().__init__(detail)
        self.type = type
        self.members = members


class Unknown(Exception):  # noqa: N818
    """There is no such thing, or it is somebody else's."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was seen of a parcel."""

    state: str
    at: datetime
    place: str = ""
    text: str = ""
    carrier: str | None = None
    report: str | None = None
    """The carrier's id of its report; None: not reported by a carrier."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A shipment, or a return of it."""

    order_id: UUID
    return_id: UUID | None = None


class Shipments:
    """Logistics' parcels."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    # What order-processing asks for

    async def allocate(self, order_id: UUID, wanted: api.ShipmentRequest) -> tuple[api.Shipment, bool]:
        """A carrier for an order, the cheapest of its option that can; and whether it is new.

        The same request again finds what it made, and is refused once that is cancelled. Raises Refused.
        """
        created = False
        async with self._store.transaction() as session:
            row = await _locked(session, order_id)
            if row is None:
                created = await _inserted(session, await _allocated(session, order_id, wanted))
                row = await _known(session, order_id)
            if row.state == "cancelled" or row.fingerprint is None:
                raise Refused(api.CANCELLED, f"the shipment of order {order_id} was cancelled, for good")
            _check_same(row.fingerprint, wanted)
            if created:
                await _record(session, Parcel(order_id), Happening(row.state, row.created_at))
                await self._tell(session, row)
            return await _shown(session, row), created

    async def dispatch(self, order_id: UUID) -> api.Shipment:
        """Hands it to the carrier; one that has left is left alone. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            row = await _known(session, order_id)
            if row.state == "cancelled":
                raise _illegal(row.state, "dispatched")
            if row.state == "allocated":
                await self._happened(session, row, Happening("dispatched", utc_now()))
            return await _shown(session, row)

    async def cancel(self, order_id: UUID) -> api.Shipment:
        """Cancels it, known or not: a request for it that comes late is refused. Raises Refused."""
        now = utc_now()
        async with self._store.transaction() as session:
            row = await _locked(session, order_id)
            if row is None:
                nothing = Shipment(order_id=order_id, state="cancelled", created_at=now, moved_at=now)
                await _inserted(session, nothing)
                row = await _known(session, order_id)
            if row.state != "cancelled":
                if not leads(SHIPMENT, row.state, "cancelled"):
                    detail = f"order {order_id} is {row.state}: what has left can only be returned"
                    raise Refused(api.ALREADY_DISPATCHED, detail)
                await self._happened(session, row, Happening("cancelled", now))
            return await _shown(session, row)

    async def take_back(
        self, order_id: UUID, return_id: UUID, wanted: api.ReturnRequest
    ) -> tuple[api.Return, bool]:
        """A label for a parcel back, with the carrier that brought it; and whether it is new.

        Raises Unknown, Refused.
        """
        now = utc_now()
        async with self._store.transaction() as session:
            shipment = await _known(session, order_id)
            back = await session.get(Return, return_id)
            created = False
            if back is None:
                if shipment.state not in RETURNABLE:
                    detail = f"order {order_id} is {shipment.state}: only what was delivered can be returned"
                    raise Refused(api.NOT_DELIVERED, detail)
                created = await _inserted(session, await _expected(session, shipment, return_id, wanted))
                back = await session.get_one(Return, return_id)
            if back.order_id != order_id:
                raise Refused(api.DIFFERENT_REQUEST, f"return {return_id} is one of another order")
            _check_same(back.fingerprint, wanted)
            if created:
                await _record(session, Parcel(order_id, return_id), Happening(back.state, now))
                if shipment.state != "returning":
                    await self._happened(session, shipment, Happening("returning", now))
            return await _returned(session, back), created

    # What is seen on the way

    async def move(self, order_id: UUID, said: api.Advance) -> api.Shipment:
        """Brings a shipment into a state, unless it is in it already. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            row = await _known(session, order_id)
            if row.state != said.state:
                happening = Happening(said.state, utc_now(), said.place, said.text)
                if not await self._happened(session, row, happening):
                    raise _illegal(row.state, said.state)
            return await _shown(session, row)

    async def move_return(self, return_id: UUID, said: api.Advance) -> api.Return:
        """The same of a return; `delivered` is when we have it. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            parcel = await _parcel(session, col(Return.return_id) == return_id)
            shipment = await _known(session, parcel.order_id)
            back = await session.get_one(Return, return_id, populate_existing=True)
            if back.state != REPORTED.get(said.state):
                happening = Happening(said.state, utc_now(), said.place, said.text)
                if not await self._return_happened(session, shipment, back, happening):
                    detail = f"the return is {back.state}: it cannot become {said.state}"
                    raise Refused(api.ILLEGAL_STATE, detail, state=back.state)
            return await _returned(session, back)

    async def report(self, tracking_number: str, happening: Happening) -> bool:
        """What a carrier says of a parcel; False when it was known, or is older than what is known.

        It is recorded either way, once. Raises Unknown for a number that this carrier was not given.
        """
        async with self._store.transaction() as session:
            parcel = await _tracked(session, tracking_number, happening.carrier)
            shipment = await _known(session, parcel.order_id)
            if parcel.return_id is None:
                return await self._happened(session, shipment, happening)
            back = await session.get_one(Return, parcel.return_id)
            return await self._return_happened(session, shipment, back, happening)

    async def resting(self, since: datetime, limit: int = 100) -> list[Parcel]:
        """What is with a carrier and has not moved since then, longest first."""
        shipments = select(col(Shipment.order_id)).where(
            col(Shipment.state).in_(NEXT_HOP), col(Shipment.moved_at) <= since
        )
        returns = select(col(Return.order_id), col(Return.return_id)).where(
            col(Return.state).in_(NEXT_RETURN_HOP), col(Return.moved_at) <= since
        )
        async with self._store.session() as session:
            first = await session.execute(shipments.order_by(col(Shipment.moved_at)).limit(limit))
            second = await session.execute(returns.order_by(col(Return.moved_at)).limit(limit))
            return [Parcel(row[0]) for row in first] + [Parcel(row[0], row[1]) for row in second]

    async def hop(self, parcel: Parcel, since: datetime) -> bool:
        """Moves it on by one, unless it has moved since then; whether it did."""
        now = utc_now()
        async with self._store.transaction() as session:
            shipment = await _known(session, parcel.order_id)
            if parcel.return_id is None:
                if shipment.moved_at > since or (then := NEXT_HOP.get(shipment.state)) is None:
                    return False
                return await self._happened(session, shipment, Happening(then, now))
            back = await session.get_one(Return, parcel.return_id)
            if back.moved_at > since or (then := NEXT_RETURN_HOP.get(back.state)) is None:
                return False
            return await self._return_happened(session, shipment, back, Happening(then, now))

    # What is read

    async def read(self, order_id: UUID) -> api.Shipment:
        """Raises Unknown."""
        async with self._store.session() as session:
            return await _shown(session, await _one(session, col(Shipment.order_id) == order_id))

    async def mine(self, order_id: UUID, subject: str) -> api.MyShipment:
        """With its returns, if it is the subject's. Raises Unknown."""
        async with self._store.session() as session:
            row = await _one(session, col(Shipment.order_id) == order_id, col(Shipment.subject) == subject)
            shown = await _shown(session, row)
            query = select(Return).where(col(Return.order_id) == order_id).order_by(col(Return.created_at))
            returns = await _all_returned(session, (await session.execute(query)).scalars().all())
        return api.MyShipment(**dict(shown), returns=returns)

    async def page(self, *, state: api.State | None, limit: int, after: str | None) -> api.ShipmentPage:
        """Newest first. Raises Problem for a foreign cursor."""
        key = tuple_(col(Shipment.created_at), col(Shipment.order_id))
        query = select(Shipment).order_by(col(Shipment.created_at).desc(), col(Shipment.order_id).desc())
        if state is not None:
            query = query.where(col(Shipment.state) == state)
        if after is not None:
            query = query.where(key < tuple_(*key_of(after, _by_time)))
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
            items = await _all_shown(session, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return api.ShipmentPage(items=items, next=last and cursor(last.created_at.isoformat(), last.order_id))

    # What changes

    async def _happened(self, session: AsyncSession, row: Shipment, happening: Happening) -> bool:
        """Records it, and changes the shipment's state if that is where it leads; whether it did."""
        new = await _record(session, Parcel(row.order_id), happening)
        if not new or not leads(SHIPMENT, row.state, happening.state):
            return False
        row.state, row.moved_at = happening.state, utc_now()
        if row.state == "dispatched":
            row.dispatched_on = row.moved_at.date()
        if row.forget and row.state in ENDED:
            row.address = None
        await session.flush()
        await self._tell(session, row)
        return True

    async def _return_happened(
        self, session: AsyncSession, shipment: Shipment, back: Return, happening: Happening
    ) -> bool:
        new = await _record(session, Parcel(back.order_id, back.return_id), happening)
        then = REPORTED.get(happening.state, "")
        if not new or not leads(RETURN, back.state, then):
            return False
        back.state, back.moved_at = then, utc_now()
        await session.flush()
        if then == "received":
            received = events.ReturnReceived(
                order_id=back.order_id,
                return_id=back.return_id,
                lines=[api.ReturnLine.model_validate(line) for line in back.lines],
            )
            await self._outbox.add(session, events.RETURN_RECEIVED, subject=str(back.order_id), data=received)
            if shipment.state == "returning" and not await _awaited(session, back.order_id):
                await self._happened(session, shipment, Happening("returned", utc_now()))
        return True

    async def _tell(self, session: AsyncSession, row: Shipment) -> None:
        changed = events.ShipmentChanged(shipment=await _shown(session, row))
        await self._outbox.add(session, TOLD[row.state], subject=str(row.order_id), data=changed)


async def _allocated(session: AsyncSession, order_id: UUID, wanted: api.ShipmentRequest) -> Shipment:
    """Raises Refused where nobody goes, or carries that much."""
    now = utc_now()
    weight = sum(line.quantity * line.weight_grams for line in wanted.lines)
    address = wanted.address
    zone, offers = await offers_to(session, address.country, address.postal_code, wanted.currency)
    best = next((offer for offer in cheapest(offers, weight) if offer.option == wanted.option), None)
    if best is None:
        raise Refused(
            api.NOT_DELIVERABLE,
            f"no carrier takes {weight} g to {address.country} {address.postal_code} as {wanted.option}",
        )
    carrier = await session.get_one(Carrier, best.carrier)
    return Shipment(
        order_id=order_id,
        state="allocated",
        created_at=now,
        moved_at=now,
        fingerprint=fingerprint(wanted),
        subject=wanted.subject,
        carrier=carrier.id,
        option=wanted.option,
        zone=zone,
        warehouse=wanted.warehouse,
        tracking_number=_tracking_number(carrier.tracking_prefix, order_id),
        address=address.model_dump(mode="json"),
        lines=[line.model_dump(mode="json") for line in wanted.lines],
        estimated=working_days_after(now.date(), best.days_max),
    )


async def _expected(
    session: AsyncSession, shipment: Shipment, return_id: UUID, wanted: api.ReturnRequest
) -> Return:
    now = utc_now()
    carrier = await session.get_one(Carrier, shipment.carrier)
    return Return(
        return_id=return_id,
        order_id=shipment.order_id,
        state="expected",
        created_at=now,
        moved_at=now,
        fingerprint=fingerprint(wanted),
        carrier=carrier.id,
        tracking_number=_tracking_number(carrier.tracking_prefix, return_id),
        lines=[line.model_dump(mode="json") for line in wanted.lines],
    )


def _tracking_number(prefix: str, parcel: UUID) -> str:
    """The same parcel has the same number, however often it is made; 60 bits tell them apart."""
    return prefix + b32encode(sha256(parcel.bytes).digest())[:12].decode()


def _check_same(before: str, wanted: BaseModel) -> None:
    if before != fingerprint(wanted):
        raise Refused(api.DIFFERENT_REQUEST, "the id was used with another body: expected the same again")


def _illegal(now: str, then: str) -> Refused:
    following = ", ".join(SHIPMENT[now]) or "nothing"
    detail = f"the shipment is {now}: after it may come {following}, not {then}"
    return Refused(api.ILLEGAL_STATE, detail, state=now)


def _table(of: type[SQLModel]) -> Table:
    return cast(Table, of.__table__)  # type: ignore[attr-defined]


async def _inserted(session: AsyncSession, row: Shipment | Return) -> bool:
    """Whether it was; not where another transaction was first. What is then there can be read and locked."""
    table = _table(type(row))
    statement = insert(session, table).values(row.model_dump()).returning(*table.primary_key)
    statement = statement.on_conflict_do_nothing(index_elements=list(table.primary_key))
    return (await session.execute(statement)).one_or_none() is not None


async def _record(session: AsyncSession, parcel: Parcel, happening: Happening) -> bool:
    """Whether it was new: a carrier's report counts once."""
    table = _table(Tracking)
    row = Tracking(order_id=parcel.order_id, return_id=parcel.return_id, **asdict(happening))
    statement = insert(session, table).values(row.model_dump()).returning(table.c.id)
    statement = statement.on_conflict_do_nothing(index_elements=[table.c.carrier, table.c.report])
    return (await session.execute(statement)).one_or_none() is not None


async def _one(session: AsyncSession, *those: ColumnElement[bool], lock: bool = False) -> Shipment:
    query = select(Shipment).where(*those)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise Unknown("there is no shipment of this order")
    return row


async def _known(session: AsyncSession, order_id: UUID) -> Shipment:
    """Locked. Raises Unknown."""
    return await _one(session, col(Shipment.order_id) == order_id, lock=True)


async def _locked(session: AsyncSession, order_id: UUID) -> Shipment | None:
    try:
        return await _known(session, order_id)
    except Unknown:
        return None


async def _parcel(session: AsyncSession, that: ColumnElement[bool]) -> Parcel:
    query = select(col(Return.order_id), col(Return.return_id)).where(that)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Unknown("there is no such return")
    return Parcel(row[0], row[1])


async def _tracked(session: AsyncSession, tracking_number: str, carrier: str | None) -> Parcel:
    there = select(col(Shipment.order_id)).where(
        col(Shipment.tracking_number) == tracking_number, col(Shipment.carrier) == carrier
    )
    if (order_id := (await session.execute(there)).scalar_one_or_none()) is not None:
        return Parcel(order_id)
    try:
        return await _parcel(
            session, (col(Return.tracking_number) == tracking_number) & (col(Return.carrier) == carrier)
        )
    except Unknown:
        raise Unknown(f"{carrier} carries no parcel {tracking_number} of ours") from None


async def _awaited(session: AsyncSession, order_id: UUID) -> bool:
    """Whether anything else of the order is still to come back."""
    query = select(col(Return.return_id)).where(
        col(Return.order_id) == order_id, col(Return.state) != "received"
    )
    return (await session.execute(query.limit(1))).first() is not None


async def _shown(session: AsyncSession, row: Shipment) -> api.Shipment:
    return (await _all_shown(session, [row]))[0]


async def _all_shown(session: AsyncSession, rows: Sequence[Shipment]) -> list[api.Shipment]:
    ways = await _ways(session, {row.order_id for row in rows})
    return [
        api.Shipment(
            order_id=row.order_id,
            state=cast(api.State, row.state),
            carrier=row.carrier or "",
            option=row.option or "",
            tracking_number=row.tracking_number or "",
            label_url=f"/admin/shipments/{row.order_id}/label" if row.tracking_number else None,
            estimated=row.estimated,
            events=ways.get(Parcel(row.order_id), []),
        )
        for row in rows
    ]


async def _returned(session: AsyncSession, back: Return) -> api.Return:
    return (await _all_returned(session, [back]))[0]


async def _all_returned(session: AsyncSession, rows: Sequence[Return]) -> list[api.Return]:
    ways = await _ways(session, {row.order_id for row in rows})
    return [
        api.Return(
            return_id=row.return_id,
            order_id=row.order_id,
            state=cast(api.ReturnState, row.state),
            carrier=row.carrier,
            tracking_number=row.tracking_number,
            label_url=f"/shipments/{row.order_id}/returns/{row.return_id}/label",
            lines=[api.ReturnLine.model_validate(line) for line in row.lines],
            events=ways.get(Parcel(row.order_id, row.return_id), []),
        )
        for row in rows
    ]


async def _ways(session: AsyncSession, orders: Collection[UUID]) -> dict[Parcel, list[api.TrackingEvent]]:
    """In the order in which it was told to us: a late report stands where it came."""
    query = select(Tracking).where(col(Tracking.order_id).in_(orders)).order_by(col(Tracking.id))
    ways: dict[Parcel, list[api.TrackingEvent]] = {}
    for row in (await session.execute(query)).scalars():
        event = api.TrackingEvent(at=row.at, state=row.state, place=row.place, text=row.text)
        ways.setdefault(Parcel(row.order_id, row.return_id), []).append(event)
    return ways
