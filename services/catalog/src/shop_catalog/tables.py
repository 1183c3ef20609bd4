"""Catalog's tables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, String, text
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Category(Base, table=True):
    """A node of the tree."""

    slug: str = Field(primary_key=True, max_length=120)
    title: str = Field(max_length=200)
    parent: str | None = Field(default=None, max_length=120, foreign_key="category.slug", index=True)
    position: int = 0


class Family(Base, table=True):
    """A product in several variants, each of which is a row of `product`. Families are never deleted."""

    slug: str = Field(primary_key=True, max_length=120)
    title: str = Field(max_length=200)
    description: str = Field(max_length=5000)
    options: list[str] = Field(sa_type=JSON)
    version: int


class Product(Base, table=True):
    """The present state of a product."""

    __table_args__ = (
        CheckConstraint("price_amount >= 0", name="price_not_negative"),
        # One for each order of the list, the id last because it makes cursors unique.
        Index("ix_product_price", "price_amount", "id"),
        Index("ix_product_title", "title", "id"),
        Index("ix_product_category", "category", "id"),
        # Variants of a family differ; products without one are not compared.
        Index("uq_product_variant", "family", "variant", unique=True),
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
    weight_grams: int = Field(default=500, sa_column_kwargs={"server_default": "500"})
    family: str | None = Field(default=None, max_length=120, foreign_key="family.slug")
    options: dict[str, str] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"}
    )
    variant: str | None = Field(default=None, max_length=32)
    """Digest of the options."""
    images: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"}
    )
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


class PlannedPrice(Base, table=True):
    """A price that a product is to have from a time on, or has got."""

    __tablename__ = "planned_price"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index("ix_planned_price_product_id", "product_id", "valid_from"),
        Index(
            "ix_planned_price_due",
            "valid_from",
            postgresql_where=text("applied_at IS NULL"),
            sqlite_where=text("applied_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(foreign_key="product.id")
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    applied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Medium(Base, table=True):
    """A picture in one size, named by what is in it: a row is never changed."""

    __tablename__ = "medium"

    name: str = Field(primary_key=True, max_length=40)
    content: bytes


class Relation(Base, table=True):
    """From one product to another."""

    product_id: UUID = Field(foreign_key="product.id", primary_key=True)
    kind: str = Field(max_length=20, primary_key=True)
    other_id: UUID = Field(foreign_key="product.id", primary_key=True)
    position: int


class Availability(Base, table=True):
    """What warehouse told last; also of products that are not known here yet."""

    product_id: UUID = Field(primary_key=True)
    available: int


class _Terms(SQLModel):
    title: str = Field(max_length=200)
    rule: dict[str, Any] = Field(sa_type=JSON)
    categories: list[str] = Field(sa_type=JSON)
    products: list[str] = Field(sa_type=JSON)
    exclusive: bool
    valid_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    active: bool
    version: int


class Promotion(Base, _Terms, table=True):
    """A price reduction that everybody gets."""

    id: UUID = Field(primary_key=True)


class Coupon(Base, _Terms, table=True):
    """A price reduction for who has the code. Coupons are never deleted."""

    code: str = Field(primary_key=True, max_length=40)
    minimum: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    limit: int | None = Field(default=None)
    limit_per_subject: int | None = Field(default=None)


class CouponUse(Base, table=True):
    """One order's use of a coupon. A final one is kept whatever it names, so there is no foreign key."""

    __tablename__ = "coupon_use"
    __table_args__ = (
        Index("ix_coupon_use_code", "code", "state", "order_id"),
        Index("ix_coupon_use_subject", "subject"),
    )

    order_id: UUID = Field(primary_key=True)
    code: str | None = Field(default=None, max_length=40)
    subject: str | None = Field(default=None, max_length=200)
    state: str = Field(max_length=10)
    """`held` until `expires_at`, `final` or `released`."""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "catalog")
inbox = Inbox(metadata)
