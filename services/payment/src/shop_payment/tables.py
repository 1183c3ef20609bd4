"""Payment's tables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class PaymentRow(Base, table=True):
    """The present state of an order's payment. Changes of one lock its row first."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("captured between 0 and amount", name="captured_at_most_amount"),
        CheckConstraint("refunded between 0 and captured", name="refunded_at_most_captured"),
        Index("ix_payment_created_at", "created_at", "order_id"),
        Index("ix_payment_customer", "customer"),
    )

    order_id: str = Field(primary_key=True, max_length=64)
    fingerprint: str | None = Field(default=None, max_length=64)
    """Of what was asked for; None: voided before anything was."""
    state: str = Field(max_length=20)
    gateway: str = Field(max_length=32)
    currency: str = Field(max_length=3)
    amount: int = Field(sa_type=BigInteger)
    captured: int = Field(default=0, sa_type=BigInteger)
    refunded: int = Field(default=0, sa_type=BigInteger)
    tax: int = Field(default=0, sa_type=BigInteger)
    shipping: int = Field(default=0, sa_type=BigInteger)
    method: str = Field(default="", max_length=200)
    """The gateway's token."""
    customer: str = Field(default="", max_length=128)
    description: str = Field(default="", max_length=200)
    charge_id: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=64)
    action_url: str | None = Field(default=None, max_length=1000)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


_OPEN: Any = text("state = 'open'")


class AttemptRow(Base, table=True):
    """Something that is asked of the gateway; written before it is, and open until the answer is known."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("order_id", "refund_id"),
        Index("ix_attempt_due", "next_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    key: str = Field(primary_key=True, max_length=150)
    order_id: str = Field(max_length=64, foreign_key="payment.order_id", index=True)
    kind: str = Field(max_length=10)
    refund_id: str | None = Field(default=None, max_length=64)
    amount: int = Field(sa_type=BigInteger)
    reason: str = Field(default="", max_length=200)
    """Of a refund."""
    state: str = Field(default="open", max_length=10)
    accepted: bool = False
    """The gateway has taken it on, but not done it yet."""
    tries: int = 0
    error: str | None = Field(default=None, max_length=300)
    started_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    sent_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    """When it was asked last."""
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    next_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    """When it is asked again, while it is open."""


class WebhookRow(Base, table=True):
    """An event of a gateway that has had its effect."""

    __tablename__ = "webhook"

    gateway: str = Field(primary_key=True, max_length=32)
    event_id: str = Field(primary_key=True, max_length=128)
    type: str = Field(max_length=64)
    order_id: str | None = Field(default=None, max_length=64)
    """None: of a charge that is not ours."""
    received_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime, index=True)


class PostingRow(Base, table=True):
    """A transaction of the ledger. A trigger refuses its change and removal."""

    __tablename__ = "ledger_posting"
    __table_args__ = (UniqueConstraint("order_id", "kind", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    order_id: str = Field(max_length=64)
    kind: str = Field(max_length=20)
    key: str = Field(max_length=64)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class EntryRow(Base, table=True):
    """One side of it. A trigger refuses its change and removal."""

    __tablename__ = "ledger_entry"
    __table_args__ = (CheckConstraint("amount <> 0", name="not_zero"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    posting_id: UUID = Field(foreign_key="ledger_posting.id", index=True)
    account: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    amount: int = Field(sa_type=BigInteger)


metadata = Base.metadata
outbox = Outbox(metadata, "payment")
inbox = Inbox(metadata)
