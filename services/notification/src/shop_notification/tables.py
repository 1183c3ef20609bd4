"""The tables. What has a `due_at` is work that waits for a worker; `queue` says how it is taken."""

from shop_chassis.events import Inbox, Outbox
from shop_chassis.tables import NAMING, UtcDateTime
from shop_contracts.notification.events import STREAM
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

METADATA = MetaData(naming_convention=NAMING)
INBOX = Inbox(METADATA)
OUTBOX = Outbox(METADATA, STREAM)

PERSON = Table(
    "person",
    METADATA,
    Column("subject", String(128), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("name", String(100), nullable=False),
    Column("preferences", JSON, nullable=False),
    Column("read_at", UtcDateTime),
    Column("orders", Integer, nullable=False),
    Column("last_order_at", UtcDateTime),
)
"""Somebody with an account: what user said at `read_at` (null: not asked yet), and what events told."""

PREFERENCE = Table(
    "preference",
    METADATA,
    Column("subject", String(128), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""What somebody chose here; before there is none, it follows from what they chose at user."""

MESSAGE = Table(
    "message",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("subject", String(128)),
    Column("kind", String(16), nullable=False),
    Column("template", String(64), nullable=False),
    Column("email", String(254)),
    Column("locale", String(16)),
    Column("about", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("data", JSON, nullable=False),
    Column("digest_id", Uuid),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Index("ix_message_subject_created_at", "subject", "created_at"),
    Index("ix_message_created_at_id", "created_at", "id"),
    Index("ix_message_about", "about"),
    Index("ix_message_digest_id", "digest_id"),
    Index(
        "ix_message_due_at",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""An occasion: once for each `key`. While it has a `due_at` it is not decided where and when it goes."""

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("message_id", Uuid, ForeignKey("message.id", ondelete="CASCADE"), nullable=False),
    Column("subject", String(128)),
    Column("kind", String(16), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("address", String(500)),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("handed_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("message_id", "channel"),
    Index("ix_delivery_subject_created_at", "subject", "created_at"),
    Index(
        "ix_delivery_due_at",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""A message on one channel. `due_at`: when it is tried, or when the lease of who tries it ends. `handed_at`
is written right before the end of a mail: from then on it may have arrived, whatever is heard of it."""

INBOX_ENTRY = Table(
    "inbox_entry",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("subject", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("link", String(1000), nullable=False),
    Column("image", JSON),
    Column("at", UtcDateTime, nullable=False),
    Column("read_at", UtcDateTime),
    Index("ix_inbox_entry_subject_id", "subject", "id"),
    Index(
        "ix_inbox_entry_unread",
        "subject",
        postgresql_where=text("read_at IS NULL"),
        sqlite_where=text("read_at IS NULL"),
    ),
)
"""What somebody finds in the shop; its id is the message's, so there is one of each."""

SUPPRESSION = Table(
    "suppression",
    METADATA,
    Column("address_key", String(254), primary_key=True),
    Column("kind", String(16), primary_key=True),  # empty: nothing at all is sent there
    Column("address", String(254), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""Addresses that bounced, complained, or unsubscribed without an account; the key is without case."""

CAMPAIGN = Table(
    "campaign",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("template", String(64), nullable=False),
    Column("segment", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("send_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("cursor", String(128), nullable=False),
    Column("looked_at", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Index("ix_campaign_created_at_id", "created_at", "id"),
    Index(
        "ix_campaign_due_at",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""A promotion on its way through the people; `cursor` is the last one looked at."""
