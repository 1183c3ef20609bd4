"""Migrations: Alembic, run by the chassis; a service has only `migrations/versions/*.py`.

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
from typing import Any, Literal

import structlog
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, MetaData, TypeDecorator, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_chassis.store import DATABASE_ERRORS, Store, first_line

log = structlog.get_logger(__name__)


DRAFT = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}


def upgrade() -> None:
    {body}
'''


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
        return self._scripts().get_current_head()

    async def upgrade(self, store: Store, *, wait: float) -> list[str]:
        """Brings the schema to this code's revision; returns the revisions that were applied.

        Waits up to `wait` seconds for the database, and for another process that migrates. All revisions are
        one transaction: a failed one leaves the schema as it was. Raises MigrationError.
        """
        deadline = monotonic() + wait
        async with _connection(store, deadline) as connection:
            await _lock(connection, self.package, deadline)
            try:
                return await connection.run_sync(self._upgrade)
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
        known = {script.revision for script in self._scripts().walk_revisions()}
        if found == self.head or (found and found not in known):
            self._current = True  # a schema never goes back
            return None
        return f"the schema is at {found or 'nothing'}, this version needs {self.head}: run `migrate`"

    async def differences(self, store: Store) -> list[Any]:
        """What a migration is missing for: the tables of the metadata against those of the database."""
        async with store.engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: compare_metadata(_context(sync, self.metadata), self.metadata)
            )

    async def draft(self, store: Store, message: str) -> Path | None:
        """Writes a migration that makes the differences up, for a person to read and correct.

        The database must be at this code's revision. None when nothing differs.
        """
        async with store.engine.connect() as connection:
            script = await connection.run_sync(
                lambda sync: produce_migrations(_context(sync, self.metadata), self.metadata)
            )
        steps = script.upgrade_ops
        if steps is None or steps.is_empty():
            return None
        body = render_python_code(steps, render_item=_plain_type)
        folder = Path(str(files(self.package))) / "versions"
        number = f"{len(list(folder.glob('[0-9]*.py'))) + 1:04}"
        path = folder / f"{number}_{re.sub(r'[^a-z0-9]+', '_', message.lower()).strip('_')}.py"
        path.write_text(DRAFT.format(message=message, revision=number, before=self.head, body=body))
        return path

    def _scripts(self) -> ScriptDirectory:
        return ScriptDirectory(str(Path(str(files(self.package)))))

    def _upgrade(self, connection: Connection) -> list[str]:
        scripts = self._scripts()
        applied: list[str] = []

        def steps(revision: Any, _context: MigrationContext) -> list[Any]:
            chosen = scripts._upgrade_revs("head", revision)
            applied.extend(str(step.revision.revision) for step in chosen)
            return list(chosen)

        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(
                connection=connection,
                target_metadata=self.metadata,
                render_as_batch=True,
                transactional_ddl=True,
            )
            environment.run_migrations()
        return applied


def _plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations are to work for ever, so they name SQLAlchemy's types, not ours, which may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        plain = item.impl_instance
        return "sa.DateTime(timezone=True)" if isinstance(plain, DateTime) else f"sa.{plain!r}"
    return False


def _context(connection: Connection, metadata: MetaData) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"target_metadata": metadata, "compare_type": True})


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


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
