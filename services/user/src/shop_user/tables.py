"""What is stored. Secrets of tokens are here as digests only."""

from shop_chassis.events import Outbox
from shop_chassis.tables import NAMING, UtcDateTime
from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Uuid

METADATA = MetaData(naming_convention=NAMING)
OUTBOX = Outbox(METADATA, "user")

DIGEST = String(64)

ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("email", String(254)),
    Column("email_key", String(254), unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200)),
    Column("scopes", JSON, nullable=False),
    Column("preferences", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_login_at", UtcDateTime),
    Column("locked_at", UtcDateTime),
    Column("locked_reason", String(200)),
    Column("erased_at", UtcDateTime),
    Column("version", Integer, nullable=False),
)
"""There is one once its e-mail address is confirmed. An erased one keeps its id and nothing that names
anybody; its `email_key` is NULL, so the address is free again."""

PENDING = Table(
    "pending",
    METADATA,
    Column("digest", DIGEST, primary_key=True),
    Column("purpose", String(10), nullable=False),
    Column("account_id", Uuid, ForeignKey("account.id"), index=True),
    Column("email", String(254), nullable=False),
    Column("email_key", String(254), nullable=False, index=True),
    Column("password_hash", String(200)),
    Column("name", String(100), nullable=False),
    Column("locale", String(10), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
"""What waits for the token of a mail: a registration, with the password that it will have, or a reset.

A row without purpose stands in for one where there is nothing to wait for, so that both take as long."""

SESSION = Table(
    "session",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("subject", String(64), nullable=False, index=True),
    Column("account_id", Uuid, ForeignKey("account.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("ended_at", UtcDateTime),
    Column("ended_because", String(20)),
)
"""A family of refresh tokens. `account_id` is NULL for a guest."""

REFRESH_TOKEN = Table(
    "refresh_token",
    METADATA,
    Column("digest", DIGEST, primary_key=True),
    Column("session_id", Uuid, ForeignKey("session.id"), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)
"""Used ones stay as long as their session: that is how a second use is noticed."""

Index(
    "uq_refresh_token_unused",
    REFRESH_TOKEN.c.session_id,
    unique=True,
    postgresql_where=REFRESH_TOKEN.c.used_at.is_(None),
    sqlite_where=REFRESH_TOKEN.c.used_at.is_(None),
)
Index("ix_refresh_token_session_id", REFRESH_TOKEN.c.session_id)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("key", String(80), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("blocked_until", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False, index=True),
)
"""How often something was tried of late, by a digest of whom it concerns."""

ADDRESS = Table(
    "address",
    METADATA,
    Column("account_id", Uuid, ForeignKey("account.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("address", JSON, nullable=False),
    Column("label", String(40), nullable=False),
    Column("default_shipping", Boolean, nullable=False),
    Column("default_billing", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
)

PAYMENT_METHOD = Table(
    "payment_method",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("account.id"), nullable=False),
    Column("gateway", String(40), nullable=False),
    Column("token", String(140), nullable=False),
    Column("brand", String(30), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("expires", String(7), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
Index(
    "uq_payment_method_token",
    PAYMENT_METHOD.c.account_id,
    PAYMENT_METHOD.c.gateway,
    PAYMENT_METHOD.c.token,
    unique=True,
)
