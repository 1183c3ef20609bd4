"""Logistics' tables."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import UtcDateTime, new_id, new_registry
from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    """Of all tables here."""


class Carrier(Base, table=True):
    """Who carries parcels."""

    id: str = Field(primary_key=True, max_length=40)
    title: str = Field(max_length=100)
    tracking_prefix: str = Field(max_length=4, unique=True)
    active: bool
    version: int


class Rate(Base, table=True):
    """What a carrier takes."""

    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        Index("ix_rate_offers", "zone", "currency"),
    )

    carrier: str = Field(primary_key=True, max_length=40, foreign_key="carrier.id")
    zone: str = Field(primary_key=True, max_length=40, foreign_key="zone.id")
    option: str = Field(primary_key=True, max_length=40)
    currency: str = Field(primary_key=True, max_length=3)
    max_weight_grams: int = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    days_min: int
    days_max: int


class Zone(Base, table=True):
    """Places that cost the same."""

    id: str = Field(primary_key=True, max_length=40)
    version: int


class Area(Base, table=True):
    """A country, or a part of it; each belongs to one zone."""

    country: str = Field(primary_key=True, max_length=2)
    postal_prefix: str = Field(primary_key=True, max_length=16)
    zone: str = Field(max_length=40, foreign_key="zone.id", index=True)


class Shipment(Base, table=True):
    """A parcel to a shopper; one that was cancelled before it was asked for is an id and a state."""

    __table_args__ = (
        Index("ix_shipment_created", "created_at", "order_id"),
        Index("ix_shipment_moved", "state", "moved_at"),
        Index("ix_shipment_route", "zone", "dispatched_on"),
    )

    order_id: UUID = Field(primary_key=True)
    state: str = Field(max_length=16)
    created_at: datetime = Field(sa_type=UtcDateTime)
    moved_at: datetime = Field(sa_type=UtcDateTime)
    """Since when it is in its state."""
    fingerprint: str | None = Field(default=None, max_length=64)
    """Of the request, to know it again."""
    subject: str | None = Field(default=None, max_length=128, index=True)
    """None: nobody's, or of somebody who has been forgotten."""
    forget: bool = False
    """Its owner has been forgotten: the address goes when the parcel has arrived."""
    carrier: str | None = Field(default=None, max_length=40, foreign_key="carrier.id")
    option: str | None = Field(default=None, max_length=40)
    zone: str | None = Field(default=None, max_length=40)
    warehouse: str | None = Field(default=None, max_length=64)
    tracking_number: str | None = Field(default=None, max_length=40, unique=True)
    address: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    lines: list[dict[str, Any]] = Field(default=[], sa_column=Column(JSON, nullable=False))
    estimated: date | None = None
    dispatched_on: date | None = None


class Return(Base, table=True):
    """A parcel from a shopper."""

    __tablename__ = "return_parcel"
    __table_args__ = (Index("ix_return_parcel_moved", "state", "moved_at"),)

    return_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shipment.order_id", index=True)
    state: str = Field(max_length=16)
    created_at: datetime = Field(sa_type=UtcDateTime)
    moved_at: datetime = Field(sa_type=UtcDateTime)
    fingerprint: str = Field(max_length=64)
    carrier: str = Field(max_length=40, foreign_key="carrier.id")
    tracking_number: str = Field(max_length=40, unique=True)
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))


class Tracking(Base, table=True):
    """What happened on the way: rows are added, never changed; the database refuses anything else."""

    __table_args__ = (
        UniqueConstraint("carrier", "report"),
        Index("ix_tracking_order", "order_id", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    order_id: UUID = Field(foreign_key="shipment.order_id")
    return_id: UUID | None = Field(default=None, foreign_key="return_parcel.return_id")
    """None: of the shipment itself."""
    at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(max_length=16)
    place: str = Field(default="", max_length=100)
    text: str = Field(default="", max_length=200)
    carrier: str | None = Field(default=None, max_length=40)
    report: str | None = Field(default=None, max_length=64)
    """The carrier's id of its report; None: it was no report."""


class Route(Base, table=True):
    """A day's round through a zone, as it was planned."""

    __tablename__ = "delivery_route"

    zone: str = Field(primary_key=True, max_length=40)
    day: date = Field(primary_key=True)
    stops: list[str] = Field(sa_column=Column(JSON, nullable=False))
    """The orders, in the order in which they are driven to."""
    planned_at: datetime = Field(sa_type=UtcDateTime)


metadata = Base.metadata
outbox = Outbox(metadata, "logistics")
inbox = Inbox(metadata)
