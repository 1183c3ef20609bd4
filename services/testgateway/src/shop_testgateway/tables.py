"""What the gateway keeps. No card number is among it."""

from datetime import datetime

from shop_chassis.tables import UtcDateTime, new_registry, utc_now
from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, Text
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Method(Base, table=True):
    """A card, by its token."""

    token: str = Field(primary_key=True, max_length=64)
    brand: str = Field(max_length=32)
    last4: str = Field(max_length=4)
    exp_month: int
    exp_year: int
    outcome: str | None = Field(default=None, max_length=32)
    """What comes of charging it; None: all goes well."""


class Charge(Base, table=True):
    """The present state of a charge."""

    __table_args__ = (
        CheckConstraint("captured in (0, amount)", name="captured_whole"),
        CheckConstraint("refunded between 0 and captured", name="refunded_at_most_captured"),
        Index("ix_charge_reference", "reference", "id"),
    )

    id: str = Field(primary_key=True, max_length=64)
    key: str = Field(max_length=128, unique=True)
    reference: str = Field(max_length=64)
    status: str = Field(max_length=20)
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    captured: int = Field(default=0, sa_type=BigInteger)
    refunded: int = Field(default=0, sa_type=BigInteger)
    fee: int = Field(default=0, sa_type=BigInteger)
    method: str = Field(max_length=200)
    description: str = Field(max_length=200)
    return_url: str | None = Field(default=None, max_length=500)
    reason: str | None = Field(default=None, max_length=32)
    challenge: str | None = Field(default=None, max_length=64, unique=True)
    """Id of the page of 3-D Secure; a secret, since it needs no key."""
    action_url: str | None = Field(default=None, max_length=500)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    version: int = 1


class Refund(Base, table=True):
    """Money given back."""

    id: str = Field(primary_key=True, max_length=64)
    charge_id: str = Field(max_length=64, foreign_key="charge.id", index=True)
    key: str = Field(max_length=128, unique=True)
    amount: int = Field(sa_type=BigInteger)
    reference: str = Field(max_length=64)
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Answered(Base, table=True):
    """An idempotency key, with what was asked and what was answered."""

    key: str = Field(primary_key=True, max_length=128)
    fingerprint: str = Field(max_length=64)
    status: int
    body: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))


class Delivery(Base, table=True):
    """A webhook that is to be sent; an event may have several."""

    __table_args__ = (Index("ix_delivery_due_at", "due_at"),)

    id: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(max_length=64)
    body: str = Field(sa_column=Column(Text, nullable=False))
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """None: delivered, or given up."""
    tries: int = 0
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Fault(Base, table=True):
    """A fault that is switched on."""

    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    fault: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    hits: int = 0


class FaultTotal(Base, table=True):
    """How often a kind of fault struck."""

    kind: str = Field(primary_key=True, max_length=32)
    hits: int


metadata = Base.metadata
