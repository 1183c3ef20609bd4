"""The stock of some products, in every warehouse, while one transaction changes it.

Nobody else can change it meanwhile, here or in another replica: the products' rows are locked, sorted by id.
What follows of the changes is written when the block ends: movements, orders to suppliers, events.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from shop_chassis.events import Outbox
from shop_chassis.tables import new_id
from shop_contracts.warehouse import api, events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_warehouse.choice import Site, choose, nearest
from shop_warehouse.refusals import Unknown, too_little
from shop_warehouse.rules import to_order
from shop_warehouse.tables import Movement, Product, Replenishment, Stock, Warehouse

_Place = tuple[UUID, str]


class Shelves:
    """Made by `shelves`."""

    def __init__(self, session: AsyncSession, outbox: Outbox, rows: Iterable[Stock], now: datetime) -> None:
        self._session = session
        self._outbox = outbox
        self._now = now
        self._rows: dict[_Place, Stock] = {(row.product_id, row.warehouse): row for row in rows}
        self._before = self._available()
        self._touched: set[_Place] = set()
        self._told: list[tuple[str, str, BaseModel]] = []

    def stock(self, product: UUID, warehouse: str) -> Stock:
        """Raises Unknown."""
        row = self.find(product, warehouse)
        if row is None:
            raise Unknown(
                f"there is no stock of {product} in {warehouse}: "
                f"PUT /admin/stock/{warehouse}/{product} says what is there at first"
            )
        return row

    def find(self, product: UUID, warehouse: str) -> Stock | None:
        """None where the warehouse has never had it."""
        return self._rows.get((product, warehouse))

    def available(self, product: UUID) -> int:
        """Over all warehouses."""
        return self._available().get(product, 0)

    async def take(self, wanted: Mapping[UUID, int], country: str) -> list[api.Allocation]:
        """Reserves, from the warehouses that suit best. Raises Refused (out of stock)."""
        sites = [
            Site(row.code, row.country, row.priority)
            for row in (await self._session.execute(select(Warehouse))).scalars()
        ]
        free: dict[UUID, dict[str, int]] = {product: {} for product in wanted}
        for (product, warehouse), row in self._rows.items():
            free[product][warehouse] = row.available
        chosen = choose(wanted, free, nearest(sites, country))
        for each in chosen:
            self._touch(each.product_id, each.warehouse).reserved += each.quantity
        return chosen

    def give_back(self, allocations: Iterable[api.Allocation]) -> None:
        """Reserves it no more."""
        for each in allocations:
            self._touch(each.product_id, each.warehouse).reserved -= each.quantity

    def ship(self, allocations: Iterable[api.Allocation], order: UUID) -> None:
        """What was reserved leaves. Raises Refused where a stock take has found less than that."""
        leaving = list(allocations)
        missing = []
        for each in leaving:
            there = self.stock(each.product_id, each.warehouse).on_hand
            if each.quantity > there:
                missing.append(
                    api.Shortage(product_id=each.product_id, wanted=each.quantity, available=there)
                )
        if missing:
            raise too_little(api.STOCK_MISSING, missing)
        self.give_back(leaving)
        for each in leaving:
            self.move(each.product_id, each.warehouse, -each.quantity, "shipment", str(order))

    def move(
        self,
        product: UUID,
        warehouse: str,
        quantity: int,
        kind: api.MovementKind,
        reference: str,
        reason: str = "",
    ) -> None:
        """Goods come, or leave. Nothing, where it is none."""
        self._touch(product, warehouse).on_hand += quantity
        if quantity:
            self._session.add(
                Movement(
                    product_id=product,
                    warehouse=warehouse,
                    quantity=quantity,
                    kind=kind,
                    reference=reference,
                    reason=reason,
                    at=self._now,
                )
            )

    async def put(self, row: Stock) -> None:
        """A product that is new in a warehouse; written at once, because movements refer to it."""
        self._session.add(row)
        await self._session.flush()
        self._rows[row.product_id, row.warehouse] = row

    def reorder(self, product: UUID, warehouse: str, reordering: api.Reordering) -> Stock:
        """Sets when and how much is ordered from now on. Raises Unknown."""
        row = self._touch(product, warehouse)
        row.reorder_point = reordering.reorder_point
        row.reorder_quantity = reordering.reorder_quantity
        return row

    def tell(self, type: str, subject: UUID, data: BaseModel) -> None:
        """An event of this transaction; those of a product come after its `stock.changed`."""
        self._told.append((str(subject), type, data))

    async def settle(self) -> None:
        """Writes what follows of the changes."""
        after = self._available()
        changed = [
            (str(product), events.STOCK_CHANGED, events.StockChanged(product_id=product, available=count))
            for product, count in after.items()
            if count != self._before.get(product)
        ]
        await self._session.flush()
        await self._order_more()
        for subject, type, data in sorted([*changed, *self._told], key=lambda each: each[0]):
            await self._outbox.add(self._session, type, subject=subject, data=data)

    async def _order_more(self) -> None:
        wanted = {
            place: quantity
            for place in sorted(self._touched)
            if (row := self._rows[place])
            and (quantity := to_order(row.left, row.reorder_point, row.reorder_quantity))
        }
        if not wanted:
            return
        query = select(Replenishment).where(
            col(Replenishment.state) == "open",
            col(Replenishment.product_id).in_({product for product, _ in wanted}),
        )
        open_ones = {
            (row.product_id, row.warehouse) for row in (await self._session.execute(query)).scalars()
        }
        for (product, warehouse), quantity in wanted.items():
            if (product, warehouse) in open_ones:
                continue
            made = self.replenish(product, warehouse, quantity)
            row = self._rows[product, warehouse]
            low = events.StockLow(
                product_id=product,
                warehouse=warehouse,
                available=row.available,
                reorder_point=row.reorder_point,
                replenishment_id=made.id,
                quantity=quantity,
            )
            self.tell(events.STOCK_LOW, product, low)

    def replenish(self, product: UUID, warehouse: str, quantity: int) -> Replenishment:
        """Orders more from the supplier."""
        made = Replenishment(
            id=new_id(),
            product_id=product,
            warehouse=warehouse,
            quantity=quantity,
            state="open",
            ordered_at=self._now,
        )
        self._session.add(made)
        return made

    def _touch(self, product: UUID, warehouse: str) -> Stock:
        row = self.stock(product, warehouse)
        self._touched.add((product, warehouse))
        return row

    def _available(self) -> dict[UUID, int]:
        count: dict[UUID, int] = {}
        for (product, _), row in self._rows.items():
            count[product] = count.get(product, 0) + row.available
        return count


@asynccontextmanager
async def shelves(
    session: AsyncSession, outbox: Outbox, products: Iterable[UUID], now: datetime
) -> AsyncIterator[Shelves]:
    """Locks the stock of these products until the session's transaction ends."""
    ids = list(set(products))
    await session.execute(
        select(Product).where(col(Product.id).in_(ids)).order_by(col(Product.id)).with_for_update()
    )
    # A statement of its own: it sees what was committed while the locks were waited for.
    query = select(Stock).where(col(Stock.product_id).in_(ids))
    found = (await session.execute(query)).scalars().all()
    locked = Shelves(session, outbox, found, now)
    yield locked
    await locked.settle()
