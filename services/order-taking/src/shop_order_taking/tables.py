"""Order-taking's tables."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import UtcDateTime, new_registry
from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class OrderTaken(Base, table=True):
    """An order that was accepted; its event is in the outbox since the same transaction."""

    __tablename__ = "order_taken"

    order_id: UUID = Field(primary_key=True)
    """Made from subject and Idempotency-Key, so the same request is the same row."""
    fingerprint: str = Field(max_length=64)
    """Of the request, to know it again."""
    subject: str | None = Field(default=None, max_length=128, index=True)
    """None: of somebody who has been forgotten, as is all in `person`."""
    person: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What was told to send and bill it: addresses, e-mail, payment method; and the cart."""
    figures: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    placed_at: datetime = Field(sa_type=UtcDateTime)


class TaxCountry(Base, table=True):
    """A country that is sold to."""

    __tablename__ = "tax_country"

    country: str = Field(primary_key=True, max_length=2)
    prices_include_tax: bool
    by_region: bool
    version: int


class TaxRate(Base, table=True):
    """A rate, and what it is for."""

    __tablename__ = "tax_rate"

    country: str = Field(primary_key=True, max_length=2, foreign_key="tax_country.country")
    region: str = Field(primary_key=True, max_length=100)
    category: str = Field(primary_key=True, max_length=120)
    basis_points: int


metadata = Base.metadata
outbox = Outbox(metadata, "order-taking")
inbox = Inbox(metadata)
