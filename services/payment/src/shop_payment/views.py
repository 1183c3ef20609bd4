"""Payments as callers see them."""

from collections.abc import Sequence
from typing import Any

from shop_contracts.money import Money
from shop_contracts.payment import api
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_payment.domain import Kind
from shop_payment.tables import AttemptRow, PaymentRow

_A: Any = AttemptRow


async def shown_one(session: AsyncSession, payment: PaymentRow) -> api.Payment:
    """One of them."""
    return (await shown(session, [payment]))[0]


async def shown(session: AsyncSession, payments: Sequence[PaymentRow]) -> list[api.Payment]:
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
