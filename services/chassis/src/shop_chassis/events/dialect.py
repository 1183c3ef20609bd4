"""What PostgreSQL and SQLite both can but SQLAlchemy spells once for each: INSERT … ON CONFLICT."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession


def insert(on: AsyncSession | AsyncConnection, table: Table) -> Any:
    """The dialect's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    name = dialect_name(on)
    return postgresql.insert(table) if name == "postgresql" else sqlite.insert(table)


def dialect_name(on: AsyncSession | AsyncConnection) -> str:
    """`postgresql` or `sqlite`."""
    return on.get_bind().dialect.name if isinstance(on, AsyncSession) else on.dialect.name
