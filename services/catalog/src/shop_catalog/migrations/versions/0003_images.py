"""Images of products; the version before leaves them as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("product", sa.Column("images", sa.JSON(), server_default="[]", nullable=False))
