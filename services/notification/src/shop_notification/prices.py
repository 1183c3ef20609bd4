"""Prices that fell: what the first worker notes, until those who watch are told by wishlist."""

from dataclasses import dataclass
from uuid import UUID

from shop_chassis.events import Event, On, Order
from shop_chassis.events.dialect import insert
from shop_chassis.tables import new_id, utc_now
from shop_contracts.catalog.events import PRICE_CHANGED, PriceChanged
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.tables import NOTICE, SEEN_PRICE

PRICE_DROP = "price_drop"


@dataclass(frozen=True)
class PriceDrop:
    """A product costs less than before; amounts in the currency's minor unit."""

    product_id: UUID
    old: int
    new: int
    currency: str


def price_drop(change: PriceChanged) -> PriceDrop | None:
    """The drop that a price change is; None for a rise, and between two currencies."""
    old, new = change.old, change.new
    if old.currency != new.currency or new.amount >= old.amount:
        return None
    return PriceDrop(change.product_id, old.amount, new.amount, new.currency)


async def price_changed(session: AsyncSession, event: Event) -> None:
    """Remembers the price unless a newer one is known; a drop becomes a notice."""
    change = PriceChanged.model_validate(event.data)
    new = change.new
    values = {"amount": new.amount, "currency": new.currency, "sequence": event.sequence}
    await session.execute(
        insert(session, SEEN_PRICE)
        .values(product_id=change.product_id, **values)
        .on_conflict_do_update(
            index_elements=[SEEN_PRICE.c.product_id],
            set_=values,
            where=SEEN_PRICE.c.sequence < event.sequence,
        )
    )
    if drop := price_drop(change):
        await session.execute(
            NOTICE.insert().values(
                id=new_id(),
                event_id=event.id,
                kind=PRICE_DROP,
                product_id=drop.product_id,
                old=drop.old,
                new=drop.new,
                currency=drop.currency,
                created_at=utc_now(),
            )
        )


# Every drop is noted, also one that comes late: the event names both prices, so the order of events
# matters to the remembered price alone.
FROM_CATALOG = [On(PRICE_CHANGED, price_changed, Order.ANY)]
