"""Warehouses and what is in them: set up, listed, audited."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.warehouse import api
from sqlalchemy import func, or_, select, tuple_
from sqlmodel import col

from shop_warehouse.paged import newest_first
from shop_warehouse.refusals import Unknown
from shop_warehouse.rules import HOLDING
from shop_warehouse.shelves import shelves
from shop_warehouse.tables import Allocation, Movement, Reservation, Stock, Warehouse, metadata

AUDIT_MAX = 100

_by_place: TypeAdapter[tuple[UUID, str]] = TypeAdapter(tuple[UUID, api.WarehouseCode])


class Inventory:
    """What is where."""

    def __init__(self, store: Store, outbox: Outbox, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    async def availability(self, ids: Sequence[UUID]) -> api.AvailabilityList:
        """Of each product over all warehouses, in the order asked for."""
        asked = list(dict.fromkeys(ids))
        query = select(Stock).where(col(Stock.product_id).in_(asked))
        count = dict.fromkeys(asked, 0)
        async with self._store.session() as session:
            for row in (await session.execute(query)).scalars():
                count[row.product_id] += row.available
        return api.AvailabilityList(
            items=[api.Availability(product_id=product, available=n) for product, n in count.items()]
        )

    async def warehouses(self) -> api.WarehouseList:
        """All of them."""
        async with self._store.session() as session:
            rows = (await session.execute(select(Warehouse).order_by(col(Warehouse.code)))).scalars().all()
        return api.WarehouseList(items=[_warehouse(row) for row in rows])

    async def put_warehouse(
        self, code: str, new: api.NewWarehouse, matches: Callable[[int], None]
    ) -> tuple[api.Warehouse, bool]:
        """The warehouse, and whether it is new. `matches(version)` raises for a change based on another."""
        table = metadata.tables["warehouse"]
        async with self._store.transaction() as session:
            values = new.model_dump() | {"code": code, "version": 1}
            made = insert(session, table).values(values).on_conflict_do_nothing().returning(table.c.code)
            created = (await session.execute(made)).scalar_one_or_none() is not None
            query = select(Warehouse).where(col(Warehouse.code) == code).with_for_update()
            row = (await session.execute(query)).scalar_one()
            if any(getattr(row, name) != value for name, value in new.model_dump().items()):
                matches(row.version)
                row.sqlmodel_update(new.model_dump() | {"version": row.version + 1})
        return _warehouse(row), created

    async def put_stock(
        self, warehouse: str, product: UUID, initial: api.InitialStock
    ) -> tuple[api.Stock, bool]:
        """What is there at first; a stock that is known stays as it is. Raises Unknown."""
        async with self._store.transaction() as session:
            if await session.get(Warehouse, warehouse) is None:
                raise Unknown(f"there is no warehouse {warehouse}")
            new = insert(session, metadata.tables["product"]).values(id=product)
            await session.execute(new.on_conflict_do_nothing())
            async with shelves(session, self._outbox, [product], self._clock()) as locked:
                there = locked.find(product, warehouse)
                if there is not None:
                    return stock_of(there), False
                row = Stock(product_id=product, warehouse=warehouse)
                await locked.put(row)
                locked.reorder(product, warehouse, initial)
                locked.move(product, warehouse, initial.on_hand, "initial", "initial")
        return stock_of(row), True

    async def reorder(self, warehouse: str, product: UUID, reordering: api.Reordering) -> api.Stock:
        """Sets when and how much is ordered from now on. Raises Unknown."""
        async with (
            self._store.transaction() as session,
            shelves(session, self._outbox, [product], self._clock()) as locked,
        ):
            return stock_of(locked.reorder(product, warehouse, reordering))

    async def stock(self, warehouse: str, product: UUID) -> api.Stock:
        """Raises Unknown."""
        async with self._store.session() as session:
            row = await session.get(Stock, (product, warehouse))
        if row is None:
            raise Unknown(f"there is no stock of {product} in {warehouse}")
        return stock_of(row)

    async def page(
        self,
        *,
        warehouse: str | None,
        product: UUID | None,
        low: bool,
        short: bool,
        limit: int,
        after: str | None,
    ) -> api.StockPage:
        """By product and warehouse. `low`: below the reorder point; `short`: less there than reserved."""
        place = (col(Stock.product_id), col(Stock.warehouse))
        left = col(Stock.on_hand) - col(Stock.reserved)
        query = select(Stock).order_by(*place)
        if warehouse is not None:
            query = query.where(col(Stock.warehouse) == warehouse)
        if product is not None:
            query = query.where(col(Stock.product_id) == product)
        if low:
            query = query.where(left < col(Stock.reorder_point))
        if short:
            query = query.where(left < 0)
        if after is not None:
            query = query.where(tuple_(*place) > key_of(after, _by_place))
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        last = rows[limit - 1] if len(rows) > limit else None
        return api.StockPage(
            items=[stock_of(row) for row in rows[:limit]],
            next=cursor(last.product_id, last.warehouse) if last else None,
        )

    async def movements(
        self,
        *,
        warehouse: str | None,
        product: UUID | None,
        reference: str | None,
        limit: int,
        after: str | None,
    ) -> api.MovementPage:
        """Newest first."""
        given: list[tuple[Any, Any]] = [
            (Movement.warehouse, warehouse),
            (Movement.product_id, product),
            (Movement.reference, reference),
        ]
        query = select(Movement).where(*(column == value for column, value in given if value is not None))
        rows, following = await newest_first(self._store, query, col(Movement.id), limit, after)
        return api.MovementPage(
            items=[api.Movement.model_validate(row, from_attributes=True) for row in rows], next=following
        )

    async def audit(self) -> api.Audit:
        """Where the sum of the movements is not what is on hand, or reservations do not add up."""
        moved = (
            select(
                col(Movement.product_id), col(Movement.warehouse), func.sum(col(Movement.quantity)).label("n")
            )
            .group_by(col(Movement.product_id), col(Movement.warehouse))
            .subquery()
        )
        allocated = (
            select(
                col(Allocation.product_id),
                col(Allocation.warehouse),
                func.sum(col(Allocation.quantity)).label("n"),
            )
            .join(Reservation, col(Reservation.order_id) == col(Allocation.order_id))
            .where(col(Reservation.state).in_(HOLDING))
            .group_by(col(Allocation.product_id), col(Allocation.warehouse))
            .subquery()
        )
        here = (col(Stock.product_id), col(Stock.warehouse))
        by_movements, by_orders = func.coalesce(moved.c.n, 0), func.coalesce(allocated.c.n, 0)
        query = (
            select(*here, col(Stock.on_hand), by_movements, col(Stock.reserved), by_orders)
            .outerjoin(moved, (moved.c.product_id == here[0]) & (moved.c.warehouse == here[1]))
            .outerjoin(allocated, (allocated.c.product_id == here[0]) & (allocated.c.warehouse == here[1]))
            .where(or_(col(Stock.on_hand) != by_movements, col(Stock.reserved) != by_orders))
            .order_by(*here)
            .limit(AUDIT_MAX)
        )
        async with self._store.session() as session:
            rows = (await session.execute(query)).all()
        return api.Audit(
            discrepancies=[
                api.Discrepancy(
                    product_id=product,
                    warehouse=warehouse,
                    on_hand=on_hand,
                    moved=moved_,
                    reserved=reserved,
                    allocated=allocated_,
                )
                for product, warehouse, on_hand, moved_, reserved, allocated_ in rows
            ]
        )


def stock_of(row: Stock) -> api.Stock:
    """The row as callers see it."""
    return api.Stock.model_validate(row, from_attributes=True)


def _warehouse(row: Warehouse) -> api.Warehouse:
    return api.Warehouse.model_validate(row, from_attributes=True)
