"""What Alembic does for `migrations`: upgrades, differences, drafts. Only who migrates loads it."""

from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, MetaData, TypeDecorator

DRAFT = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before!r}


def upgrade() -> None:
    {body}
'''


def head(folder: Path) -> str | None:
    """The revision that no other in this folder's `versions` follows; None where there is none."""
    return ScriptDirectory(str(folder)).get_current_head()


def upgrade(connection: Connection, folder: Path, metadata: MetaData) -> list[str]:
    """Brings the schema to the folder's head; the revisions that were applied."""
    scripts = ScriptDirectory(str(folder))
    applied: list[str] = []

    def steps(revision: Any, _context: MigrationContext) -> list[Any]:
        chosen = scripts._upgrade_revs("head", revision)
        applied.extend(str(step.revision.revision) for step in chosen)
        return list(chosen)

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            transactional_ddl=True,
        )
        environment.run_migrations()
    return applied


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """As Alembic has them: what the metadata's tables have that the database's do not, and the reverse."""
    return list(compare_metadata(_context(connection, metadata), metadata))


def draft(
    connection: Connection, metadata: MetaData, message: str, revision: str, before: str | None
) -> str | None:
    """A migration that makes the differences up; None when there are none."""
    steps = produce_migrations(_context(connection, metadata), metadata).upgrade_ops
    if steps is None or steps.is_empty():
        return None
    body = render_python_code(steps, render_item=_plain_type)
    return DRAFT.format(message=message, revision=revision, before=before, body=body)


def _context(connection: Connection, metadata: MetaData) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"target_metadata": metadata, "compare_type": True})


def _plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations are to work for ever, so they name SQLAlchemy's types, not ours, which may change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        plain = item.impl_instance
        return "sa.DateTime(timezone=True)" if isinstance(plain, DateTime) else f"sa.{plain!r}"
    return False
