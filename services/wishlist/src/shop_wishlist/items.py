"""What is on a list, for its owner and for who has a link; and the links."""

import hashlib
import secrets
from collections.abc import Collection
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_contracts.money import Money
from shop_contracts.wishlist import api
from sqlalchemy import ColumnElement, CursorResult, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_wishlist.errors import NotOnList, NotSold, TooMany, Unknown
from shop_wishlist.lists import Which, list_of, locked, locked_or_made, no_list, of, shown, touch
from shop_wishlist.products import known, wished, with_product
from shop_wishlist.tables import Item, Link, Wishlist

_by_id: TypeAdapter[tuple[UUID]] = TypeAdapter(tuple[UUID])


class Items:
    """What is on the lists of all people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(
        self, subject: str, which: Which, *, limit: int, after: str | None
    ) -> api.WishlistWithItems:
        """Newest first. Raises Unknown, and Problem for a foreign cursor."""
        async with self._store.session() as session:
            row = (await session.execute(shown().where(of(subject, which)))).one_or_none()
            if row is None:
                raise no_list(which)
            rows, following = await _page(session, row[0].id, limit, after)
        items = [item_of(*each) for each in rows]
        return api.WishlistWithItems(**dict(list_of(*row)), items=items, next=following)

    async def shared(self, token: str, *, limit: int, after: str | None) -> api.SharedWishlist:
        """The list that a link is to. Raises Unknown, and Problem for a foreign cursor."""
        linked = select(Wishlist).join(Link, col(Link.list_id) == col(Wishlist.id))
        async with self._store.session() as session:
            found = await session.execute(linked.where(col(Link.digest) == _digest(token)))
            row = found.scalar_one_or_none()
            if row is None:
                raise Unknown("there is no such list, or its owner shares it no longer")
            rows, following = await _page(session, row.id, limit, after)
        items = [api.SharedItem(product=wished(*each), quantity=item.quantity) for item, *each in rows]
        return api.SharedWishlist(title=row.title, items=items, next=following)

    async def put(
        self, subject: str, which: Which, product_id: UUID, wish: api.Wish
    ) -> tuple[api.WishlistItem, bool]:
        """The item, and whether it is new. Raises Unknown, UnknownProduct, NotSold, TooMany."""
        async with self._store.transaction() as session:
            product, available = await known(session, product_id)
            row = await locked_or_made(session, subject, which)
            on_it = select(Item).where(col(Item.list_id) == row.id)
            found = await session.execute(on_it.where(col(Item.product_id) == product_id))
            item = found.scalar_one_or_none()
            made = item is None
            if item is None:
                if not product.sold:
                    raise NotSold(product_id)
                count = select(func.count()).select_from(Item).where(col(Item.list_id) == row.id)
                if (await session.execute(count)).scalar_one() >= api.MAX_ITEMS:
                    raise TooMany(f"expected at most {api.MAX_ITEMS} products on a list: take one off first")
                item = Item(
                    list_id=row.id,
                    product_id=product_id,
                    note=wish.note,
                    quantity=wish.quantity,
                    amount=product.amount,
                    currency=product.currency,
                )
                session.add(item)
            elif (item.note, item.quantity) == (wish.note, wish.quantity):
                return item_of(item, product, available), False
            item.note, item.quantity = wish.note, wish.quantity
            await touch(session, row)
        return item_of(item, product, available), made

    async def remove(self, subject: str, which: Which, product_id: UUID) -> None:
        """What is not on the list is no error. Raises Unknown."""
        async with self._store.transaction() as session:
            row = await locked(session, subject, which)
            if await _removed(session, col(Item.list_id) == row.id, col(Item.product_id) == product_id):
                await touch(session, row)

    async def find(self, subject: str, which: Which, product_id: UUID) -> Item:
        """Raises Unknown, NotOnList."""
        async with self._store.session() as session:
            row = (await session.execute(select(Wishlist).where(of(subject, which)))).scalar_one_or_none()
            if row is None:
                raise no_list(which)
            on_it = select(Item).where(col(Item.list_id) == row.id, col(Item.product_id) == product_id)
            item = (await session.execute(on_it)).scalar_one_or_none()
        if item is None:
            raise NotOnList(f"product {product_id}")
        return item

    async def take_off(self, subject: str, item: Item) -> None:
        """This very item; one that was taken off meanwhile is no error."""
        async with self._store.transaction() as session:
            try:
                row = await locked(session, subject, item.list_id)
            except Unknown:
                return
            if await _removed(session, col(Item.id) == item.id):
                await touch(session, row)

    async def marks(self, subject: str, products: Collection[UUID]) -> api.Marks:
        """Those of the products that are on any list of somebody's."""
        query = (
            select(col(Item.product_id))
            .join(Wishlist, col(Item.list_id) == col(Wishlist.id))
            .where(col(Wishlist.subject) == subject, col(Item.product_id).in_(products))
        )
        async with self._store.session() as session:
            found = set((await session.execute(query)).scalars())
        return api.Marks(product_ids=[id for id in dict.fromkeys(products) if id in found])

    async def share(self, subject: str, which: Which) -> api.ShareLink:
        """Another link; with too many of them the oldest ends. Raises Unknown."""
        token = secrets.token_urlsafe(24)
        async with self._store.transaction() as session:
            row = await locked(session, subject, which)
            links = select(col(Link.digest)).where(col(Link.list_id) == row.id)
            newest = links.order_by(col(Link.created_at).desc(), col(Link.digest)).limit(api.MAX_LINKS - 1)
            kept = list((await session.execute(newest)).scalars())
            await session.execute(
                delete(Link).where(col(Link.list_id) == row.id, col(Link.digest).not_in(kept))
            )
            session.add(Link(digest=_digest(token), list_id=row.id))
        return api.ShareLink(token=token)

    async def unshare(self, subject: str, which: Which) -> None:
        """Ends all links of the list. Raises Unknown."""
        async with self._store.transaction() as session:
            row = await locked(session, subject, which)
            await session.execute(delete(Link).where(col(Link.list_id) == row.id))


def item_of(item: Item, product: Any, available: int | None) -> api.WishlistItem:
    """The row as its owner sees it."""
    return api.WishlistItem(
        product=wished(product, available),
        note=item.note,
        quantity=item.quantity,
        price_when_added=Money(amount=item.amount, currency=item.currency),
        added_at=item.added_at,
    )


async def _page(
    session: AsyncSession, list_id: UUID, limit: int, after: str | None
) -> tuple[list[Any], str | None]:
    query = with_product(Item).where(col(Item.list_id) == list_id)
    if after is not None:
        query = query.where(col(Item.id) < key_of(after, _by_id)[0])
    rows = (await session.execute(query.order_by(col(Item.id).desc()).limit(limit + 1))).all()
    return list(rows[:limit]), cursor(rows[limit - 1][0].id) if len(rows) > limit else None


async def _removed(session: AsyncSession, *where: ColumnElement[bool]) -> bool:
    result = await session.execute(delete(Item).where(*where))
    return cast("CursorResult[Any]", result).rowcount > 0


def _digest(token: str) -> str:
    # A token has 192 random bits: nobody finds it by trying, so no slow hash is needed.
    return hashlib.sha256(token.encode()).hexdigest()
