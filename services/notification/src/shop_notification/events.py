"""What this service does about other services' events."""

from shop_chassis.events import Event, On, Order
from shop_contracts.catalog.events import PRICE_CHANGED, PriceChanged
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.domain import price_drop
from shop_notification.store import add_notice, see_price


async def price_changed(session: AsyncSession, event: Event) -> None:
    """Remembers the price; a drop becomes a notice."""
    change = PriceChanged.model_validate(event.data)
    await see_price(session, change.product_id, change.new, event.sequence)
    if drop := price_drop(change):
        await add_notice(session, event.id, drop)


# Every drop is told of, also one that comes late: the event names both prices, so the order of events
# matters to the remembered price alone.
FROM_CATALOG = [On(PRICE_CHANGED, price_changed, Order.ANY)]
