"""What administrators see: messages with their deliveries; and what they may do about one in doubt."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.problems import Problem
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.notification import api
from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification import suppressions
from shop_notification.campaigns import wake_worker
from shop_notification.mails import delivery_of
from shop_notification.tables import DELIVERY, MESSAGE

_CURSOR = TypeAdapter(tuple[datetime, UUID])
AGAIN = ("unknown", "failed", "bounced")
"""States from which a person may have it sent once more."""
COMPLAINED: tuple[api.Kind, ...] = ("price_drop", "promotion")


class Records:
    """Messages and deliveries, from the outside."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self,
        *,
        state: api.DeliveryState | None,
        subject: str | None,
        address: str | None,
        kind: api.Kind | None,
        limit: int,
        after: str | None,
    ) -> api.MessagePage:
        """Newest first; those with a delivery in that state, or to that address. Raises Problem 422."""
        order = (MESSAGE.c.created_at, MESSAGE.c.id)
        query = select(MESSAGE).order_by(*(column.desc() for column in order)).limit(limit + 1)
        if after is not None:
            query = query.where(tuple_(*order) < tuple_(*key_of(after, _CURSOR)))
        if subject is not None:
            query = query.where(MESSAGE.c.subject == subject)
        if kind is not None:
            query = query.where(MESSAGE.c.kind == kind)
        of_it = DELIVERY.c.message_id == MESSAGE.c.id
        if state is not None:
            query = query.where(select(DELIVERY.c.id).where(of_it, DELIVERY.c.state == state).exists())
        if address is not None:
            there = func.lower(DELIVERY.c.address) == address.lower()
            query = query.where(select(DELIVERY.c.id).where(of_it, there).exists())
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
            shown = await _with_deliveries(session, rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return api.MessagePage(
            items=shown, next=cursor(last.created_at.isoformat(), last.id) if last else None
        )

    async def resend(self, id: UUID) -> api.Delivery:
        """A person has decided. Raises Problem 404, 409."""
        async with self._store.transaction() as session:
            again = await session.execute(
                update(DELIVERY)
                .where(DELIVERY.c.id == id, DELIVERY.c.state.in_(AGAIN))
                .values(state="waiting", due_at=utc_now(), handed_at=None, reason="by an administrator")
                .returning(*DELIVERY.c)
            )
            row = again.one_or_none()
            if row is None:
                known = await session.execute(select(DELIVERY.c.state).where(DELIVERY.c.id == id))
                found: str | None = known.scalar_one_or_none()
                if found is None:
                    raise Problem(404, f"there is no delivery {id}")
                expected = ", ".join(AGAIN)
                raise Problem(
                    409, f"expected one that is {expected}, found one that is {found}", type="not-over"
                )
            await wake_worker(session)
        return _delivery(row)

    async def reported(self, report: api.DeliveryReport) -> None:
        """The provider says what became of a mail; the same report again changes nothing."""
        async with self._store.transaction() as session:
            if report.type == "hard_bounce":
                reason = report.reason or "bounced"
                await suppressions.suppress(session, report.address, suppressions.EVERYTHING, reason)
            elif report.type == "complaint":
                for kind in COMPLAINED:
                    await suppressions.suppress(session, report.address, kind, report.reason or "complaint")
            if report.message_id and (id := delivery_of(report.message_id)):
                await _settle(session, id, report)


async def _settle(session: AsyncSession, id: UUID, report: api.DeliveryReport) -> None:
    mine = (DELIVERY.c.id == id, func.lower(DELIVERY.c.address) == report.address.lower())
    values: dict[str, Any]
    states: tuple[api.DeliveryState, ...]
    match report.type:
        case "hard_bounce":
            values = {"state": "bounced", "reason": report.reason or "bounced", "due_at": None}
            states = ("sent", "unknown")
        case "delivered":
            values = {"state": "sent", "reason": None, "sent_at": utc_now(), "due_at": None}
            states = ("unknown",)
        case _:
            return
    await session.execute(update(DELIVERY).where(*mine, DELIVERY.c.state.in_(states)).values(values))


async def _with_deliveries(session: AsyncSession, rows: Iterable[Row[Any]]) -> list[api.Message]:
    rows = list(rows)
    query = select(DELIVERY).where(DELIVERY.c.message_id.in_([row.id for row in rows]))
    by_message: dict[UUID, list[api.Delivery]] = defaultdict(list)
    for each in (await session.execute(query.order_by(DELIVERY.c.channel))).all():
        by_message[each.message_id].append(_delivery(each))
    return [
        api.Message(
            id=row.id,
            subject=row.subject,
            kind=row.kind,
            template=row.template,
            locale=row.locale or "",
            created_at=row.created_at,
            planned=row.due_at is None,
            reason=row.reason,
            deliveries=by_message[row.id],
        )
        for row in rows
    ]


def _delivery(row: Row[Any]) -> api.Delivery:
    return api.Delivery(
        id=row.id,
        channel=row.channel,
        state=row.state,
        address=row.address,
        send_at=row.due_at,
        attempts=row.attempts,
        sent_at=row.sent_at,
        reason=row.reason,
    )
