"""Tables, and the statements on them."""

from uuid import UUID

from shop_chassis.events import Inbox
from shop_chassis.events.dialect import insert
from shop_chassis.tables import NAMING, UtcDateTime, new_id, utc_now
from shop_contracts.money import Money
from sqlalchemy import BigInteger, Column, MetaData, String, Table, Uuid
from sqlalchemy.ext.asyncio import AsyncSession

from shop_notification.domain import PRICE_DROP, PriceDrop

METADATA = MetaData(naming_convention=NAMING)
INBOX = Inbox(METADATA)

SEEN_PRICE = Table(
    "seen_price",
    METADATA,
    Column("product_id", Uuid, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
"""The newest price of each product; `sequence` is of the event that told, so older ones are known as such."""

NOTICE = Table(
    "notice",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("product_id", Uuid, nullable=False, index=True),
    Column("old", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
"""What there is to tell; the unique event id would refuse a second notice of the same event."""


async def see_price(session: AsyncSession, product_id: UUID, price: Money, sequence: int) -> None:
    """Remembers the price unless a newer one is known."""
    values = {"amount": price.amount, "currency": price.currency, "sequence": sequence}
    await session.execute(
        insert(session, SEEN_PRICE)
        .values(product_id=product_id, **values)
        .on_conflict_do_update(
            index_elements=[SEEN_PRICE.c.product_id], set_=values, where=SEEN_PRICE.c.sequence < sequence
        )
    )


async def add_notice(session: AsyncSession, event_id: str, drop: PriceDrop) -> None:
    """Notes that there is a drop to tell of."""
    await session.execute(
        NOTICE.insert().values(
            id=new_id(),
            event_id=event_id,
            kind=PRICE_DROP,
            product_id=drop.product_id,
            old=drop.old,
            new=drop.new,
            currency=drop.currency,
            created_at=utc_now(),
        )
    )
