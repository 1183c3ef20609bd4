"""Coupons: kept, checked for an order, and their uses counted.

A use is a row per order: `held` for an hour when the order is accepted, `final` when it is confirmed,
`released` when it was given up. Released is the last word, also when it comes first: a late hold of an order
that has been given up must not count. Who holds locks the coupon's row, so that the limits hold however many
come at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.catalog import promotions as api
from sqlalchemy import ColumnElement, Table, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.errors import Unknown
from shop_catalog.offers import coupon_off
from shop_catalog.promotions import Promotions, check_scope, columns_of, discounts, offer_of
from shop_catalog.tables import Coupon, CouponUse, metadata
from shop_catalog.versioned import Matches, put

HELD = timedelta(hours=1)
"""How long a use counts without being final."""

_uses: Table = metadata.tables["coupon_use"]
_by_code: TypeAdapter[tuple[str]] = TypeAdapter(tuple[api.Code])
_by_order: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])

_WHY: dict[api.CouponReason, str] = {
    "unknown": "there is no coupon {code}",
    "not-valid-now": "{code} cannot be used now",
    "used-up": "{code} has been used as often as it can be",
    "used-by-subject": "{code} has been used by this shopper as often as one may",
    "below-minimum": "{code} is for orders of a higher value",
    "nothing-to-discount": "{code} is for none of these products, or they are reduced already",
}


class CouponRefused(Exception):  # noqa: N818 - the name says what happened
    """The coupon cannot be used; says why."""

    def __init__(self, code: str, reason: api.CouponReason) -> None:
        super().__init__(_WHY[reason].format(code=code))
        self.reason = reason


class Released(Exception):  # noqa: N818
    """The order has been given up before."""


class DifferentRequest(Exception):  # noqa: N818
    """The order uses another coupon, or is somebody else's."""


class Coupons:
    """Catalog's coupons."""

    def __init__(self, store: Store, promotions: Promotions, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._promotions = promotions
        self.now = now

    async def page(self, *, limit: int, after: str | None) -> api.CouponPage:
        """All, by code. Raises Problem for a foreign cursor."""
        column: Any = Coupon.code
        query = select(Coupon, self._used()).order_by(column)
        if after is not None:
            query = query.where(column > key_of(after, _by_code)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).all()
        following = cursor(rows[limit - 1][0].code) if len(rows) > limit else None
        return api.CouponPage(items=[_coupon(*row) for row in rows[:limit]], next=following)

    async def get(self, code: str) -> api.Coupon:
        """However its code is written. Raises Unknown."""
        query = select(Coupon, self._used()).where(Coupon.code == api.normalised(code))  # type: ignore[arg-type]
        async with self._store.session() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise Unknown(f"there is no coupon {api.normalised(code)}")
        return _coupon(*row)

    async def put(self, code: str, content: api.CouponContent, matches: Matches) -> tuple[api.Coupon, bool]:
        """The coupon and whether it is new. Raises Refused, Conflict."""
        async with self._store.transaction() as session:
            await check_scope(session, content)
            _, made, _ = await put(session, Coupon, {"code": code}, columns_of(content), matches)
        return await self.get(code), made

    async def check(self, request: api.CouponCheck) -> api.CouponDiscounts:
        """What it takes off these lines, after promotions. Raises CouponRefused."""
        code = api.normalised(request.code)
        async with self._store.session() as session:
            row = await session.get(Coupon, code)
            coupon = await self._usable(session, code, row, request.subject, request.order_id)
        priced = await self._promotions.priced(request)
        if coupon.minimum is not None:
            value = sum(priced.after.left(line) for line in priced.lines)
            if coupon.minimum.currency != priced.currency or value < coupon.minimum.amount:
                raise CouponRefused(code, "below-minimum")
        offer = offer_of(code, coupon)
        off = coupon_off(priced.lines, priced.after, offer) if offer.in_currency(priced.currency) else {}
        if not off:
            raise CouponRefused(code, "nothing-to-discount")
        return api.CouponDiscounts.model_validate({"code": code} | discounts(off, priced.currency))

    async def use(self, order_id: UUID, request: api.CouponUseRequest) -> api.CouponUse:
        """Holds the coupon for the order, or counts it for good; may be repeated.

        Raises CouponRefused, Released (both only for a hold), DifferentRequest.
        """
        code = api.normalised(request.code)
        wanted = {
            "code": code,
            "subject": request.subject,
            "state": "final" if request.final else "held",
            "expires_at": None if request.final else self.now() + HELD,
        }
        async with self._store.transaction() as session:
            # The first statement writes: of two requests about one order the second waits here.
            made = insert(session, _uses).values(order_id=order_id, **wanted).on_conflict_do_nothing()
            new = (await session.execute(made.returning(_uses.c.order_id))).first() is not None
            row = await session.get(CouponUse, order_id, with_for_update=True)
            assert row is not None
            if row.state == "released":
                if not request.final:
                    raise Released(f"order {order_id} has been given up")
                return self._use(row)
            if row.code != code or row.subject not in (None, request.subject):
                raise DifferentRequest(f"order {order_id} uses {row.code}, or is of another shopper")
            if not request.final and (new or self._use(row).state == "lapsed"):
                coupon = await session.get(Coupon, code, with_for_update=True)
                await self._usable(session, code, coupon, request.subject, order_id)
            if row.state == "held" and (request.final or self._use(row).state == "lapsed"):
                row.state, row.expires_at = str(wanted["state"]), wanted["expires_at"]  # type: ignore[assignment]
        return self._use(row)

    async def release(self, order_id: UUID) -> api.CouponUse:
        """The order uses no coupon any more, nor will it; may be repeated, and may come first."""
        gone = {"state": "released", "expires_at": None}
        async with self._store.transaction() as session:
            made = insert(session, _uses).values(order_id=order_id, **gone)
            await session.execute(made.on_conflict_do_update(index_elements=["order_id"], set_=gone))
            row = await session.get(CouponUse, order_id)
        assert row is not None
        return self._use(row)

    async def uses(self, code: str, *, limit: int, after: str | None) -> api.CouponUsePage:
        """Of one coupon, by order, newest id first. Raises Problem for a foreign cursor."""
        column: Any = CouponUse.order_id
        query = select(CouponUse).where(CouponUse.code == api.normalised(code)).order_by(column.desc())  # type: ignore[arg-type]
        if after is not None:
            query = query.where(column < key_of(after, _by_order)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        following = cursor(rows[limit - 1].order_id) if len(rows) > limit else None
        return api.CouponUsePage(items=[self._use(row) for row in rows[:limit]], next=following)

    async def export(self, subject: str) -> dict[str, Any]:
        """The uses of one person, as JSON; {} without any."""
        query = select(CouponUse).where(CouponUse.subject == subject).order_by(CouponUse.order_id)  # type: ignore[arg-type]
        async with self._store.session() as session:
            uses = [self._use(row) for row in (await session.execute(query)).scalars()]
        return {"coupon_uses": [use.model_dump(mode="json") for use in uses]} if uses else {}

    async def forget(self, session: AsyncSession, subject: str) -> None:
        """Uses go on counting, but not as this person's."""
        await session.execute(update(_uses).where(_uses.c.subject == subject).values(subject=None))

    async def _usable(
        self,
        session: AsyncSession,
        code: str,
        row: Coupon | None,
        subject: str | None,
        order_id: UUID | None,
    ) -> api.Coupon:
        """The coupon, if another use of it fits into its limits. Raises CouponRefused."""
        if row is None:
            raise CouponRefused(code, "unknown")
        coupon, now = _coupon(row, 0), self.now()
        begun = coupon.valid_from is None or coupon.valid_from <= now
        over = coupon.valid_until is not None and coupon.valid_until <= now
        if not coupon.active or not begun or over:
            raise CouponRefused(code, "not-valid-now")
        others = [_uses.c.code == code, self._counts()]
        if order_id is not None:
            others.append(_uses.c.order_id != order_id)
        if coupon.limit is not None and await _count(session, *others) >= coupon.limit:
            raise CouponRefused(code, "used-up")
        if coupon.limit_per_subject is not None and subject is not None:
            mine = _uses.c.subject == subject
            if await _count(session, *others, mine) >= coupon.limit_per_subject:
                raise CouponRefused(code, "used-by-subject")
        return coupon

    def _counts(self) -> ColumnElement[bool]:
        """That a use counts against the limits."""
        alive = and_(_uses.c.state == "held", _uses.c.expires_at > self.now())
        return or_(_uses.c.state == "final", alive)

    def _used(self) -> Any:
        of_it = select(func.count()).where(_uses.c.code == Coupon.code, self._counts())
        return of_it.correlate(Coupon).scalar_subquery()

    def _use(self, row: CouponUse) -> api.CouponUse:
        use = api.CouponUse.model_validate(row, from_attributes=True)
        lapsed = use.state == "held" and use.expires_at is not None and use.expires_at <= self.now()
        return use.model_copy(update={"state": "lapsed"}) if lapsed else use


async def _count(session: AsyncSession, *where: ColumnElement[bool]) -> int:
    return (await session.execute(select(func.count()).select_from(_uses).where(*where))).scalar_one()


def _coupon(row: Coupon, uses: int) -> api.Coupon:
    coupon = api.Coupon.model_validate(row, from_attributes=True)
    return coupon.model_copy(update={"uses": uses})
