"""Stock and its movements, reservations, returns, replenishments, stock takes, the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("route", sa.String(length=256), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "route", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_expires_at"), "idempotency", ["expires_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traceparent", sa.String(length=64), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["position"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
        sqlite_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "outbox_sequence",
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_outbox_sequence")),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
    )
    op.create_table(
        "reservation",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("request", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_reservation")),
    )
    op.create_index("ix_reservation_created", "reservation", ["created_at", "order_id"], unique=False)
    op.create_index(
        "ix_reservation_held",
        "reservation",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
        sqlite_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "warehouse",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_warehouse")),
    )
    op.create_table(
        "goods_return",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["reservation.order_id"], name=op.f("fk_goods_return_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goods_return")),
    )
    op.create_index(op.f("ix_goods_return_order_id"), "goods_return", ["order_id"], unique=False)
    op.create_table(
        "stock",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse", sa.String(length=40), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("reorder_point", sa.BigInteger(), nullable=False),
        sa.Column("reorder_quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("on_hand >= 0", name=op.f("ck_stock_on_hand_not_negative")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_stock_reserved_not_negative")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_stock_product_id")),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_stock_warehouse")),
        sa.PrimaryKeyConstraint("product_id", "warehouse", name=op.f("pk_stock")),
    )
    op.create_index("ix_stock_warehouse", "stock", ["warehouse", "product_id"], unique=False)
    op.create_table(
        "stock_take",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("warehouse", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_stock_take_warehouse")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_take")),
    )
    op.create_table(
        "allocation",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_allocation_quantity_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["reservation.order_id"], name=op.f("fk_allocation_order_id")),
        sa.ForeignKeyConstraint(
            ["product_id", "warehouse"], ["stock.product_id", "stock.warehouse"], name="fk_allocation_stock"
        ),
        sa.PrimaryKeyConstraint("order_id", "product_id", "warehouse", name=op.f("pk_allocation")),
    )
    op.create_index("ix_allocation_stock", "allocation", ["product_id", "warehouse"], unique=False)
    op.create_table(
        "movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_movement_quantity_not_zero")),
        sa.ForeignKeyConstraint(
            ["product_id", "warehouse"], ["stock.product_id", "stock.warehouse"], name="fk_movement_stock"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement")),
        sa.UniqueConstraint(
            "product_id",
            "warehouse",
            "kind",
            "reference",
            name=op.f("uq_movement_product_id_warehouse_kind_reference"),
        ),
    )
    op.create_index("ix_movement_reference", "movement", ["reference"], unique=False)
    op.create_index("ix_movement_stock", "movement", ["product_id", "warehouse", "id"], unique=False)
    op.create_table(
        "replenishment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse", sa.String(length=40), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["product_id", "warehouse"],
            ["stock.product_id", "stock.warehouse"],
            name="fk_replenishment_stock",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replenishment")),
    )
    op.create_index(
        "uq_replenishment_open",
        "replenishment",
        ["product_id", "warehouse"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    _append_only()


def _append_only() -> None:
    """Movements are added, never changed or removed."""
    says = "movements are append-only: add one that corrects it"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION movement_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{says}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement "
            "FOR EACH STATEMENT EXECUTE FUNCTION movement_append_only()"
        )
    else:
        for change in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER movement_no_{change} BEFORE {change.upper()} ON movement "
                f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
            )
