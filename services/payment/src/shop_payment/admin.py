"""The routes for administrators: everything needs the scope `payment:admin`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, TypeAdapter
from shop_chassis.auth import require
from shop_chassis.paging import After, Limit, cursor, key_of
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import StoreDep, provided
from shop_contracts.money import Money
from shop_contracts.payment import api
from sqlalchemy import select, tuple_

from shop_payment.books import Books
from shop_payment.tables import AttemptRow, PaymentRow
from shop_payment.views import shown, shown_one

router = APIRouter(
    prefix="/admin",
    tags=["admin"],
    dependencies=[require("payment:admin"), no_card_numbers()],
    responses=documented(401, 403, 503),
)
_by_time: TypeAdapter[tuple[AwareDatetime, str]] = TypeAdapter(tuple[AwareDatetime, str])


@router.get("/payments")
async def list_payments(
    store: StoreDep,
    state: Annotated[api.State | None, Query()] = None,
    limit: Limit = 20,
    after: After = None,
) -> api.PaymentPage:
    """Payments of all orders, newest first."""
    created: Any = PaymentRow.created_at
    id: Any = PaymentRow.order_id
    query = select(PaymentRow).order_by(created.desc(), id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(PaymentRow.state == state)  # type: ignore[arg-type]
    if after is not None:
        query = query.where(tuple_(created, id) < key_of(after, _by_time))
    async with store.session() as session:
        rows = (await session.execute(query)).scalars().all()
        items = await shown(session, rows[:limit])
    following = None
    if len(rows) > limit:
        following = cursor(rows[limit - 1].created_at.isoformat(), rows[limit - 1].order_id)
    return api.PaymentPage(items=items, next=following)


@router.get("/payments/{order_id}", responses=documented(404))
async def read_payment(store: StoreDep, order_id: api.Id) -> api.PaymentDetails:
    """One payment, with what was asked of the gateway."""
    async with store.session() as session:
        row = await session.get(PaymentRow, order_id)
        if row is None:
            raise Problem(404, f"there is no payment for order {order_id}")
        tried = select(AttemptRow).where(AttemptRow.order_id == order_id)  # type: ignore[arg-type]
        attempts = (await session.execute(tried.order_by(AttemptRow.started_at))).scalars().all()  # type: ignore[arg-type]
        payment = await shown_one(session, row)
    return api.PaymentDetails(
        **dict(payment),
        customer=row.customer,
        description=row.description,
        charge=row.charge_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        attempts=[_attempt(attempt, row.currency) for attempt in attempts],
    )


@router.get("/ledger/balances")
async def balances(books: Annotated[Books, provided(Books)]) -> api.Balances:
    """Of every account; per currency they sum to zero."""
    return await books.balances()


@router.get("/ledger/entries")
async def entries(
    books: Annotated[Books, provided(Books)],
    account: Annotated[str | None, Query(max_length=40)] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 20,
    after: After = None,
) -> api.EntryPage:
    """What moved the accounts, oldest first."""
    return await books.entries(account=account, order_id=order_id, limit=limit, after=after)


def _attempt(row: AttemptRow, currency: str) -> api.Attempt:
    known = row.model_dump(include={"kind", "key", "state", "tries", "error", "started_at", "updated_at"})
    return api.Attempt.model_validate(known | {"amount": Money(amount=row.amount, currency=currency)})
