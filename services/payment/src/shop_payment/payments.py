"""What happens to payments.

    intent ──commit──▶ gateway ──▶ what it says ──commit──▶ answer

What is asked of the gateway is written down first, with its key, and nothing is locked while the gateway is
asked. A crash in between leaves an open attempt; it is taken up again by the caller who repeats the request,
by a webhook, or by `resume_due`, always with the same key: so it happens once.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import BaseModel
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.payment import api
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_payment import domain, ledger
from shop_payment.books import post
from shop_payment.domain import Charge, Kind, State, What, key_of
from shop_payment.gateways import Gateway, Order, Refused, Told, Unanswered
from shop_payment.records import Records, abandon, attempt_of
from shop_payment.tables import AttemptRow, PaymentRow, WebhookRow
from shop_payment.views import shown_one

log = structlog.get_logger(__name__)

_P: Any = PaymentRow
_A: Any = AttemptRow
_W: Any = WebhookRow
"""As columns; their annotations are those of values."""

AT_ONCE = 8
"""Attempts that are resumed at the same time."""
BATCH = 100
WEBHOOKS_KEPT = timedelta(days=30)
"""Longer than any gateway repeats one."""


class Unknown(Exception):  # noqa: N818 - the names say what happened
    """There is no payment for the order."""


class UnknownGateway(Exception):  # noqa: N818
    """No gateway of that name is set up; the message names those that are."""


class IllegalState(Exception):  # noqa: N818
    """The payment's state does not allow it."""

    def __init__(self, wish: str, state: str, why: str = "") -> None:
        super().__init__(f"cannot {wish} a payment that is {state}" + (f": {why}" if why else ""))
        self.state = state


class DifferentRequest(Exception):  # noqa: N818
    """The same id was used for something else."""


class NotRefundable(Exception):  # noqa: N818
    """The refund cannot be made; the message says why."""


class Unavailable(Exception):  # noqa: N818
    """The gateway has not answered; it will be asked again."""


@dataclass(frozen=True)
class _Call:
    """Something to ask a gateway, as it was written down."""

    kind: Kind
    key: str
    tries: int
    started_at: datetime
    amount: int
    refund_id: str
    order: Order
    charge_id: str | None
    authorised_by: str
    gateway: str


@dataclass(frozen=True)
class _Said:
    """What came of asking."""

    charge: Charge | None
    refused: str | None = None
    error: str | None = None
    """Nothing came of it."""


class Payments:
    """Payment's data, and the gateways behind it."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        gateways: Mapping[str, Gateway],
        default: str,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._records = Records(outbox, clock)
        self._gateways = gateways
        self._default = default
        self._clock = clock

    def gateway(self, name: str) -> Gateway:
        """By name. Raises UnknownGateway."""
        try:
            return self._gateways[name]
        except KeyError:
            known = ", ".join(sorted(self._gateways)) or "none"
            raise UnknownGateway(f"no gateway {name} is set up here; there is: {known}") from None

    async def authorise(self, order_id: str, wish: api.AuthorisePayment) -> api.Payment:
        """Holds the amount, once per order; the payment may be pending or declined afterwards.

        Raises UnknownGateway, DifferentRequest, IllegalState.
        """
        gateway = self.gateway(wish.gateway or self._default)
        fingerprint = _fingerprint(wish)
        row = PaymentRow(
            order_id=order_id,
            fingerprint=fingerprint,
            state=State.PENDING,
            gateway=gateway.name,
            currency=wish.amount.currency,
            amount=wish.amount.amount,
            tax=wish.tax.amount if wish.tax else 0,
            shipping=wish.shipping.amount if wish.shipping else 0,
            method=wish.method,
            customer=wish.customer,
            description=wish.description,
        )
        async with self._store.transaction() as session:
            await self._insert(session, row)
            payment = await _locked(session, order_id)
            if payment.fingerprint is None:
                raise IllegalState("authorise", payment.state, "it was voided before")
            if payment.fingerprint != fingerprint:
                raise DifferentRequest(f"order {order_id} has a payment with another amount or method")
            call = None
            if payment.state in domain.MAY[Kind.AUTHORISE]:
                call = await self._take_up(session, payment, Kind.AUTHORISE, amount=payment.amount)
        if call is not None:
            await self._carry_out(call)
        return await self.get(order_id)

    async def capture(self, order_id: str) -> api.Payment:
        """Takes all that is held. Raises Unknown, IllegalState, Unavailable."""
        async with self._store.transaction() as session:
            payment = await _locked(session, order_id)
            if payment.state in domain.DONE[Kind.CAPTURE]:
                return await shown_one(session, payment)
            if payment.state not in domain.MAY[Kind.CAPTURE]:
                raise IllegalState("capture", payment.state)
            if await attempt_of(session, key_of(order_id, Kind.VOID)) is not None:
                raise IllegalState("capture", payment.state, "it is being voided")
            call = await self._take_up(session, payment, Kind.CAPTURE, amount=payment.amount)
        await self._carry_out(call)
        return await self._settled(order_id, Kind.CAPTURE)

    async def void(self, order_id: str) -> api.Payment:
        """Gives up the hold; of an order that is not known, so that it can never be authorised.

        Raises IllegalState, Unavailable.
        """
        tombstone = PaymentRow(
            order_id=order_id,
            state=State.VOIDED,
            gateway=self._default,
            currency=api.NO_CURRENCY,
            amount=0,
        )
        async with self._store.transaction() as session:
            if await self._insert(session, tombstone):
                payment = await _locked(session, order_id)
                await self._records.tell(session, payment, What.VOIDED)
                return await shown_one(session, payment)
            payment = await _locked(session, order_id)
            if payment.state in domain.DONE[Kind.VOID]:
                return await shown_one(session, payment)
            if payment.state not in domain.MAY[Kind.VOID]:
                raise IllegalState("void", payment.state)
            call = await self._take_up(session, payment, Kind.VOID, amount=payment.amount)
        await self._carry_out(call)
        return await self._settled(order_id, Kind.VOID)

    async def refund(self, order_id: str, refund_id: str, wish: api.RefundPayment) -> api.Payment:
        """Gives part or all of it back, once per refund id.

        Raises Unknown, IllegalState, DifferentRequest, NotRefundable, Unavailable.
        """
        key = key_of(order_id, Kind.REFUND, refund_id)
        async with self._store.transaction() as session:
            payment = await _locked(session, order_id)
            attempt = await attempt_of(session, key)
            if wish.amount.currency != payment.currency and payment.fingerprint is not None:
                raise NotRefundable(f"expected {payment.currency}, found {wish.amount.currency}")
            if attempt is None:
                await self._accept(session, payment, refund_id, wish)
            elif (attempt.amount, attempt.reason) != (wish.amount.amount, wish.reason):
                raise DifferentRequest(f"refund {refund_id} was asked for with another amount or reason")
            elif attempt.state == "done":
                return await shown_one(session, payment)
            elif attempt.state == "refused":
                raise NotRefundable(f"the gateway refused refund {refund_id}: {attempt.error}")
            call = await self._take_up(
                session, payment, Kind.REFUND, amount=wish.amount.amount, refund_id=refund_id
            )
        await self._carry_out(call)
        async with self._store.session() as session:
            made = await session.get_one(AttemptRow, key)
            if made.state == "refused":
                raise NotRefundable(f"the gateway refused refund {refund_id}: {made.error}")
            if made.state == "open" and not made.accepted:
                raise Unavailable("whether the gateway made the refund is not known yet")
            return await shown_one(session, await session.get_one(PaymentRow, order_id))

    async def get(self, order_id: str) -> api.Payment:
        """As it is known here. Raises Unknown."""
        async with self._store.session() as session:
            payment = await session.get(PaymentRow, order_id)
            if payment is None:
                raise Unknown(f"there is no payment for order {order_id}")
            return await shown_one(session, payment)

    async def look(self, order_id: str) -> api.Payment:
        """As the gateway knows it, where that is not known here. Raises Unknown."""
        payment = await self.get(order_id)
        if payment.state not in domain.MAY[Kind.AUTHORISE]:
            return payment
        try:
            charge = await self.gateway(payment.gateway).find(key_of(order_id, Kind.AUTHORISE), None)
        except (Unanswered, UnknownGateway) as error:
            log.info("gateway could not be asked", order_id=order_id, error=str(error))
            return payment
        if charge is None:
            return payment
        async with self._store.transaction() as session:
            await self._records.learn(session, await _locked(session, order_id), charge)
        return await self.get(order_id)

    async def told(self, gateway: str, told: Told) -> bool:
        """Takes in a webhook that is genuine; whether it was the first time."""
        order_id = None
        if told.charge is not None:
            order_id = domain.order_of(told.charge.key)
        async with self._store.transaction() as session:
            row = {"gateway": gateway, "event_id": told.id, "type": told.type, "received_at": self._clock()}
            claim = insert(session, _W.__table__).values(**row)
            claimed = claim.on_conflict_do_nothing().returning(_W.event_id)
            if (await session.execute(claimed)).first() is None:
                return False
            payment = await _locked_or_none(session, order_id) if order_id is not None else None
            if payment is None or payment.gateway != gateway or told.charge is None:
                log.info("webhook about nothing of ours", gateway=gateway, event_id=told.id, type=told.type)
                return True
            await self._records.learn(session, payment, told.charge)
            await session.execute(
                update(WebhookRow)
                .where(_W.gateway == gateway, _W.event_id == told.id)
                .values(order_id=order_id)
            )
        return True

    async def forget_webhooks(self) -> None:
        """Drops the ids of events that no gateway sends any more."""
        old = self._clock() - WEBHOOKS_KEPT
        async with self._store.transaction() as session:
            await session.execute(delete(WebhookRow).where(_W.received_at < old))

    async def resume_due(self) -> None:
        """Takes up again what has not been answered and is due."""
        query = (
            select(_A.key)
            .where(_A.state == "open", _A.next_at <= self._clock())
            .order_by(_A.next_at)
            .limit(BATCH)
        )
        async with self._store.session() as session:
            keys: list[str] = list((await session.execute(query)).scalars())
        room = asyncio.Semaphore(AT_ONCE)

        async def one(key: str) -> None:
            async with room:
                try:
                    await self.resume(key)
                except Exception:
                    log.exception("attempt could not be resumed", key=key)

        await asyncio.gather(*(one(key) for key in keys))

    async def resume(self, key: str) -> None:
        """Takes up one attempt again, if it is still open."""
        async with self._store.transaction() as session:
            attempt = await session.get(AttemptRow, key)
            if attempt is None:
                return
            payment = await _locked(session, attempt.order_id)
            await session.refresh(attempt)
            if attempt.state != "open":
                return
            if attempt.kind == Kind.AUTHORISE and payment.state not in domain.MAY[Kind.AUTHORISE]:
                abandon(attempt)
                return
            call = await self._again(session, payment, attempt)
        await self._carry_out(call)

    async def export(self, subject: str) -> dict[str, Any]:
        """What is held about a person."""
        async with self._store.session() as session:
            rows = (await session.execute(select(PaymentRow).where(_P.customer == subject))).scalars().all()
            payments = [await shown_one(session, row) for row in rows]
        return {"payments": [each.model_dump(mode="json") for each in payments]} if payments else {}

    async def erase(self, session: AsyncSession, subject: str) -> None:
        """Amounts stay, because accounts have to be kept; nothing names the person any more."""
        await session.execute(
            update(PaymentRow).where(_P.customer == subject).values(customer="", description="", method="")
        )

    async def _insert(self, session: AsyncSession, row: PaymentRow) -> bool:
        """Whether it was not there."""
        row.created_at = row.updated_at = self._clock()
        new = insert(session, _P.__table__).values(**row.model_dump())
        done = await session.execute(new.on_conflict_do_nothing().returning(_P.order_id))
        return done.first() is not None

    async def _accept(
        self, session: AsyncSession, payment: PaymentRow, refund_id: str, wish: api.RefundPayment
    ) -> None:
        """A refund that is not known yet: from now on it is owed. Raises IllegalState, NotRefundable."""
        if payment.state not in domain.MAY[Kind.REFUND]:
            raise IllegalState("refund", payment.state)
        amount = wish.amount.amount
        promised = select(func.coalesce(func.sum(_A.amount), 0)).where(
            _A.order_id == payment.order_id,
            _A.kind == Kind.REFUND,
            _A.state != "refused",
        )
        left = payment.captured - int((await session.execute(promised)).scalar_one())
        if amount > left:
            raise NotRefundable(
                f"{left} {payment.currency} of {payment.captured} can be refunded, not {amount}"
            )
        await self._records.write_down(session, payment, Kind.REFUND, amount, refund_id, wish.reason)
        await post(session, payment, [ledger.refund_accepted(refund_id, amount)], self._clock())

    async def _take_up(
        self,
        session: AsyncSession,
        payment: PaymentRow,
        kind: Kind,
        *,
        amount: int,
        refund_id: str | None = None,
    ) -> _Call:
        """The attempt of that kind, written down if it is not yet, as something to ask now."""
        attempt = await attempt_of(session, key_of(payment.order_id, kind, refund_id))
        if attempt is None:
            attempt = await self._records.write_down(session, payment, kind, amount, refund_id)
        return await self._again(session, payment, attempt)

    async def _again(self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow) -> _Call:
        """Counts a try before it is made."""
        now = self._clock()
        attempt.state = "open"
        attempt.tries += 1
        attempt.sent_at = attempt.updated_at = now
        attempt.next_at = now + timedelta(seconds=domain.pause(attempt.tries))
        await session.flush()
        return _Call(
            kind=Kind(attempt.kind),
            key=attempt.key,
            tries=attempt.tries,
            started_at=attempt.started_at,
            amount=attempt.amount,
            refund_id=attempt.refund_id or "",
            order=Order(
                payment.order_id, payment.amount, payment.currency, payment.method, payment.description
            ),
            charge_id=payment.charge_id,
            authorised_by=key_of(payment.order_id, Kind.AUTHORISE),
            gateway=payment.gateway,
        )

    async def _carry_out(self, call: _Call) -> None:
        """Asks the gateway and takes in what it says; what it does not say leaves the attempt open."""
        said = await self._ask(call)
        async with self._store.transaction() as session:
            payment = await _locked(session, call.order.id)
            attempt = await session.get_one(AttemptRow, call.key)
            if said.error is not None:
                if attempt.state == "open":
                    attempt.error, attempt.updated_at = said.error[:300], self._clock()
                return
            release = False
            if said.charge is not None:
                release = await self._records.learn(session, payment, said.charge)
            else:
                await self._records.not_there(session, payment, attempt, self.gateway(call.gateway))
            if said.refused is not None and attempt.state == "open":
                await self._records.refused(session, payment, attempt, said.refused)
            following = None
            if release and call.kind is not Kind.VOID:
                following = await self._take_up(session, payment, Kind.VOID, amount=payment.amount)
        if following is not None:
            await self._carry_out(following)

    async def _ask(self, call: _Call) -> _Said:
        try:
            gateway = self.gateway(call.gateway)
            if call.tries > 1 or call.kind is Kind.VOID:
                charge = await gateway.find(call.authorised_by, call.charge_id)
                if charge is not None and domain.answered(call.kind, call.key, charge):
                    return _Said(charge)
                if charge is None and call.kind is not Kind.AUTHORISE:
                    return _Said(None)
                if charge is not None:
                    call = replace(call, charge_id=charge.id)
                age = (self._clock() - call.started_at).total_seconds()
                if call.kind is not Kind.VOID and age > gateway.key_life:
                    return _Said(charge, refused="not done while the gateway remembered its key")
            try:
                return _Said(await self._send(gateway, call))
            except Refused as error:
                return _Said(await gateway.find(call.authorised_by, call.charge_id), refused=str(error))
        except (Unanswered, UnknownGateway) as error:
            log.warning("gateway has not answered", key=call.key, tries=call.tries, error=str(error))
            return _Said(None, error=str(error))

    async def _send(self, gateway: Gateway, call: _Call) -> Charge:
        charge_id = call.charge_id or ""
        match call.kind:
            case Kind.AUTHORISE:
                return await gateway.authorise(call.key, call.order)
            case Kind.CAPTURE:
                return await gateway.capture(call.key, charge_id)
            case Kind.VOID:
                return await gateway.void(call.key, charge_id)
            case Kind.REFUND:
                return await gateway.refund(call.key, charge_id, call.refund_id, call.amount)

    async def _settled(self, order_id: str, kind: Kind) -> api.Payment:
        """The payment after something was asked. Raises IllegalState, Unavailable."""
        payment = await self.get(order_id)
        if payment.state in domain.DONE[kind]:
            return payment
        async with self._store.session() as session:
            attempt = await session.get_one(AttemptRow, key_of(order_id, kind))
        if payment.state not in domain.MAY[kind] or attempt.state == "refused":
            raise IllegalState(kind, payment.state, attempt.error or "")
        raise Unavailable(f"whether the gateway did the {kind} is not known yet")


def _fingerprint(wish: BaseModel) -> str:
    return hashlib.sha256(wish.model_dump_json().encode()).hexdigest()


async def _locked_or_none(session: AsyncSession, order_id: str) -> PaymentRow | None:
    query = select(PaymentRow).where(_P.order_id == order_id).with_for_update()
    return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


async def _locked(session: AsyncSession, order_id: str) -> PaymentRow:
    row = await _locked_or_none(session, order_id)
    if row is None:
        raise Unknown(f"there is no payment for order {order_id}")
    return row
