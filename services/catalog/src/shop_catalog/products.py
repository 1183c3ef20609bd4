"""What happens to products and categories: reading, and changes that are told as events.

A change locks the product's row first and adds its events last, all in one transaction: so changes of one
product come one after the other, and an event exists if and only if its change does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.catalog import api, events
from shop_contracts.money import Money
from sqlalchemy import Select, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.tables import Category, Price, Product


class Refused(Exception):  # noqa: N818 - the name says what happened
    """The change is not possible as things are; the message says why and what would be."""


class Unknown(Exception):  # noqa: N818
    """There is no such thing."""


class Conflict(Refused):
    """Something else has that name already."""


class Outdated(Exception):  # noqa: N818
    """The change is based on another version than the present one."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the present version is {version}")
        self.version = version


@dataclass(frozen=True)
class _Order:
    """A way to sort: the column, its direction, and what a cursor of it holds (the id makes it unique)."""

    column: Any
    descending: bool
    cursor: TypeAdapter[Any]


_by_id: TypeAdapter[Any] = TypeAdapter(tuple[UUID])
_by_version: TypeAdapter[Any] = TypeAdapter(tuple[int])
_by_price: TypeAdapter[Any] = TypeAdapter(tuple[int, UUID])
_by_title: TypeAdapter[Any] = TypeAdapter(tuple[str, UUID])
_ORDERS: dict[api.Sort, _Order] = {
    "newest": _Order(None, True, _by_id),  # ids are UUIDv7: they sort by time
    "price": _Order(Product.price_amount, False, _by_price),
    "-price": _Order(Product.price_amount, True, _by_price),
    "title": _Order(Product.title, False, _by_title),
}


class Products:
    """Catalog's data."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def page(
        self, *, category: str | None, sort: api.Sort, limit: int, after: str | None
    ) -> api.ProductPage:
        """Products that are sold, of a category and those below it. Raises Problem for a foreign cursor."""
        order = _ORDERS[sort]
        key: list[Any] = [column for column in (order.column, Product.id) if column is not None]
        query = select(Product).where(Product.active)  # type: ignore[arg-type]
        if category is not None:
            query = query.where(Product.category.in_(_subtree(category)))  # type: ignore[attr-defined]
        if after is not None:
            last = key_of(after, order.cursor)
            query = query.where(tuple_(*key) < last if order.descending else tuple_(*key) > last)
        query = query.order_by(*(column.desc() if order.descending else column for column in key))
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        items = rows[:limit]
        following = None
        if len(rows) > limit:
            following = cursor(*(getattr(items[-1], column.key) for column in key))
        return api.ProductPage(items=[product_of(row) for row in items], next=following)

    async def get(self, which: UUID | str) -> api.Product:
        """By id or slug. Raises Unknown."""
        column: Any = Product.id if isinstance(which, UUID) else Product.slug
        async with self._store.session() as session:
            row = (await session.execute(select(Product).where(column == which))).scalar_one_or_none()
        if row is None:
            raise Unknown(f"there is no product {which}")
        return product_of(row)

    async def batch(self, ids: Sequence[UUID]) -> api.ProductBatch:
        """Several at once."""
        query = select(Product).where(Product.id.in_(ids))  # type: ignore[attr-defined]
        async with self._store.session() as session:
            found = {row.id: product_of(row) for row in (await session.execute(query)).scalars()}
        asked = list(dict.fromkeys(ids))
        return api.ProductBatch(
            items=[found[id] for id in asked if id in found], missing=[id for id in asked if id not in found]
        )

    async def prices(self, product: UUID, *, limit: int, after: str | None) -> api.PriceHistory:
        """Newest first. Raises Unknown."""
        version: Any = Price.version
        query = select(Price).where(Price.product_id == product).order_by(version.desc())  # type: ignore[arg-type]
        if after is not None:
            query = query.where(version < key_of(after, _by_version)[0])
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        if not rows and after is None:
            raise Unknown(f"there is no product {product}")
        items = [
            api.PriceChange(price=Money(amount=row.amount, currency=row.currency), since=row.since)
            for row in rows[:limit]
        ]
        return api.PriceHistory(
            items=items, next=cursor(rows[limit - 1].version) if len(rows) > limit else None
        )

    async def categories(self) -> api.CategoryList:
        """The whole tree, parents first."""
        async with self._store.session() as session:
            rows = (await session.execute(select(Category))).scalars().all()
        below: dict[str | None, list[Category]] = {}
        for row in sorted(rows, key=lambda row: (row.position, row.slug)):
            below.setdefault(row.parent, []).append(row)
        items: list[api.Category] = []
        waiting = list(reversed(below.get(None, [])))
        while waiting:
            row = waiting.pop()
            items.append(api.Category.model_validate(row, from_attributes=True))
            waiting += reversed(below.get(row.slug, []))
        return api.CategoryList(items=items)

    async def put_category(self, category: api.Category) -> bool:
        """Creates or changes it; whether it is new. Raises Refused when the tree would not be one."""
        async with self._store.transaction() as session:
            rows = (await session.execute(select(Category).with_for_update())).scalars().all()
            parents = {row.slug: row.parent for row in rows}
            above = category.parent
            if above is not None and above not in parents:
                raise Refused(f"there is no category {above} to be its parent")
            while above is not None:
                if above == category.slug:
                    raise Refused(f"{category.slug} cannot be below itself")
                above = parents[above]
            await session.merge(Category(**category.model_dump()))
        return category.slug not in parents

    async def create(self, new: api.NewProduct) -> tuple[api.Product, bool]:
        """The product and whether it is new: the same request again finds what it made.

        Raises Conflict, Refused.
        """
        now = utc_now()
        product = Product(
            **new.model_dump(exclude={"id", "price"}),
            id=new.id or new_id(),
            price_amount=new.price.amount,
            price_currency=new.price.currency,
            version=1,
            updated_at=now,
        )
        try:
            async with self._store.transaction() as session:
                existing = await session.get(Product, product.id)
                if existing is not None:
                    if _same(existing, new):
                        return product_of(existing), False
                    raise Conflict(f"there is another product with the id {new.id}")
                await _check_category(session, new.category)
                session.add(product)
                await session.flush()
                session.add(_history(product))
                await self._tell(session, product)
        except IntegrityError as error:
            raise Conflict(_taken(error, new.sku, new.slug)) from error
        return product_of(product), True

    async def change(self, id: UUID, changes: api.ProductChanges, matches: Any) -> api.Product:
        """Changes what is given. `matches(version)` raises where the change is based on another version.

        Raises Unknown, Conflict, Refused.
        """
        given = {
            name: value for name, value in changes.model_dump(exclude_unset=True).items() if value is not None
        }
        try:
            async with self._store.transaction() as session:
                product = await _locked(session, id)
                matches(product.version)
                if all(getattr(product, name) == value for name, value in given.items()):
                    return product_of(product)
                if "category" in given:
                    await _check_category(session, given["category"])
                for name, value in given.items():
                    setattr(product, name, value)
                await self._changed(session, product)
        except IntegrityError as error:
            raise Conflict(_taken(error, "", str(given.get("slug")))) from error
        return product_of(product)

    async def set_price(self, id: UUID, price: Money) -> api.Product:
        """Sets it; the price that it has already changes nothing. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            product = await _locked(session, id)
            old = Money(amount=product.price_amount, currency=product.price_currency)
            if price == old:
                return product_of(product)
            if price.currency != old.currency:
                raise Refused(f"the price is in {old.currency}, expected the same, found {price.currency}")
            product.price_amount = price.amount
            changed = events.PriceChanged(
                product_id=product.id,
                sku=product.sku,
                slug=product.slug,
                title=product.title,
                old=old,
                new=price,
            )
            await self._outbox.add(session, events.PRICE_CHANGED, subject=str(id), data=changed)
            await self._changed(session, product)
            session.add(_history(product))
        return product_of(product)

    async def _changed(self, session: AsyncSession, product: Product) -> None:
        product.version += 1
        product.updated_at = utc_now()
        await session.flush()
        await self._tell(session, product)

    async def _tell(self, session: AsyncSession, product: Product) -> None:
        state = events.ProductChanged(product=product_of(product))
        await self._outbox.add(session, events.PRODUCT_CHANGED, subject=str(product.id), data=state)


def product_of(row: Product) -> api.Product:
    """The row as callers see it; its values were checked on the way in."""
    price = Money.model_construct(amount=row.price_amount, currency=row.price_currency)
    return api.Product.model_construct(
        id=row.id,
        sku=row.sku,
        slug=row.slug,
        title=row.title,
        description=row.description,
        category=row.category,
        attributes=row.attributes,
        price=price,
        active=row.active,
        version=row.version,
        updated_at=row.updated_at,
    )


def _history(product: Product) -> Price:
    return Price(
        product_id=product.id,
        version=product.version,
        amount=product.price_amount,
        currency=product.price_currency,
        since=product.updated_at,
    )


def _same(row: Product, new: api.NewProduct) -> bool:
    asked = new.model_dump(exclude={"id"})
    return product_of(row).model_dump(include=set(asked)) == asked


async def _locked(session: AsyncSession, id: UUID) -> Product:
    query = select(Product).where(Product.id == id).with_for_update()  # type: ignore[arg-type]
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise Unknown(f"there is no product {id}")
    return row


async def _check_category(session: AsyncSession, slug: str) -> None:
    if await session.get(Category, slug) is None:
        raise Refused(f"there is no category {slug}")


def _taken(error: IntegrityError, sku: str, slug: str) -> str:
    if "sku" in str(error.orig):
        return f"another product has the sku {sku}"
    if "slug" in str(error.orig):
        return f"another product has the slug {slug}"
    return "another product has the same id, or its category is gone"


def _subtree(category: str) -> Select[tuple[str]]:
    top = select(Category.slug).where(Category.slug == category).cte(recursive=True)  # type: ignore[call-overload]
    below = select(Category.slug).join(top, Category.parent == top.c.slug)  # type: ignore[call-overload]
    return select(top.union_all(below).c.slug)
