"""The wishlist's tables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.idempotency import Idempotency
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Product(Base, table=True):
    """What catalog told last of a product. Products are never deleted."""

    id: UUID = Field(primary_key=True)
    slug: str = Field(max_length=120)
    title: str = Field(max_length=200)
    image: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    sold: bool
    sequence: int = Field(sa_type=BigInteger)
    """Of the last event of the product that this is after."""


class Availability(Base, table=True):
    """What warehouse told last; also of products that are not known here yet."""

    product_id: UUID = Field(primary_key=True)
    available: int


class Snapshot(Base, table=True):
    """That catalog's products were read once, so that those are known of which no event is kept any more."""

    stream: str = Field(primary_key=True, max_length=64)
    read_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Owner(Base, table=True):
    """Somebody with lists or watches: who makes one locks this row, so that the limits hold."""

    subject: str = Field(primary_key=True, max_length=128)


class Wishlist(Base, table=True):
    """A list. Of somebody's lists at most one is the default."""

    __table_args__ = (
        Index(
            "uq_wishlist_default",
            "subject",
            unique=True,
            postgresql_where=text("is_default"),
            sqlite_where=text("is_default"),
        ),
        Index("ix_wishlist_subject", "subject", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject: str = Field(max_length=128)
    title: str = Field(max_length=120)
    is_default: bool
    version: int = 1
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Item(Base, table=True):
    """A product on a list. One that is taken off and put on again is another, with another id."""

    __table_args__ = (
        UniqueConstraint("list_id", "product_id"),
        Index("ix_item_list_id", "list_id", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    list_id: UUID = Field(foreign_key="wishlist.id", ondelete="CASCADE")
    product_id: UUID = Field(foreign_key="product.id", index=True)
    note: str = Field(max_length=500)
    quantity: int
    amount: int = Field(sa_type=BigInteger)
    """The price when it was added."""
    currency: str = Field(max_length=3)
    added_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Link(Base, table=True):
    """A link to a list: the digest of its token, so that who reads this table can open none."""

    digest: str = Field(primary_key=True, max_length=64)
    list_id: UUID = Field(foreign_key="wishlist.id", ondelete="CASCADE", index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Watch(Base, table=True):
    """A price that somebody watches; see `domain.Watching`."""

    __table_args__ = (
        UniqueConstraint("subject", "product_id"),
        # For the question that each fall of a price asks: who is to be told?
        Index("ix_watch_product_id", "product_id", "ceiling"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    subject: str = Field(max_length=128)
    product_id: UUID = Field(foreign_key="product.id")
    currency: str = Field(max_length=3)
    below: int | None = Field(default=None, sa_type=BigInteger)
    percent: int | None = None
    reference: int = Field(sa_type=BigInteger)
    highest: int = Field(sa_type=BigInteger)
    """`Watching.limit`."""
    told: int | None = Field(default=None, sa_type=BigInteger)
    ceiling: int = Field(sa_type=BigInteger)
    """`Watching.ceiling`: who is to be told has it at the new price or above."""
    since: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Notice(Base, table=True):
    """That a watcher was told of a drop; the database refuses to tell the same one twice."""

    __table_args__ = (UniqueConstraint("watch_id", "sequence"),)

    id: UUID = Field(primary_key=True)
    watch_id: UUID = Field(foreign_key="watch.id", ondelete="CASCADE")
    sequence: int = Field(sa_type=BigInteger)
    """Of the event that told the price."""
    amount: int = Field(sa_type=BigInteger)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "wishlist")
inbox = Inbox(metadata)
keys = Idempotency(metadata)
