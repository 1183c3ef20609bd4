"""Stock takes: what was counted is what is there; the difference becomes a movement with the reason."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.warehouse import api
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_warehouse.paged import newest_first
from shop_warehouse.refusals import Unknown
from shop_warehouse.shelves import shelves
from shop_warehouse.tables import StockTake, Warehouse


class StockTakes:
    """What was counted."""

    def __init__(self, store: Store, outbox: Outbox, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def record(self, session: AsyncSession, new: api.NewStockTake) -> api.StockTake:
        """In the caller's transaction. What is reserved stays so, even if less is there. Raises Unknown."""
        if await session.get(Warehouse, new.warehouse) is None:
            raise Unknown(f"there is no warehouse {new.warehouse}")
        id, now = new_id(), self._clock()
        counts = []
        products = [count.product_id for count in new.counts]
        async with shelves(session, self._outbox, products, now) as locked:
            for count in new.counts:
                row = locked.stock(count.product_id, new.warehouse)
                expected = row.on_hand
                difference = count.counted - expected
                locked.move(
                    count.product_id, new.warehouse, difference, "stock_take", str(id), reason=new.reason
                )
                counts.append(
                    api.Counted(
                        product_id=count.product_id,
                        counted=count.counted,
                        expected=expected,
                        difference=difference,
                        reserved=row.reserved,
                        short=row.short,
                    )
                )
        made = StockTake(
            id=id,
            warehouse=new.warehouse,
            reason=new.reason,
            counts=[each.model_dump(mode="json") for each in counts],
            at=now,
        )
        session.add(made)
        return _take(made)

    async def get(self, id: UUID) -> api.StockTake:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(StockTake, id)
        if row is None:
            raise Unknown(f"there is no stock take {id}")
        return _take(row)

    async def page(self, *, warehouse: str | None, limit: int, after: str | None) -> api.StockTakePage:
        """Newest first."""
        query = select(StockTake)
        if warehouse is not None:
            query = query.where(col(StockTake.warehouse) == warehouse)
        rows, following = await newest_first(self._store, query, col(StockTake.id), limit, after)
        return api.StockTakePage(items=[_take(row) for row in rows], next=following)


def _take(row: StockTake) -> api.StockTake:
    return api.StockTake.model_validate(row, from_attributes=True)
