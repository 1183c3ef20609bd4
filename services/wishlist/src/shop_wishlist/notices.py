"""Telling watchers of a drop: once each, in the transaction in which the drop is heard."""

from typing import Any
from uuid import UUID, uuid5

from shop_chassis.events.dialect import insert
from shop_chassis.tables import utc_now
from shop_contracts.catalog.api import Image
from shop_contracts.catalog.events import PriceChanged
from shop_contracts.money import Money
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_wishlist.domain import next_ceiling
from shop_wishlist.tables import Item, Product, Watch, Wishlist, metadata, outbox

NAMESPACE = UUID("3c7d5a0e-6b1f-4f5e-9a53-0f0a4e3d9b62")
"""Of the ids of notices (RFC 9562, section 5.5); it must never change."""

_notices: Table = metadata.tables["notice"]


def notice_id(watch: UUID, sequence: int) -> UUID:
    """The same drop for the same watcher has the same id, whoever tells it."""
    return uuid5(NAMESPACE, f"{watch}:{sequence}")


async def tell(session: AsyncSession, product: Product, change: PriceChanged, sequence: int) -> None:
    """A notice and an event for each watcher who is to know of this price; `sequence` is of its event."""
    new = change.new.amount
    hears = update(Watch).where(
        col(Watch.product_id) == product.id,
        col(Watch.currency) == change.new.currency,
        col(Watch.ceiling) >= new,
    )
    heard = hears.values(told=new, ceiling=next_ceiling(new))
    columns = (col(Watch.id), col(Watch.subject), col(Watch.reference))
    watches = {row.id: row for row in await session.execute(heard.returning(*columns))}
    if not watches:
        return
    rows = [
        {"id": notice_id(id, sequence), "watch_id": id, "sequence": sequence, "amount": new, "at": utc_now()}
        for id in watches
    ]
    once = insert(session, _notices).on_conflict_do_nothing().returning(_notices.c.id, _notices.c.watch_id)
    made = (await session.execute(once, rows)).all()
    lists = await _lists(session, product.id)
    events = {}
    for notice, watch in made:
        subject, reference = watches[watch].subject, watches[watch].reference
        events[str(watch)] = PriceDropped(
            notice_id=notice,
            subject=subject,
            product_id=product.id,
            slug=change.slug,
            title=change.title,
            image=Image.model_validate(product.image) if product.image else None,
            old=change.old,
            new=change.new,
            reference=Money(amount=reference, currency=change.new.currency),
            list_id=lists.get(subject),
        )
    await outbox.add_all(session, PRICE_DROPPED, events)


async def _lists(session: AsyncSession, product: UUID) -> dict[str, UUID]:
    """A list of each person who wishes for the product: the default if it is there, else the oldest."""
    query: Any = (
        select(col(Wishlist.subject), col(Wishlist.id))
        .join(Item, col(Item.list_id) == col(Wishlist.id))
        .where(col(Item.product_id) == product)
        .order_by(col(Wishlist.is_default), col(Wishlist.id).desc())
    )
    return {row.subject: row.id for row in await session.execute(query)}
