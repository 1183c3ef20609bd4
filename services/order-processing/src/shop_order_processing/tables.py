"""What is stored: a row per order with all of its case, a row per saga, what happened to it, invoices."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.idempotency import Idempotency
from shop_chassis.tables import UtcDateTime, new_id, new_registry
from sqlalchemy import JSON, BigInteger, Column, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class OrderRow(Base, table=True):
    """An order. Whoever changes it, or one of its sagas, locks it first."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_subject", "subject", "placed_at", "id"),
        Index("ix_orders_placed_at", "placed_at", "id"),
        Index("ix_orders_state", "state", "placed_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    subject: str = Field(max_length=128)
    state: str = Field(max_length=20)
    placed_at: datetime = Field(sa_type=UtcDateTime)
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The `Case`."""


class SagaRow(Base, table=True):
    """A saga. `version` counts what its worker did; `news` what others had to say."""

    __tablename__ = "sagas"
    __table_args__ = (
        UniqueConstraint("about", "kind"),
        Index("ix_sagas_order_id", "order_id"),
        Index(
            "ix_sagas_open",
            "next_at",
            postgresql_where=text("state = 'open'"),
            sqlite_where=text("state = 'open'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=20)
    order_id: UUID = Field(foreign_key="orders.id")
    about: UUID
    state: str = Field(max_length=10)
    step: str = Field(max_length=20)
    direction: str = Field(max_length=10)
    attempts: int
    failures: int
    waiting: bool
    reason: str | None = Field(default=None, max_length=500)
    cause: str | None = Field(default=None, max_length=500)
    wish: str | None = Field(default=None, max_length=200)
    since: datetime = Field(sa_type=UtcDateTime)
    stuck_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    worker: str = Field(default="", max_length=100)
    version: int = 1
    news: int = 0
    traceparent: str | None = Field(default=None, max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SagaLogRow(Base, table=True):
    """One transition; rows are added, never changed."""

    __tablename__ = "saga_log"

    position: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    saga_id: UUID = Field(foreign_key="sagas.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    step: str = Field(max_length=20)
    direction: str = Field(max_length=10)
    outcome: str = Field(max_length=10)
    attempt: int
    reason: str | None = Field(default=None, max_length=500)
    worker: str = Field(max_length=100)


class InvoiceCounter(Base, table=True):
    """The last number of a year; changed in the transaction of the invoice, so that none is left out."""

    __tablename__ = "invoice_counter"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    last: int


class InvoiceRow(Base, table=True):
    """An invoice as it was issued; never changed."""

    __tablename__ = "invoices"
    __table_args__ = (UniqueConstraint("year", "number"),)

    order_id: UUID = Field(foreign_key="orders.id", primary_key=True)
    year: int
    number: int
    issued_at: datetime = Field(sa_type=UtcDateTime)
    content: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """The order as it was then: what was sold, to whom, at which tax."""


metadata = Base.metadata
outbox = Outbox(metadata, "order-processing")
inbox = Inbox(metadata)
keys = Idempotency(metadata)
