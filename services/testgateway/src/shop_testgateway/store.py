"""What happens in the gateway, each in one transaction: the effect, its answer by key, its webhooks, faults.

Two identical requests at once: the second waits at the key's row, then finds the answer of the first.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.testgateway import api
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_testgateway import domain
from shop_testgateway.domain import ACTION_REQUIRED, Refused, Struck
from shop_testgateway.tables import Answered, Charge, Delivery, Fault, FaultTotal, Method, Refund


class KeyReused(Exception):  # noqa: N818 - the name says what happened
    """The idempotency key was used for something else."""


class Unknown(Exception):  # noqa: N818
    """There is no such thing."""


@dataclass(frozen=True)
class Answer:
    """What a request is answered, now and whenever it is repeated."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The answer, and what goes wrong with it; no answer where the gateway is `down`."""

    answer: Answer | None
    struck: Struck


_by_id: TypeAdapter[tuple[str]] = TypeAdapter(tuple[str])


class Gateway:
    """The gateway's data."""

    def __init__(
        self, store: Store, *, fee_basis_points: int, draw: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        """`draw` gives random numbers in [0, 1) for faults; `wake` is called when a webhook may wait."""
        self._store = store
        self._basis_points = fee_basis_points
        self._draw = draw
        self._wake = wake

    async def add_method(self, new: api.NewMethod) -> api.Method:
        """A token for a card. Raises Refused."""
        brand, outcome = domain.card(new.number, new.exp_month, new.exp_year, utc_now().date())
        row = Method(
            token=f"tok_{new_id().hex}",
            brand=brand,
            last4=new.number[-4:],
            exp_month=new.exp_month,
            exp_year=new.exp_year,
            outcome=outcome,
        )
        async with self._store.transaction() as session:
            session.add(row)
        return api.Method.model_validate(row, from_attributes=True)

    async def authorise(self, key: str, new: api.NewCharge, page: Callable[[str], str]) -> Outcome:
        """Holds an amount; `page` gives the address of a challenge. Raises KeyReused."""

        async def effect(session: AsyncSession, struck: Struck) -> Answer:
            made = await session.get(Method, new.method)
            usual = made.outcome if made else domain.outcome(new.method)
            wish = struck.outcome or usual
            challenge = secrets.token_urlsafe(24) if wish == ACTION_REQUIRED else None
            charge = Charge(
                **new.model_dump(),
                id=f"ch_{new_id().hex}",
                key=key,
                status=ACTION_REQUIRED if challenge else "declined" if wish else "authorised",
                reason=None if challenge else wish,
                challenge=challenge,
                action_url=page(challenge) if challenge else None,
            )
            session.add(charge)
            await session.flush()
            body = await self._tell(session, charge, charge.status, struck)
            if charge.status == "declined":
                return _problem(402, "Payment Required", str(charge.reason), "the payment is declined", body)
            return Answer(201, body)

        return await self._once("authorise", key, new.model_dump_json(), new.method, effect)

    async def capture(self, key: str, id: str) -> Outcome:
        """Takes what is held. Raises KeyReused, Unknown."""

        async def effect(session: AsyncSession, charge: Charge) -> None:
            charge.captured = charge.amount
            charge.fee = domain.fee(charge.amount, self._basis_points)

        return await self._change("capture", key, id, "", effect, "captured")

    async def void(self, key: str, id: str) -> Outcome:
        """Gives up the hold. Raises KeyReused, Unknown."""

        async def effect(_session: AsyncSession, charge: Charge) -> None:
            charge.action_url = None

        return await self._change("void", key, id, "", effect, "voided")

    async def refund(self, key: str, id: str, new: api.NewRefund) -> Outcome:
        """Gives money back. Raises KeyReused, Unknown."""

        async def effect(session: AsyncSession, charge: Charge) -> None:
            domain.check_refund(charge.captured, charge.refunded, new.amount)
            charge.refunded += new.amount
            session.add(Refund(**new.model_dump(), id=f"re_{new_id().hex}", charge_id=id, key=key))

        return await self._change("refund", key, id, new.model_dump_json(), effect, "refunded")

    async def complete(self, challenge: str, approved: bool) -> api.Charge:
        """The shopper has answered the challenge; the first answer counts. Raises Unknown."""
        async with self._store.transaction() as session:
            charge = await _locked(session, Charge.challenge, challenge)
            if charge.status == ACTION_REQUIRED:
                charge.status = domain.step(charge.status, "approve" if approved else "deny")
                charge.reason = None if approved else "authentication_failed"
                charge.action_url = None
                charge.version += 1
                await session.flush()
                struck = await self._strike(session, "authorise", charge.method, webhooks=True)
                await self._tell(session, charge, charge.status, struck)
            shown = (await _shown(session, [charge]))[0]
        self._wake()
        return shown

    async def challenged(self, challenge: str) -> api.Charge:
        """The charge of a challenge. Raises Unknown."""
        async with self._store.session() as session:
            query = select(Charge).where(Charge.challenge == challenge)  # type: ignore[arg-type]
            charge = (await session.execute(query)).scalar_one_or_none()
            if charge is None:
                raise Unknown("there is no such challenge")
            return (await _shown(session, [charge]))[0]

    async def return_url(self, challenge: str) -> str | None:
        """Where the shopper goes after a challenge."""
        async with self._store.session() as session:
            query = select(Charge.return_url).where(Charge.challenge == challenge)  # type: ignore[call-overload]
            found: str | None = (await session.execute(query)).scalar_one_or_none()
            return found

    async def find(
        self, *, reference: str | None, key: str | None, limit: int, after: str | None
    ) -> api.ChargeList | None:
        """Oldest first; None while the gateway is down. Raises Problem for a foreign cursor."""
        column: Any = Charge.id
        query = select(Charge).order_by(column).limit(limit + 1)
        if reference is not None:
            query = query.where(Charge.reference == reference)  # type: ignore[arg-type]
        if key is not None:
            query = query.where(Charge.key == key)  # type: ignore[arg-type]
        if after is not None:
            query = query.where(column > key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query)).scalars().all()
            items = await _shown(session, rows[:limit])
        if await self._is_down():
            return None
        return api.ChargeList(items=items, next=cursor(items[-1].id) if len(rows) > limit else None)

    async def get(self, id: str) -> api.Charge | None:
        """One charge; None while the gateway is down. Raises Unknown."""
        async with self._store.session() as session:
            charge = await session.get(Charge, id)
            found = await _shown(session, [charge]) if charge else []
        if await self._is_down():
            return None
        if not found:
            raise Unknown(f"there is no charge {id}")
        return found[0]

    async def put_faults(self, faults: api.Faults) -> None:
        """These and no others from now on."""
        async with self._store.transaction() as session:
            await session.execute(delete(Fault))
            for position, fault in enumerate(faults.faults):
                session.add(Fault(position=position, fault=fault.model_dump(mode="json")))

    async def faults(self) -> api.FaultStates:
        """What is switched on, and how often it struck."""
        async with self._store.session() as session:
            states = await _faults(session)
            totals = (await session.execute(select(FaultTotal))).scalars().all()
        return api.FaultStates.model_validate(
            {
                "faults": [state.model_dump() for state in states],
                "totals": {total.kind: total.hits for total in totals},
            }
        )

    async def _is_down(self) -> bool:
        async with self._store.session() as session:
            if not any(state.kind == "down" for state in await _faults(session)):
                return False
        async with self._store.transaction() as session:
            return "down" in await self._strike(session, "find", None)

    async def _change(
        self,
        operation: api.Operation,
        key: str,
        id: str,
        asked: str,
        effect: Callable[[AsyncSession, Charge], Any],
        what: str,
    ) -> Outcome:
        async with self._store.session() as session:
            known = await session.get(Charge, id)
        if known is None:
            raise Unknown(f"there is no charge {id}")

        async def change(session: AsyncSession, struck: Struck) -> Answer:
            charge = await _locked(session, Charge.id, id)
            try:
                status = domain.step(charge.status, operation)
                await effect(session, charge)
            except Refused as error:
                body = (await _shown(session, [charge]))[0].model_dump(mode="json")
                return _problem(409, "Conflict", "illegal-state", str(error), body)
            charge.status = status
            charge.version += 1
            await session.flush()
            return Answer(200, await self._tell(session, charge, what, struck))

        return await self._once(operation, key, f"{id} {asked}", known.method, change)

    async def _once(
        self,
        operation: api.Operation,
        key: str,
        asked: str,
        method: str,
        effect: Callable[[AsyncSession, Struck], Any],
    ) -> Outcome:
        """The answer that the key has, or the effect's, which it has from now on."""
        fingerprint = hashlib.sha256(f"{operation} {asked}".encode()).hexdigest()
        async with self._store.transaction() as session:
            struck = await self._strike(session, operation, method)
            if "down" in struck:
                return Outcome(None, struck)
            taken = insert(session, Answered.__table__).values(  # type: ignore[attr-defined]
                key=key, fingerprint=fingerprint, status=0, body={}
            )
            mine = (await session.execute(taken.on_conflict_do_nothing().returning(Answered.key))).first()
            row = await _locked(session, Answered.key, key)
            if mine is None:
                if row.fingerprint != fingerprint:
                    raise KeyReused
                return Outcome(Answer(row.status, row.body), struck)
            answer: Answer = await effect(session, struck)
            row.status, row.body = answer.status, answer.body
        self._wake()
        return Outcome(answer, struck)

    async def _strike(
        self, session: AsyncSession, operation: api.Operation, method: str | None, *, webhooks: bool = False
    ) -> Struck:
        faults = await _faults(session, lock=True)
        if webhooks:
            faults = [fault for fault in faults if fault.kind in domain.WEBHOOK_FAULTS]
        struck = domain.strike(faults, operation, method, self._draw)
        for fault in struck.faults:
            left = None if fault.count is None else fault.count - 1
            state = fault.model_copy(update={"count": left})
            row = await session.get_one(Fault, fault.position)
            row.fault = state.model_dump(mode="json", exclude={"hits", "position"})
            row.hits += 1
            total = insert(session, FaultTotal.__table__).values(kind=fault.kind, hits=1)  # type: ignore[attr-defined]
            counted = {"hits": FaultTotal.hits + 1}
            await session.execute(total.on_conflict_do_update(index_elements=["kind"], set_=counted))
        return struck

    async def _tell(self, session: AsyncSession, charge: Charge, what: str, struck: Struck) -> dict[str, Any]:
        """Has the change told by webhook; returns the charge as callers see it."""
        shown = (await _shown(session, [charge]))[0]
        now = utc_now()
        event = api.WebhookEvent.model_validate(
            {
                "id": f"evt_{new_id().hex}",
                "type": f"charge.{what}",
                "created": int(now.timestamp()),
                "charge": shown,
            }
        )
        due = now + timedelta(seconds=struck.seconds("late_webhook") or 0.0)
        for _ in range(2 if "duplicate_webhook" in struck else 1):
            session.add(Delivery(event_id=event.id, body=event.model_dump_json(), due_at=due))
        return shown.model_dump(mode="json")


async def _locked(session: AsyncSession, column: Any, value: str | UUID) -> Any:
    query = select(column.class_).where(column == value).with_for_update()
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise Unknown("there is no such charge or challenge")
    return row


async def _shown(session: AsyncSession, charges: Any) -> list[api.Charge]:
    made: dict[str, list[Refund]] = {}
    column: Any = Refund.charge_id
    query = select(Refund).where(column.in_([charge.id for charge in charges])).order_by(Refund.id)
    for refund in (await session.execute(query)).scalars():
        made.setdefault(refund.charge_id, []).append(refund)
    return [
        api.Charge.model_validate(charge.model_dump() | {"refunds": _plain(made.get(charge.id, []))})
        for charge in charges
    ]


def _plain(refunds: list[Refund]) -> list[dict[str, Any]]:
    return [refund.model_dump() for refund in refunds]


async def _faults(session: AsyncSession, *, lock: bool = False) -> list[domain.Switched]:
    query = select(Fault).order_by(Fault.position)  # type: ignore[arg-type]
    rows = (await session.execute(query.with_for_update() if lock else query)).scalars().all()
    return [
        domain.Switched.model_validate(row.fault | {"hits": row.hits, "position": row.position})
        for row in rows
    ]


def _problem(status: int, title: str, type: str, detail: str, charge: BaseModel | dict[str, Any]) -> Answer:
    return Answer(
        status, {"type": type, "title": title, "status": status, "detail": detail, "charge": charge}
    )
