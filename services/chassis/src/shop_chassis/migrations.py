"""Migrations: a service has only `migrations/versions/*.py`; Alembic runs them, see `schema`.

Services never migrate while they serve. The version before must keep running on the new schema, so a schema
that is newer than the code is fine, and one that is older is a reason not to be ready.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_chassis.store import DATABASE_ERRORS, Store, first_line

log = structlog.get_logger(__name__)


VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))
"""In which Alembic keeps the revision that a database is at:
https://alembic.sqlalchemy.org/en/latest/tutorial.html#running-our-first-migration"""


class MigrationError(Exception):
    """The schema could not be brought up to date; says why and what to do."""


class Migrations:
    """The migrations of one service."""

    def __init__(self, package: str, metadata: MetaData) -> None:
        """`package` holds `versions/`, as in `shop_catalog.migrations`; `metadata` is what they lead to."""
        self.metadata = metadata
        self.package = package
        self._current = False

    @property
    def head(self) -> str | None:
        """The newest revision of this code; None when there is none at all."""
        return max(self._revisions(), default=None)

    async def upgrade(self, store: Store, *, wait: float) -> list[str]:
        """Brings the schema to this code's revision; returns the revisions that were applied.

        Waits up to `wait` seconds for the database, and for another process that migrates. All revisions are
        one transaction: a failed one leaves the schema as it was. Raises MigrationError.
        """
        from shop_chassis import schema  # only who migrates pays for Alembic: a sixth of what a service loads

        if (found := schema.head(self._folder)) != self.head:
            raise MigrationError(
                f"{self.package}: expected its files to begin with their revisions, in order, so that"
                f" the last is {self.head}; found that {found} is: rename them"
            )
        deadline = monotonic() + wait
        async with _connection(store, deadline) as connection:
            await _lock(connection, self.package, deadline)
            try:
                return await connection.run_sync(schema.upgrade, self._folder, self.metadata)
            except DATABASE_ERRORS as error:
                raise MigrationError(
                    f"{self.package}: {first_line(error)}; the schema is as it was before"
                ) from error

    async def problem(self, store: Store) -> str | None:
        """Why this code cannot run on the schema that is there; None when it can."""
        if self._current:
            return None
        try:
            async with store.session() as session:
                connection = await session.connection()
                found = await connection.run_sync(_revision)
        except DATABASE_ERRORS as error:
            return first_line(error)
        if found == self.head or (found and found not in self._revisions()):
            self._current = True  # a schema never goes back
            return None
        return f"the schema is at {found or 'nothing'}, this version needs {self.head}: run `migrate`"

    async def differences(self, store: Store) -> list[Any]:
        """What a migration is missing for: the tables of the metadata against those of the database."""
        from shop_chassis import schema  # as above

        async with store.engine.connect() as connection:
            return await connection.run_sync(schema.differences, self.metadata)

    async def draft(self, store: Store, message: str) -> Path | None:
        """Writes a migration that makes the differences up, for a person to read and correct.

        The database must be at this code's revision. None when nothing differs.
        """
        from shop_chassis import schema  # as above

        number = f"{len(self._revisions()) + 1:04}"
        async with store.engine.connect() as connection:
            text = await connection.run_sync(schema.draft, self.metadata, message, number, self.head)
        if text is None:
            return None
        name = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
        path = self._folder / "versions" / f"{number}_{name}.py"
        path.write_text(text)
        return path

    @property
    def _folder(self) -> Path:
        return Path(str(files(self.package)))

    def _revisions(self) -> set[str]:
        """With which the files begin; `upgrade` sees to that."""
        return {file.stem.partition("_")[0] for file in (self._folder / "versions").glob("[0-9]*.py")}


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION.name):
        return None
    return connection.execute(select(VERSION.c.version_num)).scalar_one_or_none()


@asynccontextmanager
async def _connection(store: Store, deadline: float) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that commits at the end; waits for the database to come up."""
    while True:
        connection = store.writing.connect()
        try:
            await connection.start()
            break
        except DATABASE_ERRORS as error:
            left = deadline - monotonic()
            if left <= 0:
                raise MigrationError(
                    f"the database did not accept a connection in time: {first_line(error)}; "
                    "is it running, and are address and credentials right?"
                ) from error
            log.info("waiting for the database", problem=first_line(error), seconds_left=round(left))
            await asyncio.sleep(min(1.0, left))
    try:
        async with connection.begin():
            yield connection
    finally:
        await connection.close()


async def _lock(connection: AsyncConnection, package: str, deadline: float) -> None:
    """One migration at a time; PostgreSQL's lock ends with the transaction, SQLite's is the transaction."""
    if connection.dialect.name != "postgresql":
        return
    digest = hashlib.blake2b(f"migrations of {package}".encode(), digest_size=8).digest()
    key = int.from_bytes(digest, "big") >> 1
    while not (await connection.execute(select(func.pg_try_advisory_xact_lock(key)))).scalar_one():
        if monotonic() > deadline:
            raise MigrationError("another migration of this database has not ended in time: look at its log")
        log.info("waiting for another migration to end")
        await asyncio.sleep(0.5)
