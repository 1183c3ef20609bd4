"""Orders to suppliers: made when too little is left (see `shelves`) or by hand, closed when goods come."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.warehouse import api, events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_warehouse.paged import newest_first
from shop_warehouse.refusals import Refused, Unknown
from shop_warehouse.shelves import shelves
from shop_warehouse.tables import Replenishment


class Replenishments:
    """What was ordered from suppliers."""

    def __init__(self, store: Store, outbox: Outbox, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def order(self, session: AsyncSession, new: api.NewReplenishment) -> api.Replenishment:
        """Orders by hand, in the caller's transaction. Raises Unknown, Refused."""
        async with shelves(session, self._outbox, [new.product_id], self._clock()) as locked:
            locked.stock(new.product_id, new.warehouse)
            query = select(Replenishment).where(
                col(Replenishment.product_id) == new.product_id,
                col(Replenishment.warehouse) == new.warehouse,
                col(Replenishment.state) == "open",
            )
            there = (await session.execute(query)).scalar_one_or_none()
            if there is not None:
                raise Refused(
                    api.ALREADY_OPEN,
                    f"replenishment {there.id} is open for it: receive or cancel that first",
                    replenishment_id=str(there.id),
                )
            return _replenishment(locked.replenish(new.product_id, new.warehouse, new.quantity))

    async def receive(self, id: UUID, quantity: int | None) -> api.Replenishment:
        """So much has come (None: what was ordered); the same again does nothing. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            product = (await self._get(session, id)).product_id
            now = self._clock()
            async with shelves(session, self._outbox, [product], now) as locked:
                row = await self._get(session, id, fresh=True)
                came = row.quantity if quantity is None else quantity
                if row.state == "received" and row.received == came:
                    return _replenishment(row)
                _check_open(row)
                row.state, row.received, row.closed_at = "received", came, now
                locked.move(product, row.warehouse, came, "receipt", str(id))
                told = events.StockReplenished(
                    product_id=product,
                    warehouse=row.warehouse,
                    replenishment_id=id,
                    quantity=came,
                    available=locked.available(product),
                )
                locked.tell(events.STOCK_REPLENISHED, product, told)
        return _replenishment(row)

    async def cancel(self, id: UUID) -> api.Replenishment:
        """Nothing will come; the next change that leaves too little orders again. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            product = (await self._get(session, id)).product_id
            async with shelves(session, self._outbox, [product], self._clock()):
                row = await self._get(session, id, fresh=True)
                if row.state != "cancelled":
                    _check_open(row)
                    row.state, row.closed_at = "cancelled", self._clock()
        return _replenishment(row)

    async def get(self, id: UUID) -> api.Replenishment:
        """Raises Unknown."""
        async with self._store.session() as session:
            return _replenishment(await self._get(session, id))

    async def page(
        self,
        *,
        state: api.ReplenishmentState | None,
        warehouse: str | None,
        product: UUID | None,
        limit: int,
        after: str | None,
    ) -> api.ReplenishmentPage:
        """Newest first."""
        given: list[tuple[Any, Any]] = [
            (Replenishment.state, state),
            (Replenishment.warehouse, warehouse),
            (Replenishment.product_id, product),
        ]
        query = select(Replenishment).where(
            *(column == value for column, value in given if value is not None)
        )
        rows, following = await newest_first(self._store, query, col(Replenishment.id), limit, after)
        return api.ReplenishmentPage(items=[_replenishment(row) for row in rows], next=following)

    async def _get(self, session: AsyncSession, id: UUID, *, fresh: bool = False) -> Replenishment:
        """`fresh`: as it is now that the product is locked; nobody else can close it any more."""
        row = await session.get(Replenishment, id, populate_existing=fresh)
        if row is None:
            raise Unknown(f"there is no replenishment {id}")
        return row


def _check_open(row: Replenishment) -> None:
    if row.state != "open":
        received = f" with {row.received} pieces" if row.state == "received" else ""
        raise Refused(
            api.ILLEGAL_STATE,
            f"expected an open replenishment, found one {row.state}{received}",
            state=row.state,
        )


def _replenishment(row: Replenishment) -> api.Replenishment:
    return api.Replenishment.model_validate(row, from_attributes=True)
