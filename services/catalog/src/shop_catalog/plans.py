"""Prices that products are to have: written down ahead, applied once when their time has come."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.catalog import api
from shop_contracts.money import Money
from sqlalchemy import select

from shop_catalog.errors import Conflict, Refused, Unknown
from shop_catalog.products import Products, locked
from shop_catalog.tables import PlannedPrice, Product

log = structlog.get_logger(__name__)


class Plans:
    """Planned prices. One that was applied stays, so that a late repetition of its request is recognised."""

    def __init__(self, store: Store, products: Products, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._products = products
        self.now = now

    async def of(self, product: UUID) -> api.PlannedPrices:
        """Those still to come, earliest first. Raises Unknown."""
        query = (
            select(PlannedPrice)
            .where(PlannedPrice.product_id == product, PlannedPrice.applied_at.is_(None))  # type: ignore[arg-type, union-attr]
            .order_by(PlannedPrice.valid_from, PlannedPrice.id)  # type: ignore[arg-type]
        )
        async with self._store.session() as session:
            if await session.get(Product, product) is None:
                raise Unknown(f"there is no product {product}")
            rows = (await session.execute(query)).scalars().all()
        return api.PlannedPrices(items=[_plan(row) for row in rows])

    async def put(self, product_id: UUID, id: UUID, plan: api.PricePlan) -> tuple[api.PlannedPrice, bool]:
        """The plan and whether it is new; a plan does not change. Raises Unknown, Conflict, Refused."""
        async with self._store.transaction() as session:
            product = await locked(session, product_id)  # so that of two requests the second finds the row
            row = await session.get(PlannedPrice, id)
            if row is not None:
                if row.product_id != product_id or _plan(row) != api.PlannedPrice(id=id, **dict(plan)):
                    raise Conflict(f"{id} is another plan: remove it, or take another id")
                return _plan(row), False
            if plan.price.currency != product.price_currency:
                found = plan.price.currency
                raise Refused(f"the price is in {product.price_currency}, expected the same, found {found}")
            row = PlannedPrice(
                id=id,
                product_id=product_id,
                amount=plan.price.amount,
                currency=plan.price.currency,
                valid_from=plan.valid_from,
            )
            session.add(row)
        return _plan(row), True

    async def remove(self, product_id: UUID, id: UUID) -> None:
        """One that is not there is no error. Raises Conflict when it is in force already."""
        async with self._store.transaction() as session:
            row = await session.get(PlannedPrice, id, with_for_update=True)
            if row is None or row.product_id != product_id:
                return
            if row.applied_at is not None:
                raise Conflict("this price is in force since its time came; set another one")
            await session.delete(row)

    async def apply(self) -> int:
        """Applies what is due, in the order of its time; how many. One that fails holds no other up."""
        due = (
            select(PlannedPrice.id)  # type: ignore[call-overload]
            .where(PlannedPrice.applied_at.is_(None), PlannedPrice.valid_from <= self.now())  # type: ignore[union-attr]
            .order_by(PlannedPrice.valid_from, PlannedPrice.id)
        )
        async with self._store.session() as session:
            waiting = (await session.execute(due)).scalars().all()
        applied = 0
        for id in waiting:
            try:
                applied += await self._apply(id)
            except Refused as error:
                log.error("a planned price cannot be applied", plan=str(id), error=str(error))
        return applied

    async def _apply(self, id: UUID) -> bool:
        # A new transaction for each: the row says whether it is still to be done, and is locked until it is.
        async with self._store.transaction() as session:
            row = await session.get(PlannedPrice, id, with_for_update=True)
            if row is None or row.applied_at is not None:
                return False
            row.applied_at = self.now()
            product = await locked(session, row.product_id)
            await self._products.reprice(session, product, Money(amount=row.amount, currency=row.currency))
        return True


def _plan(row: PlannedPrice) -> api.PlannedPrice:
    price = Money(amount=row.amount, currency=row.currency)
    return api.PlannedPrice(id=row.id, price=price, valid_from=row.valid_from)
