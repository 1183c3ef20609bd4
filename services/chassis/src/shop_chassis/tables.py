"""Building blocks of a service's tables. Each service has a base, and metadata, of its own.

class Base(SQLModel, registry=new_registry()): ...

class Product(Base, table=True):
    id: UUID = Field(default_factory=new_id, primary_key=True)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import DateTime, Dialect, MetaData, TypeDecorator
from sqlalchemy.orm import registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints with names of their own can be changed by later migrations on every database."""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ids made later sort later, which keeps indexes compact."""
    return uuid_utils.compat.uuid7()


def utc_now() -> datetime:
    """Now, with the zone UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, in UTC on the way in and out; SQLite keeps no zone by itself.

    Raises ValueError for a datetime without a zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: expected an aware datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Out of the database."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def new_registry() -> registry:
    """A registry, with metadata, for the tables of one service."""
    return registry(metadata=MetaData(naming_convention=NAMING))
