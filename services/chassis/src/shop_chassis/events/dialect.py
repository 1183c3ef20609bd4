"""Where PostgreSQL and SQLite differ: INSERT … ON CONFLICT, which SQLAlchemy spells once for each; locks."""

import hashlib
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


def lock_key(purpose: str) -> int:
    """Key of PostgreSQL's advisory locks: 63 bits of a hash, so that those who share a database do not
    collide."""
    return int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "big") >> 1
