"""Carriers with rates, zones, shipments, returns, what happened on the way, routes; inbox and outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "carrier",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("tracking_prefix", sa.String(length=4), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier")),
        sa.UniqueConstraint("tracking_prefix", name=op.f("uq_carrier_tracking_prefix")),
    )
    op.create_table(
        "delivery_route",
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stops", sa.JSON(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("zone", "day", name=op.f("pk_delivery_route")),
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
        "zone",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone")),
    )
    op.create_table(
        "area",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("postal_prefix", sa.String(length=16), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["zone"], ["zone.id"], name=op.f("fk_area_zone")),
        sa.PrimaryKeyConstraint("country", "postal_prefix", name=op.f("pk_area")),
    )
    op.create_index(op.f("ix_area_zone"), "area", ["zone"], unique=False)
    op.create_table(
        "rate",
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("option", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("max_weight_grams", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("days_min", sa.Integer(), nullable=False),
        sa.Column("days_max", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_rate_amount_not_negative")),
        sa.ForeignKeyConstraint(["carrier"], ["carrier.id"], name=op.f("fk_rate_carrier")),
        sa.ForeignKeyConstraint(["zone"], ["zone.id"], name=op.f("fk_rate_zone")),
        sa.PrimaryKeyConstraint(
            "carrier", "zone", "option", "currency", "max_weight_grams", name=op.f("pk_rate")
        ),
    )
    op.create_index("ix_rate_offers", "rate", ["zone", "currency"], unique=False)
    op.create_table(
        "shipment",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=128), nullable=True),
        sa.Column("forget", sa.Boolean(), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=True),
        sa.Column("option", sa.String(length=40), nullable=True),
        sa.Column("zone", sa.String(length=40), nullable=True),
        sa.Column("warehouse", sa.String(length=64), nullable=True),
        sa.Column("tracking_number", sa.String(length=40), nullable=True),
        sa.Column("address", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("estimated", sa.Date(), nullable=True),
        sa.Column("dispatched_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["carrier"], ["carrier.id"], name=op.f("fk_shipment_carrier")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("tracking_number", name=op.f("uq_shipment_tracking_number")),
    )
    op.create_index("ix_shipment_created", "shipment", ["created_at", "order_id"], unique=False)
    op.create_index("ix_shipment_moved", "shipment", ["state", "moved_at"], unique=False)
    op.create_index("ix_shipment_route", "shipment", ["zone", "dispatched_on"], unique=False)
    op.create_index(op.f("ix_shipment_subject"), "shipment", ["subject"], unique=False)
    op.create_table(
        "return_parcel",
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("tracking_number", sa.String(length=40), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["carrier"], ["carrier.id"], name=op.f("fk_return_parcel_carrier")),
        sa.ForeignKeyConstraint(["order_id"], ["shipment.order_id"], name=op.f("fk_return_parcel_order_id")),
        sa.PrimaryKeyConstraint("return_id", name=op.f("pk_return_parcel")),
        sa.UniqueConstraint("tracking_number", name=op.f("uq_return_parcel_tracking_number")),
    )
    op.create_index("ix_return_parcel_moved", "return_parcel", ["state", "moved_at"], unique=False)
    op.create_index(op.f("ix_return_parcel_order_id"), "return_parcel", ["order_id"], unique=False)
    op.create_table(
        "tracking",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("return_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=True),
        sa.Column("report", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["shipment.order_id"], name=op.f("fk_tracking_order_id")),
        sa.ForeignKeyConstraint(
            ["return_id"], ["return_parcel.return_id"], name=op.f("fk_tracking_return_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracking")),
        sa.UniqueConstraint("carrier", "report", name=op.f("uq_tracking_carrier_report")),
    )
    op.create_index("ix_tracking_order", "tracking", ["order_id", "id"], unique=False)
    _append_only("tracking")


def _append_only(table: str) -> None:
    """What has been recorded stays as it is, whoever has the password."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
