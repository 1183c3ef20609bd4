"""Weight, variants, relations, planned prices, availability, promotions, coupons and their uses, the inbox.

The version before knows none of it: what is new on `product` has a default or may be missing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "availability",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_availability")),
    )
    op.create_table(
        "coupon",
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("minimum", sa.JSON(), nullable=True),
        sa.Column("limit", sa.Integer(), nullable=True),
        sa.Column("limit_per_subject", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_coupon")),
    )
    op.create_table(
        "coupon_use",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_coupon_use")),
    )
    op.create_index("ix_coupon_use_code", "coupon_use", ["code", "state", "order_id"], unique=False)
    op.create_index("ix_coupon_use_subject", "coupon_use", ["subject"], unique=False)
    op.create_table(
        "family",
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=5000), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_family")),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_at", "inbox", ["at"], unique=False)
    op.create_table(
        "inbox_parked",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "source", "subject", "sequence", name=op.f("pk_inbox_parked")),
    )
    op.create_index("ix_inbox_parked_at", "inbox_parked", ["at"], unique=False)
    op.create_table(
        "inbox_sequence",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "source", "subject", "type", name=op.f("pk_inbox_sequence")),
    )
    op.create_table(
        "promotion",
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_table(
        "planned_price",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_planned_price_amount_not_negative")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_planned_price_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_price")),
    )
    op.create_index(
        "ix_planned_price_due",
        "planned_price",
        ["valid_from"],
        unique=False,
        postgresql_where=sa.text("applied_at IS NULL"),
        sqlite_where=sa.text("applied_at IS NULL"),
    )
    op.create_index(
        "ix_planned_price_product_id", "planned_price", ["product_id", "valid_from"], unique=False
    )
    op.create_table(
        "relation",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["product.id"], name=op.f("fk_relation_other_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_relation_product_id")),
        sa.PrimaryKeyConstraint("product_id", "kind", "other_id", name=op.f("pk_relation")),
    )
    op.add_column("product", sa.Column("weight_grams", sa.Integer(), server_default="500", nullable=False))
    family = sa.ForeignKey("family.slug", name=op.f("fk_product_family"))
    # With the reference in the column: SQLite cannot add one to a table that is there.
    op.add_column(
        "product", sa.Column("family", sa.String(120), family, nullable=True), inline_references=True
    )
    op.add_column("product", sa.Column("options", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("product", sa.Column("variant", sa.String(length=32), nullable=True))
    op.create_index("uq_product_variant", "product", ["family", "variant"], unique=True)
