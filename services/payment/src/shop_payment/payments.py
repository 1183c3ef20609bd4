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
from shop_contracts.money import Money
from shop_contracts.payment import api, events
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shop_payment import domain, ledger
from shop_payment.books import post
from shop_payment.domain import Charge, Contradiction, Fact, Kind, State, What, key_of
from shop_payment.gateways import Gateway, Order, Refused, Told, Unanswered
from shop_payment.tables import AttemptRow, PaymentRow, WebhookRow

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
        self._outbox = outbox
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
                return await _shown(session, payment)
            if payment.state not in domain.MAY[Kind.CAPTURE]:
                raise IllegalState("capture", payment.state)
            if await _attempt(session, key_of(order_id, Kind.VOID)) is not None:
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
                await self._tell(session, payment, What.VOIDED)
                return await _shown(session, payment)
            payment = await _locked(session, order_id)
            if payment.state in domain.DONE[Kind.VOID]:
                return await _shown(session, payment)
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
            attempt = await _attempt(session, key)
            if wish.amount.currency != payment.currency and payment.fingerprint is not None:
                raise NotRefundable(f"expected {payment.currency}, found {wish.amount.currency}")
            if attempt is None:
                await self._accept(session, payment, refund_id, wish)
            elif (attempt.amount, attempt.reason) != (wish.amount.amount, wish.reason):
                raise DifferentRequest(f"refund {refund_id} was asked for with another amount or reason")
            elif attempt.state == "done":
                return await _shown(session, payment)
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
            return await _shown(session, await session.get_one(PaymentRow, order_id))

    async def get(self, order_id: str) -> api.Payment:
        """As it is known here. Raises Unknown."""
        async with self._store.session() as session:
            payment = await session.get(PaymentRow, order_id)
            if payment is None:
                raise Unknown(f"there is no payment for order {order_id}")
            return await _shown(session, payment)

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
            await self._learn(session, await _locked(session, order_id), charge)
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
            await self._learn(session, payment, told.charge)
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
                _abandon(attempt)
                return
            call = await self._again(session, payment, attempt)
        await self._carry_out(call)

    async def export(self, subject: str) -> dict[str, Any]:
        """What is held about a person."""
        async with self._store.session() as session:
            rows = (await session.execute(select(PaymentRow).where(_P.customer == subject))).scalars().all()
            payments = [await _shown(session, row) for row in rows]
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
        await self._write_down(session, payment, Kind.REFUND, amount, refund_id, wish.reason)
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
        attempt = await _attempt(session, key_of(payment.order_id, kind, refund_id))
        if attempt is None:
            attempt = await self._write_down(session, payment, kind, amount, refund_id)
        return await self._again(session, payment, attempt)

    async def _write_down(
        self,
        session: AsyncSession,
        payment: PaymentRow,
        kind: Kind,
        amount: int,
        refund_id: str | None,
        reason: str = "",
    ) -> AttemptRow:
        now = self._clock()
        attempt = AttemptRow(
            key=key_of(payment.order_id, kind, refund_id),
            order_id=payment.order_id,
            kind=kind,
            refund_id=refund_id,
            amount=amount,
            reason=reason,
            started_at=now,
            sent_at=now,
            updated_at=now,
            next_at=now,
        )
        session.add(attempt)
        await session.flush()
        return attempt

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
                attempt.error, attempt.updated_at = said.error[:300], self._clock()
                return
            release = False
            if said.charge is not None:
                release = await self._learn(session, payment, said.charge)
            else:
                await self._not_there(session, payment, attempt)
            if said.refused is not None and attempt.state == "open":
                await self._refused(session, payment, attempt, said.refused)
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

    async def _learn(self, session: AsyncSession, payment: PaymentRow, charge: Charge) -> bool:
        """Takes in all that a charge says; whether the gateway holds money that is to be given up."""
        done = await session.execute(
            select(_A.key).where(
                _A.order_id == payment.order_id,
                _A.kind == Kind.REFUND,
                _A.state == "done",
            )
        )
        known = domain.Known(
            State(payment.state), payment.amount, payment.currency, payment.captured, set(done.scalars())
        )
        try:
            learnt = domain.learn(known, charge)
        except Contradiction as error:
            log.error("gateway contradicts what is known", order_id=payment.order_id, error=str(error))
            return False
        payment.charge_id = charge.id
        for fact in learnt.facts:
            await self._happened(session, payment, fact)
        await self._close(session, payment, charge)
        if learnt.release:
            await self._give_up(session, payment)
        return learnt.release

    async def _happened(self, session: AsyncSession, payment: PaymentRow, fact: Fact) -> None:
        """One fact that is news: state, ledger and event."""
        refund_id = ""
        match fact.what:
            case What.CAPTURED:
                payment.captured = fact.amount
            case What.REFUNDED:
                refund_id = await self._refunded(session, payment, fact)
                payment.refunded += fact.amount
        payment.state = domain.after(
            State(payment.state), fact, captured=payment.captured, refunded=payment.refunded
        )
        payment.reason = fact.reason
        payment.action_url = fact.action_url
        split = ledger.Split(payment.tax, payment.shipping)
        await post(session, payment, ledger.of_fact(fact, payment.gateway, split, refund_id), self._clock())
        await self._tell(session, payment, fact.what, refund_id or None)

    async def _refunded(self, session: AsyncSession, payment: PaymentRow, fact: Fact) -> str:
        """The id of a refund that is done; one that was made at the gateway itself gets its key as id."""
        attempt = await _attempt(session, fact.key)
        if attempt is None:
            attempt = await self._write_down(
                session, payment, Kind.REFUND, fact.amount, fact.key[-64:], "made at the gateway"
            )
            attempt.key = fact.key
        if attempt.tries == 0 or attempt.state == "refused":
            accepted = ledger.refund_accepted(str(attempt.refund_id), fact.amount, attempt.state == "refused")
            await post(session, payment, [accepted], self._clock())
        attempt.state, attempt.error, attempt.accepted = "done", None, True
        await session.flush()
        return str(attempt.refund_id)

    async def _close(self, session: AsyncSession, payment: PaymentRow, charge: Charge) -> None:
        """Closes the attempts that the charge answers."""
        opened = select(AttemptRow).where(
            _A.order_id == payment.order_id,
            _A.state == "open",
        )
        for attempt in (await session.execute(opened)).scalars():
            if attempt.kind == Kind.REFUND:
                await self._close_refund(session, payment, attempt, charge)
            elif charge.status in domain.ANSWERS[Kind(attempt.kind)]:
                attempt.state, attempt.error = "done", None
            elif attempt.kind == Kind.CAPTURE and charge.status in domain.OVER:
                await self._refused(session, payment, attempt, f"the hold is {charge.status}")
            attempt.updated_at = self._clock()
        await session.flush()

    async def _close_refund(
        self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow, charge: Charge
    ) -> None:
        """Done ones are facts, and closed as such."""
        for refund in charge.refunds:
            if refund.key == attempt.key:
                attempt.accepted = True
                if refund.status == "refused":
                    await self._refused(session, payment, attempt, refund.reason)

    async def _not_there(self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow) -> None:
        """The gateway knows no charge of this payment."""
        now, gateway = self._clock(), self.gateway(payment.gateway)
        first = await session.get_one(AttemptRow, key_of(payment.order_id, Kind.AUTHORISE))
        settled = (now - first.sent_at).total_seconds() > gateway.settles
        match Kind(attempt.kind):
            case Kind.VOID:
                # Nothing will be captured any more: it is voided. What may still be on its way is looked for
                # until it must have arrived.
                if payment.state in domain.MAY[Kind.VOID]:
                    await self._happened(session, payment, Fact(What.VOIDED))
                _abandon(first)
                if settled:
                    attempt.state = "done"
                else:
                    attempt.next_at = first.sent_at + timedelta(seconds=gateway.settles + 1)
            case Kind.AUTHORISE if (now - attempt.started_at).total_seconds() > gateway.key_life:
                if payment.state in domain.MAY[Kind.AUTHORISE]:
                    await self._happened(session, payment, Fact(What.DECLINED, reason="no_answer"))
                attempt.state, attempt.error = "refused", "the gateway never had it"
            case kind:
                attempt.error = f"the gateway has no charge to {kind}"
        attempt.updated_at = now

    async def _refused(
        self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow, why: str
    ) -> None:
        attempt.state, attempt.error, attempt.updated_at = "refused", why[:300], self._clock()
        if attempt.kind == Kind.REFUND:
            owed = ledger.refund_refused(str(attempt.refund_id), attempt.amount)
            await post(session, payment, [owed], self._clock())

    async def _give_up(self, session: AsyncSession, payment: PaymentRow) -> None:
        """The gateway holds money for a payment that is over: it is voided there, now or soon."""
        log.warning("gateway holds what was given up", order_id=payment.order_id, state=payment.state)
        attempt = await _attempt(session, key_of(payment.order_id, Kind.VOID))
        if attempt is None:
            attempt = await self._write_down(session, payment, Kind.VOID, payment.amount, None)
        attempt.state, attempt.next_at = "open", self._clock()
        await session.flush()

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

    async def _tell(
        self, session: AsyncSession, payment: PaymentRow, what: What, refund_id: str | None = None
    ) -> None:
        payment.updated_at = self._clock()
        await session.flush()
        told = events.PaymentChanged(payment=await _shown(session, payment), refund_id=refund_id)
        await self._outbox.add(session, f"payment.{what}", subject=payment.order_id, data=told)


def _abandon(attempt: AttemptRow) -> None:
    """An authorisation that is not asked for again; when it was, last, still counts."""
    attempt.state, attempt.error = "refused", "the payment was given up"


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


async def _attempt(session: AsyncSession, key: str) -> AttemptRow | None:
    return await session.get(AttemptRow, key)


async def _shown(session: AsyncSession, payment: PaymentRow) -> api.Payment:
    return (await shown(session, [payment]))[0]


async def shown(session: AsyncSession, payments: list[PaymentRow]) -> list[api.Payment]:
    """As callers see them, with one query for the refunds of all."""
    query = select(AttemptRow).where(
        _A.order_id.in_([payment.order_id for payment in payments]),
        _A.kind == Kind.REFUND,
    )
    made: dict[str, list[AttemptRow]] = {}
    for row in (await session.execute(query.order_by(_A.started_at))).scalars():
        made.setdefault(row.order_id, []).append(row)
    return [_payment(row, made.get(row.order_id, [])) for row in payments]


def _payment(row: PaymentRow, refunds: list[AttemptRow]) -> api.Payment:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=row.currency)

    return api.Payment.model_validate(
        {
            "order_id": row.order_id,
            "state": row.state,
            "amount": money(row.amount),
            "captured": money(row.captured),
            "refunded": money(row.refunded),
            "reason": row.reason,
            "action_url": row.action_url,
            "gateway": row.gateway,
            "refunds": [
                api.Refund.model_validate(
                    {
                        "id": refund.refund_id,
                        "amount": money(refund.amount),
                        "reason": refund.reason,
                        "state": "pending" if refund.state == "open" else refund.state,
                    }
                )
                for refund in refunds
            ],
        }
    )
