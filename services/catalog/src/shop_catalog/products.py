"""What happens to products and categories: reading, and changes that are told as events.

A change locks the product's row first and adds its events last, all in one transaction: so changes of one
product come one after the other, and an event exists if and only if its change does.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import Field, TypeAdapter
from shop_chassis.events import Outbox
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_chassis.tables import new_id, utc_now
from shop_contracts.catalog import api, events
from shop_contracts.money import MOST, Money
from sqlalchemy import Select, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.errors import Conflict, Refused, Unknown
from shop_catalog.tables import Availability, Category, Family, Price, Product
from shop_catalog.versioned import Matches


@dataclass(frozen=True)
class _Order:
    """A way to sort: the column, its direction, and what a cursor of it holds (the id makes it unique)."""

    column: Any
    descending: bool
    cursor: TypeAdapter[Any]


_by_id: TypeAdapter[Any] = TypeAdapter(tuple[UUID])
# A cursor is what somebody sent: no number or text in it that the database would not take.
_by_version: TypeAdapter[Any] = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**31)]])
_by_price: TypeAdapter[Any] = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=MOST)], UUID])
_by_title: TypeAdapter[Any] = TypeAdapter(tuple[api.Title, UUID])
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
        query = shown(sold=True)
        if category is not None:
            query = query.where(Product.category.in_(_subtree(category)))  # type: ignore[attr-defined]
        if after is not None:
            last = key_of(after, order.cursor)
            query = query.where(tuple_(*key) < last if order.descending else tuple_(*key) > last)
        query = query.order_by(*(column.desc() if order.descending else column for column in key))
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).all()
        items = rows[:limit]
        following = None
        if len(rows) > limit:
            following = cursor(*(getattr(items[-1][0], column.key) for column in key))
        return api.ProductPage(items=[product_of(*row) for row in items], next=following)

    async def get(self, which: UUID | str) -> api.Product:
        """By id or slug. Raises Unknown."""
        column: Any = Product.id if isinstance(which, UUID) else Product.slug
        async with self._store.session() as session:
            row = (await session.execute(shown().where(column == which))).one_or_none()
        if row is None:
            raise Unknown(f"there is no product {which}")
        return product_of(*row)

    async def batch(self, ids: Sequence[UUID]) -> api.ProductBatch:
        """Several at once."""
        query = shown().where(Product.id.in_(ids))  # type: ignore[attr-defined]
        async with self._store.session() as session:
            found = {row[0].id: product_of(*row) for row in await session.execute(query)}
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
            return await tree(session)

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
            if category not in (api.Category.model_validate(row, from_attributes=True) for row in rows):
                await session.merge(Category(**category.model_dump()))
                told = events.CategoryChanged(category=category)
                await self._outbox.add(session, events.CATEGORY_CHANGED, subject=events.CATEGORIES, data=told)
        return category.slug not in parents

    async def create(self, new: api.NewProduct) -> tuple[api.Product, bool]:
        """The product and whether it is new: the same request again finds what it made.

        Raises Conflict, Refused.
        """
        try:
            async with self._store.transaction() as session:
                existing = await session.get(Product, new.id) if new.id else None
                if existing is not None:
                    if _same(existing, new):
                        return product_of(existing), False
                    raise Conflict(f"there is another product with the id {new.id}")
                return product_of(await self._make(session, new)), True
        except IntegrityError as error:
            raise Conflict(_taken(error, new.sku, new.slug)) from error

    async def put(self, new: api.NewProduct) -> Literal["created", "changed", "unchanged"]:
        """Makes the product with this sku what is given, its price included. Raises Conflict, Refused."""
        by_sku: Any = select(Product).where(Product.sku == new.sku)  # type: ignore[arg-type]
        try:
            async with self._store.transaction() as session:
                product = (await session.execute(by_sku.with_for_update())).scalar_one_or_none()
                if product is None:
                    await self._make(session, new)
                    return "created"
                if new.id not in (None, product.id):
                    raise Conflict(f"another product has the sku {new.sku}: expected the id {product.id}")
                given = new.model_dump(exclude={"id", "sku", "price"})
                return "changed" if await self._change(session, product, given, new.price) else "unchanged"
        except IntegrityError as error:
            raise Conflict(_taken(error, new.sku, new.slug)) from error

    async def change(self, id: UUID, changes: api.ProductChanges, matches: Matches) -> api.Product:
        """Changes what is given. `matches` raises where the change is based on another version.

        Raises Unknown, Conflict, Refused.
        """
        given = {
            name: value for name, value in changes.model_dump(exclude_unset=True).items() if value is not None
        }
        try:
            async with self._store.transaction() as session:
                product = await locked(session, id)
                matches(product.version)
                await self._change(session, product, given)
        except IntegrityError as error:
            raise Conflict(_taken(error, "", str(given.get("slug")))) from error
        return product_of(product)

    async def set_price(self, id: UUID, price: Money) -> api.Product:
        """Sets it; the price that it has already changes nothing. Raises Unknown, Refused."""
        async with self._store.transaction() as session:
            product = await locked(session, id)
            await self.reprice(session, product, price)
        return product_of(product)

    async def reprice(self, session: AsyncSession, product: Product, price: Money) -> None:
        """The same within a transaction that has locked the product. Raises Refused."""
        await self._change(session, product, {}, price)

    async def touch(self, session: AsyncSession, product: Product) -> None:
        """A new version of a locked product, told: something that belongs to it has changed."""
        product.version += 1
        product.updated_at = utc_now()
        await session.flush()
        await self._tell(session, product)

    async def _make(self, session: AsyncSession, new: api.NewProduct) -> Product:
        await _check_category(session, new.category)
        product = Product(
            **new.model_dump(exclude={"id", "price"}),
            id=new.id or new_id(),
            variant=await _variant(session, new.family, new.options),
            price_amount=new.price.amount,
            price_currency=new.price.currency,
            version=1,
            updated_at=utc_now(),
        )
        session.add(product)
        await session.flush()
        session.add(_history(product))
        await self._tell(session, product)
        return product

    async def _change(
        self, session: AsyncSession, product: Product, given: dict[str, Any], price: Money | None = None
    ) -> bool:
        """Whether anything was different; then it is a new version, and told. The product is locked."""
        old = Money(amount=product.price_amount, currency=product.price_currency)
        if price is not None and price.currency != old.currency:
            raise Refused(f"the price is in {old.currency}, expected the same, found {price.currency}")
        given = {name: value for name, value in given.items() if getattr(product, name) != value}
        if not given and price in (None, old):
            return False
        if "category" in given:
            await _check_category(session, given["category"])
        for name, value in given.items():
            setattr(product, name, value)
        if given.keys() & {"family", "options"}:
            product.variant = await _variant(session, product.family, product.options)
        if price in (None, old):
            await self.touch(session, product)
            return True
        assert price is not None
        product.price_amount = price.amount
        await session.flush()
        changed = events.PriceChanged(
            product_id=product.id, sku=product.sku, slug=product.slug, title=product.title, old=old, new=price
        )
        await self._outbox.add(session, events.PRICE_CHANGED, subject=str(product.id), data=changed)
        await self.touch(session, product)
        session.add(_history(product))
        return True

    async def _tell(self, session: AsyncSession, product: Product) -> None:
        state = events.ProductChanged(product=product_of(product))
        await self._outbox.add(session, events.PRODUCT_CHANGED, subject=str(product.id), data=state)


async def tree(session: AsyncSession) -> api.CategoryList:
    """All categories, parents first."""
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


def shown(*, sold: bool = False) -> Select[Product, int | None]:
    """Products and what is available of them, as `product_of` takes them."""
    query = select(Product, Availability.available).outerjoin(  # type: ignore[call-overload]
        Availability, Availability.product_id == Product.id
    )
    return cast("Select[Product, int | None]", query.where(Product.active) if sold else query)


def product_of(row: Product, available: int | None = None) -> api.Product:
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
        weight_grams=row.weight_grams,
        family=row.family,
        options=row.options,
        images=[_image(image) for image in row.images],
        available=available,
        version=row.version,
        updated_at=row.updated_at,
    )


def _image(kept: dict[str, Any]) -> api.Image:
    sizes = tuple(api.ImageSize.model_construct(**size) for size in kept.get("sizes", ()))
    return api.Image.model_construct(url=kept["url"], alt=kept["alt"], sizes=sizes)


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


async def locked(session: AsyncSession, id: UUID) -> Product:
    """The product, which nobody else changes until the transaction ends. Raises Unknown."""
    # Not against rows that only name it: two products that name each other would each wait for the other.
    query = select(Product).where(Product.id == id).with_for_update(key_share=True)  # type: ignore[arg-type]
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        raise Unknown(f"there is no product {id}")
    return row


async def _check_category(session: AsyncSession, slug: str) -> None:
    if await session.get(Category, slug) is None:
        raise Refused(f"there is no category {slug}")


async def _variant(session: AsyncSession, slug: str | None, options: dict[str, str]) -> str | None:
    """The digest that tells a variant from others of its family. Raises Refused."""
    if slug is None:
        if options:
            raise Refused(f"options: expected none without a family, found {', '.join(sorted(options))}")
        return None
    # Its options must not be changed while a variant comes.
    family = await session.get(Family, slug, with_for_update={"read": True})
    if family is None:
        raise Refused(f"there is no family {slug}")
    if set(options) != set(family.options):
        found = ", ".join(sorted(options)) or "none"
        raise Refused(f"options: expected {', '.join(family.options)} as {slug} has them, found {found}")
    return blake2b(json.dumps(sorted(options.items())).encode(), digest_size=16).hexdigest()


def _taken(error: IntegrityError, sku: str, slug: str) -> str:
    """PostgreSQL names the constraint, SQLite the columns."""
    said = str(error.orig)
    if "uq_product_sku" in said or "product.sku" in said:
        return f"another product has the sku {sku}"
    if "uq_product_slug" in said or "product.slug" in said:
        return f"another product has the slug {slug}"
    if "uq_product_variant" in said or "product.variant" in said:
        return "another product of the family has the same options"
    return "another product has the same id, or its category is gone"


def _subtree(category: str) -> Select[tuple[str]]:
    top = select(Category.slug).where(Category.slug == category).cte(recursive=True)  # type: ignore[call-overload]
    below = select(Category.slug).join(top, Category.parent == top.c.slug)  # type: ignore[call-overload]
    return select(top.union_all(below).c.slug)
