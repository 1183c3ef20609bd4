"""Catalog's tables."""

from datetime import datetime
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, String
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Category(Base, table=True):
    """A node of the tree."""

    slug: str = Field(primary_key=True, max_length=120)
    title: str = Field(max_length=200)
    parent: str | None = Field(default=None, max_length=120, foreign_key="category.slug", index=True)
    position: int = 0


class Product(Base, table=True):
    """The present state of a product."""

    __table_args__ = (
        CheckConstraint("price_amount >= 0", name="price_not_negative"),
        # One for each order of the list, the id last because it makes cursors unique.
        Index("ix_product_price", "price_amount", "id"),
        Index("ix_product_title", "title", "id"),
        Index("ix_product_category", "category", "id"),
    )

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
    """The history: rows are added, never changed. Ordered by version: clocks of pods differ."""

    product_id: UUID = Field(foreign_key="product.id", primary_key=True)
    version: int = Field(primary_key=True)
    """Of the product, since it has this price."""
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    since: datetime = Field(sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "catalog")
