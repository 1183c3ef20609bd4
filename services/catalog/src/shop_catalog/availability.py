"""What can be bought, as warehouse tells it: shown, never decided here."""

from shop_chassis.events import Event, On, Order
from shop_chassis.events.dialect import insert
from shop_contracts.warehouse.events import STOCK_CHANGED, StockChanged
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.tables import metadata

_availability: Table = metadata.tables["availability"]


async def stock_changed(session: AsyncSession, event: Event) -> None:
    """Takes over the number."""
    told = StockChanged.model_validate(event.data)
    row = insert(session, _availability).values(product_id=told.product_id, available=told.available)
    await session.execute(
        row.on_conflict_do_update(index_elements=["product_id"], set_={"available": told.available})
    )


# Only the newest number matters: one that comes late must not undo it.
FROM_WAREHOUSE = [On(STOCK_CHANGED, stock_changed, Order.LATEST)]
