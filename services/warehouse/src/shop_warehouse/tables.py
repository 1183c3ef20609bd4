"""The warehouse's tables.

Locks are taken in this order, so that no two transactions wait for each other: the reservation; the products
by id; the sequences of the outbox. Whoever changes stock of a product holds the product's row.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Outbox
from shop_chassis.idempotency import Idempotency
from shop_chassis.tables import UtcDateTime, new_id, new_registry
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Warehouse(Base, table=True):
    """A place with stock."""

    code: str = Field(primary_key=True, max_length=40)
    title: str = Field(max_length=120)
    country: str = Field(max_length=2)
    priority: int
    version: int


class Product(Base, table=True):
    """The lock of a product's stock, in whatever warehouse: what is available is a sum over several rows."""

    id: UUID = Field(primary_key=True)


class Stock(Base, table=True):
    """A product in a warehouse. More may be reserved than is there, once a stock take has found less."""

    __table_args__ = (
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        Index("ix_stock_warehouse", "warehouse", "product_id"),
    )

    product_id: UUID = Field(primary_key=True, foreign_key="product.id")
    warehouse: str = Field(primary_key=True, max_length=40, foreign_key="warehouse.code")
    on_hand: int = Field(default=0, sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    reorder_point: int = Field(default=0, sa_type=BigInteger)
    reorder_quantity: int = Field(default=1, sa_type=BigInteger)

    @property
    def left(self) -> int:
        """On hand and not reserved; below 0 are pieces that are reserved and not there."""
        return self.on_hand - self.reserved

    @property
    def available(self) -> int:
        """What can be reserved."""
        return max(0, self.left)

    @property
    def short(self) -> int:
        """Reserved, and not there."""
        return max(0, -self.left)


def _of_stock(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["product_id", "warehouse"], ["stock.product_id", "stock.warehouse"], name=f"fk_{name}_stock"
    )


class Movement(Base, table=True):
    """Goods that came or left. Rows are added, never changed: a trigger refuses it."""

    __table_args__ = (
        _of_stock("movement"),
        CheckConstraint("quantity <> 0", name="quantity_not_zero"),
        # The same thing moves the same stock once, whatever the code above believes.
        UniqueConstraint("product_id", "warehouse", "kind", "reference"),
        Index("ix_movement_stock", "product_id", "warehouse", "id"),
        Index("ix_movement_reference", "reference"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    product_id: UUID
    warehouse: str = Field(max_length=40)
    quantity: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=20)
    reference: str = Field(max_length=40)
    reason: str = Field(max_length=200)
    at: datetime = Field(sa_type=UtcDateTime)


class Reservation(Base, table=True):
    """What an order holds. One that was released before it came has no request: a tombstone."""

    __table_args__ = (
        Index("ix_reservation_created", "created_at", "order_id"),
        Index(
            "ix_reservation_held",
            "expires_at",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
    )

    order_id: UUID = Field(primary_key=True)
    state: str = Field(max_length=20)
    request: dict[str, Any] | None = Field(sa_column=Column(JSON(none_as_null=True)))
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Allocation(Base, table=True):
    """From which stock a reservation takes, as long as it is held or committed."""

    __table_args__ = (
        _of_stock("allocation"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_allocation_stock", "product_id", "warehouse"),
    )

    order_id: UUID = Field(primary_key=True, foreign_key="reservation.order_id")
    product_id: UUID = Field(primary_key=True)
    warehouse: str = Field(primary_key=True, max_length=40)
    quantity: int = Field(sa_type=BigInteger)


class GoodsReturn(Base, table=True):
    """Goods of an order that came back."""

    __tablename__ = "goods_return"

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="reservation.order_id", index=True)
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    received_at: datetime = Field(sa_type=UtcDateTime)


class Replenishment(Base, table=True):
    """An order to the supplier."""

    __table_args__ = (
        _of_stock("replenishment"),
        Index(
            "uq_replenishment_open",
            "product_id",
            "warehouse",
            unique=True,
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    product_id: UUID
    warehouse: str = Field(max_length=40)
    quantity: int = Field(sa_type=BigInteger)
    state: str = Field(max_length=20)
    received: int | None = Field(default=None, sa_type=BigInteger)
    ordered_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StockTake(Base, table=True):
    """A count, with what it came to."""

    __tablename__ = "stock_take"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    warehouse: str = Field(max_length=40, foreign_key="warehouse.code")
    reason: str = Field(max_length=200)
    counts: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "warehouse")
keys = Idempotency(metadata)
