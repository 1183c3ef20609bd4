"""Recommendation's tables."""

from datetime import datetime
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import UtcDateTime, new_registry
from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Product(Base, table=True):
    """What is known of a product of catalog's; never deleted, since histories name it."""

    __table_args__ = (
        Index("ix_product_category", "category", "active", "known_at"),
        Index("ix_product_known_at", "active", "known_at"),
    )

    id: UUID = Field(primary_key=True)
    title: str = Field(max_length=200)
    category: str = Field(max_length=120)
    family: str | None = Field(default=None, max_length=120)
    attributes: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    active: bool
    sequence: int = Field(sa_type=BigInteger)
    """Of the event that told it: of two the higher is newer."""
    known_at: datetime = Field(sa_type=UtcDateTime)
    """When it was first heard of."""


class Category(Base, table=True):
    """A node of catalog's tree."""

    slug: str = Field(primary_key=True, max_length=120)
    parent: str | None = Field(default=None, max_length=120)
    sequence: int = Field(sa_type=BigInteger)
    """As of a product."""


class Interaction(Base, table=True):
    """That somebody looked at a product, had it in a cart, or ordered it, on one occasion."""

    __table_args__ = (Index("ix_interaction_recent", "actor", "at"), Index("ix_interaction_at", "at"))

    actor: str = Field(primary_key=True, max_length=140)
    """The subject of a token, `visitor:<visitor>`, or `cart:<cart>` for a guest's cart that names nobody."""
    kind: str = Field(primary_key=True, max_length=8)
    """`view`, `cart` or `order`."""
    occasion: str = Field(primary_key=True, max_length=40)
    """The day, or the order's id: so what is repeated or told twice takes no more room."""
    product_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    """The last time."""


class Browser(Base, table=True):
    """As which guest a browser was last seen, so that signing in loses nothing."""

    visitor: str = Field(primary_key=True, max_length=64)
    guest: str = Field(max_length=128, index=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)


class TrainedModel(Base, table=True):
    """A model as it is stored; its version is its id."""

    __tablename__ = "model"

    version: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    trained_at: datetime = Field(sa_type=UtcDateTime)
    products: int
    shoppers: int
    interactions: int
    seconds: float
    size: int
    content: bytes = Field(sa_type=LargeBinary)
    """As `artefact` writes it, checksum included."""


class Snapshot(Base, table=True):
    """That all of a neighbour was read once."""

    stream: str = Field(primary_key=True, max_length=40)
    read_at: datetime = Field(sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "recommendation")
inbox = Inbox(metadata)
