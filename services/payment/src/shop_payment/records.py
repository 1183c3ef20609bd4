"""What is recorded of a payment, each time within a transaction that has locked its row.

A fact is one change of state, its postings and its event.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from shop_chassis.events import Outbox
from shop_contracts.payment import events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_payment import domain, ledger
from shop_payment.books import post
from shop_payment.domain import Charge, Contradiction, Fact, Kind, State, What, key_of
from shop_payment.gateways import Gateway
from shop_payment.tables import AttemptRow, PaymentRow
from shop_payment.views import shown_one

log = structlog.get_logger(__name__)

_A: Any = AttemptRow


class Records:
    """Writes attempts, facts and what follows from them."""

    def __init__(self, outbox: Outbox, clock: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._clock = clock

    async def write_down(
        self,
        session: AsyncSession,
        payment: PaymentRow,
        kind: Kind,
        amount: int,
        refund_id: str | None,
        reason: str = "",
        key: str | None = None,
    ) -> AttemptRow:
        """An attempt, before it is made; `key` is for what was made at the gateway itself."""
        now = self._clock()
        attempt = AttemptRow(
            key=key or key_of(payment.order_id, kind, refund_id),
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

    async def learn(self, session: AsyncSession, payment: PaymentRow, charge: Charge) -> bool:
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
        payment.charge_id = charge.id or payment.charge_id
        for fact in learnt.facts:
            await self._happened(session, payment, fact)
        await self._close(session, payment, charge)
        if learnt.release:
            await self._give_up(session, payment)
        return learnt.release

    async def not_there(
        self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow, gateway: Gateway
    ) -> None:
        """The gateway knows no charge of this payment."""
        now = self._clock()
        first = await session.get_one(AttemptRow, key_of(payment.order_id, Kind.AUTHORISE))
        settled = (now - first.sent_at).total_seconds() > gateway.settles
        match Kind(attempt.kind):
            case Kind.VOID:
                # Nothing will be captured any more: it is voided. What may still be on its way is looked for
                # until it must have arrived.
                if payment.state in domain.MAY[Kind.VOID]:
                    await self._happened(session, payment, Fact(What.VOIDED))
                abandon(first)
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

    async def refused(
        self, session: AsyncSession, payment: PaymentRow, attempt: AttemptRow, why: str
    ) -> None:
        """An attempt that will not be made; a refund is not owed any more."""
        attempt.state, attempt.error, attempt.updated_at = "refused", why[:300], self._clock()
        if attempt.kind == Kind.REFUND:
            owed = ledger.refund_refused(str(attempt.refund_id), attempt.amount)
            await post(session, payment, [owed], self._clock())

    async def tell(
        self, session: AsyncSession, payment: PaymentRow, what: What, refund_id: str | None = None
    ) -> None:
        """An event with the payment as it is now."""
        payment.updated_at = self._clock()
        await session.flush()
        told = events.PaymentChanged(payment=await shown_one(session, payment), refund_id=refund_id)
        await self._outbox.add(session, f"payment.{what}", subject=payment.order_id, data=told)

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
        await self.tell(session, payment, fact.what, refund_id or None)

    async def _refunded(self, session: AsyncSession, payment: PaymentRow, fact: Fact) -> str:
        """The id of a refund that is done; one that was made at the gateway itself gets its key as id."""
        attempt = await attempt_of(session, fact.key)
        if attempt is None:
            attempt = await self.write_down(
                session, payment, Kind.REFUND, fact.amount, fact.key[-64:], "made at the gateway", fact.key
            )
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
                await self.refused(session, payment, attempt, f"the hold is {charge.status}")
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
                    await self.refused(session, payment, attempt, refund.reason)

    async def _give_up(self, session: AsyncSession, payment: PaymentRow) -> None:
        """The gateway holds money for a payment that is over: it is voided there, now or soon."""
        log.warning("gateway holds what was given up", order_id=payment.order_id, state=payment.state)
        attempt = await attempt_of(session, key_of(payment.order_id, Kind.VOID))
        if attempt is None:
            attempt = await self.write_down(session, payment, Kind.VOID, payment.amount, None)
        attempt.state, attempt.next_at = "open", self._clock()
        await session.flush()


async def attempt_of(session: AsyncSession, key: str) -> AttemptRow | None:
    """By its key."""
    return await session.get(AttemptRow, key)


def abandon(attempt: AttemptRow) -> None:
    """An authorisation that is not asked for again; when it was, last, still counts."""
    attempt.state, attempt.error = "refused", "the payment was given up"
