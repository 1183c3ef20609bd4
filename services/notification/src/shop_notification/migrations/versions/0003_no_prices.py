"""What the first worker noted of prices goes: those who watch are told by wishlist."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_table("notice")
    op.drop_table("seen_price")
