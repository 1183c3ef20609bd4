"""What is held about a person: shown, and removed."""

from typing import Any

from shop_chassis.store import Store
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_wishlist.items import item_of
from shop_wishlist.lists import claim_owner
from shop_wishlist.products import with_product
from shop_wishlist.tables import Item, Notice, Owner, Watch, Wishlist, keys
from shop_wishlist.watches import watch_of


class People:
    """Export and erasure."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def export(self, subject: str) -> dict[str, Any]:
        """Lists with all that is on them, and watches with what was told; {} without any."""
        lists = select(Wishlist).where(col(Wishlist.subject) == subject).order_by(col(Wishlist.id))
        watches = with_product(Watch).where(col(Watch.subject) == subject).order_by(col(Watch.id))
        found: dict[str, Any] = {}
        async with self._store.session() as session:
            for row in (await session.execute(lists)).scalars().all():
                on_it = with_product(Item).where(col(Item.list_id) == row.id).order_by(col(Item.id))
                items = [item_of(*each).model_dump(mode="json") for each in await session.execute(on_it)]
                shown = row.model_dump(mode="json", exclude={"subject", "version"})
                found.setdefault("wishlists", []).append(shown | {"items": items})
            for each in (await session.execute(watches)).all():
                told = select(Notice).where(col(Notice.watch_id) == each[0].id).order_by(col(Notice.sequence))
                notices = [
                    {"at": row.at.isoformat(), "amount": row.amount}
                    for row in (await session.execute(told)).scalars()
                ]
                shown = watch_of(*each).model_dump(mode="json")
                found.setdefault("watches", []).append(shown | {"notices": notices})
        return found


async def erase(session: AsyncSession, subject: str) -> None:
    """Removes all of it; what is on lists, links and notices go with what they belong to."""
    await claim_owner(session, subject)
    for kind in (Wishlist, Watch, Owner):
        await session.execute(delete(kind).where(col(kind.subject) == subject))
    await session.execute(delete(keys.table).where(keys.table.c.subject == subject))
