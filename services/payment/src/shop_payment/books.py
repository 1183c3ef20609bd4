"""The ledger's rows: added, read, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_contracts.money import Money
from shop_contracts.payment import api
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_payment.ledger import Posting
from shop_payment.tables import EntryRow, PaymentRow, PostingRow

_by_id: TypeAdapter[tuple[int]] = TypeAdapter(tuple[int])


async def post(session: AsyncSession, payment: PaymentRow, postings: Sequence[Posting], at: datetime) -> None:
    """Records them, in the session's transaction; the same one twice is an IntegrityError."""
    for posting in postings:
        row = PostingRow(order_id=payment.order_id, kind=posting.kind, key=posting.key, at=at)
        session.add(row)
        await session.flush()
        for account, amount in posting.entries:
            session.add(
                EntryRow(posting_id=row.id, account=account, currency=payment.currency, amount=amount)
            )
    await session.flush()


class Books:
    """What auditors read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def balances(self) -> api.Balances:
        """Of every account and currency."""
        account: Any = EntryRow.account
        currency: Any = EntryRow.currency
        query = (
            select(account, currency, func.sum(EntryRow.amount), func.count())
            .group_by(account, currency)
            .order_by(currency, account)
        )
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        return api.Balances(
            items=[
                api.Balance(account=account, currency=currency, amount=int(amount), entries=count)
                for account, currency, amount, count in rows
            ]
        )

    async def entries(
        self, *, account: str | None, order_id: str | None, limit: int, after: str | None
    ) -> api.EntryPage:
        """Oldest first. Raises Problem for a foreign cursor."""
        id: Any = EntryRow.id
        posting: Any = EntryRow.posting_id
        query = select(EntryRow, PostingRow).join(PostingRow, posting == PostingRow.id)
        if account is not None:
            query = query.where(EntryRow.account == account)  # type: ignore[arg-type]
        if order_id is not None:
            query = query.where(PostingRow.order_id == order_id)  # type: ignore[arg-type]
        if after is not None:
            query = query.where(id > key_of(after, _by_id)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.order_by(id).limit(limit + 1))).all()
        items = [_entry(entry, of) for entry, of in rows[:limit]]
        return api.EntryPage(items=items, next=cursor(items[-1].id) if len(rows) > limit else None)


def _entry(entry: EntryRow, posting: PostingRow) -> api.Entry:
    return api.Entry(
        id=entry.id or 0,
        posting=str(posting.id),
        order_id=posting.order_id,
        kind=posting.kind,
        key=posting.key,
        account=entry.account,
        amount=Money(amount=entry.amount, currency=entry.currency),
        at=posting.at,
    )
