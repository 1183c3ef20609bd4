"""The release that knew revision 0001 alone, as far as it touches the database: its tables and statements.

It runs beside the present one while pods are replaced, and again after a rollback, both times on the new
schema. When a release is made that needs more than revision 0002, this becomes a snapshot of that one.
"""

from datetime import datetime
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from sqlalchemy import JSON, BigInteger, Column, String, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    pass


class Category(Base, table=True):
    slug: str = Field(primary_key=True, max_length=120)
    title: str = Field(max_length=200)
    parent: str | None = Field(default=None, max_length=120, foreign_key="category.slug", index=True)
    position: int = 0


class Product(Base, table=True):
    id: UUID = Field(default_factory=new_id, primary_key=True)
    sku: str = Field(max_length=40, unique=True)
    slug: str = Field(max_length=120, unique=True)
    title: str = Field(
        sa_column=Column(String(200).with_variant(String(200, collation="C"), "postgresql"), nullable=False)
    )
    description: str = Field(max_length=5000)
    category: str = Field(max_length=120, foreign_key="category.slug")
    attributes: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    price_amount: int = Field(sa_type=BigInteger)
    price_currency: str = Field(max_length=3)
    active: bool
    version: int
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Price(Base, table=True):
    product_id: UUID = Field(foreign_key="product.id", primary_key=True)
    version: int = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    since: datetime = Field(sa_type=UtcDateTime)


outbox = Outbox(Base.metadata, "catalog")


async def put_category(session: AsyncSession, slug: str) -> None:
    (await session.execute(select(Category).with_for_update())).scalars().all()
    await session.merge(Category(slug=slug, title=slug, parent=None, position=0))


async def create(session: AsyncSession, number: int, category: str) -> UUID:
    product = Product(
        sku=f"OLD-{number}",
        slug=f"old-{number}",
        title=f"Old {number}",
        description="",
        category=category,
        attributes={},
        price_amount=4900,
        price_currency="EUR",
        active=True,
        version=1,
    )
    session.add(product)
    await session.flush()
    session.add(history(product))
    await outbox.add(session, "product.changed", subject=str(product.id), data={})
    return product.id


async def change(session: AsyncSession, id: UUID, *, title: str, amount: int) -> int:
    query = select(Product).where(Product.id == id).with_for_update()  # type: ignore[arg-type]
    product = (await session.execute(query)).scalar_one()
    product.title, product.price_amount = title, amount
    product.version += 1
    await session.flush()
    session.add(history(product))
    await outbox.add(session, "price.changed", subject=str(id), data={})
    return product.version


async def page(session: AsyncSession, after: tuple[int, UUID]) -> list[str]:
    key = (Product.price_amount, Product.id)
    query = select(Product).where(Product.active, tuple_(*key) > after).order_by(*key).limit(21)  # type: ignore[arg-type]
    return [product.slug for product in (await session.execute(query)).scalars()]


def history(product: Product) -> Price:
    return Price(
        product_id=product.id,
        version=product.version,
        amount=product.price_amount,
        currency=product.price_currency,
        since=product.updated_at,
    )
