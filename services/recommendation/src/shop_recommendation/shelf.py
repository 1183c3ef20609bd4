"""What this service knows of catalog's products: kept here, so that catalog need not answer."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cachetools import TTLCache
from shop_chassis.events.dialect import insert
from shop_chassis.store import Store
from shop_chassis.tables import utc_now
from shop_contracts.catalog.api import Category as CatalogCategory
from shop_contracts.catalog.api import Product as CatalogProduct
from sqlalchemy import Select, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_recommendation.content import Features, likeness
from shop_recommendation.tables import Category, Product, metadata

_products: Table = metadata.tables["product"]
_categories: Table = metadata.tables["category"]

KIN = 200
"""Products of a category that another one is compared with."""
AT_HAND = 5000
"""Products that are remembered, some 2 KiB each; of those like them a fifth."""
ARRIVED = 500
"""Products that came last: of more, the earlier ones have had their time."""


async def put_product(session: AsyncSession, product: CatalogProduct, sequence: int) -> None:
    """Takes over a product unless a newer state of it is known."""
    state = {
        "title": product.title,
        "category": product.category,
        "family": product.family,
        "attributes": product.attributes,
        "amount": product.price.amount,
        "currency": product.price.currency,
        "active": product.active,
        "sequence": sequence,
    }
    row = insert(session, _products).values(id=product.id, known_at=utc_now(), **state)
    await session.execute(
        row.on_conflict_do_update(index_elements=["id"], set_=state, where=_products.c.sequence < sequence)
    )


async def put_categories(session: AsyncSession, found: Iterable[CatalogCategory], sequence: int) -> None:
    """Takes over categories unless a newer state of them is known."""
    for each in sorted(found, key=lambda category: category.slug):
        state = {"parent": each.parent, "sequence": sequence}
        row = insert(session, _categories).values(slug=each.slug, **state)
        await session.execute(
            row.on_conflict_do_update(
                index_elements=["slug"], set_=state, where=_categories.c.sequence < sequence
            )
        )


class Shelf:
    """Products by id, by likeness, and the newest ones; remembered for so many `seconds`: every answer names
    dozens of products, and most of them are those of the answer before.
    """

    def __init__(self, store: Store, *, seconds: float) -> None:
        self._store = store
        self._products: TTLCache[UUID, Product] = TTLCache(AT_HAND, seconds)
        self._alike: TTLCache[UUID, list[tuple[UUID, float]]] = TTLCache(AT_HAND // 5, seconds)
        self._arrived: TTLCache[datetime, Sequence[Product]] = TTLCache(1, seconds)

    async def find(self, ids: Collection[UUID]) -> dict[UUID, Product]:
        """Those of these that are known, also if they are not sold any more."""
        found = {id: product for id in ids if (product := self._products.get(id)) is not None}
        unknown = [id for id in ids if id not in found]
        if unknown:
            column: Any = Product.id
            async with self._store.session() as session:
                rows = (await session.execute(select(Product).where(column.in_(unknown)))).scalars().all()
            read = {row.id: row for row in rows}
            self._products.update(read)
            found |= read
        return found

    async def alike(self, product: Product, most: int) -> list[tuple[UUID, float]]:
        """What is sold in the same category, most alike first, with how much."""
        found = self._alike.get(product.id)
        if found is None:
            found = self._alike[product.id] = await self._most_alike(product)
        return found[:most]

    async def _most_alike(self, product: Product) -> list[tuple[UUID, float]]:
        query = (
            select(Product)
            .where(
                Product.category == product.category,  # type: ignore[arg-type]
                Product.active,  # type: ignore[arg-type]
                Product.id != product.id,  # type: ignore[arg-type]
            )
            .order_by(Product.known_at.desc())  # type: ignore[attr-defined]
            .limit(KIN)
        )
        async with self._store.session() as session:
            rows = (await session.execute(query)).scalars().all()
        mine = features(product)
        found = sorted(((likeness(mine, features(row)), row.id) for row in rows), reverse=True)
        return [(id, score) for score, id in found]

    async def newest(self, categories: Collection[str], most: int) -> Sequence[Product]:
        """What is sold and came last, in some categories or, without any, anywhere."""
        query = _newest_first()
        if categories:
            query = query.where(Product.category.in_(categories))  # type: ignore[attr-defined]
        async with self._store.session() as session:
            return (await session.execute(query.limit(most))).scalars().all()

    async def arrived(self, since: datetime) -> Sequence[Product]:
        """What is sold and came after that, newest first."""
        found = self._arrived.get(since)
        if found is None:
            query = _newest_first().where(Product.known_at > since)  # type: ignore[arg-type]
            async with self._store.session() as session:
                found = (await session.execute(query.limit(ARRIVED))).scalars().all()
            self._arrived[since] = found
        return found

    async def below(self, category: str) -> list[str]:
        """A category and all below it."""
        async with self._store.session() as session:
            rows = (await session.execute(select(Category))).scalars().all()
        found = [category]
        for slug in found:
            found += [row.slug for row in rows if row.parent == slug and row.slug not in found]
        return found


def _newest_first() -> Select[Product]:
    known_at: Any = Product.known_at
    query = select(Product).where(Product.active)  # type: ignore[arg-type]
    return query.order_by(known_at.desc(), Product.id)  # type: ignore[arg-type]


def features(product: Product) -> Features:
    """What is compared of a product."""
    return Features.of(product.category, product.attributes, product.amount, product.currency)
