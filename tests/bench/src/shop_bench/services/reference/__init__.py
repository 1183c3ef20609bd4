"""The reference handler: one indexed read of PostgreSQL, 20 items of JSON; in the chassis and without it.

What both share is here, so that they differ by the chassis alone.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

PATH = "/shelves/{shelf}/items"
SHELVES = 1000
ITEMS = 20
TABLE = f"""
CREATE TABLE item (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), shelf int NOT NULL, position int NOT NULL,
    sku text NOT NULL, title text NOT NULL, amount bigint NOT NULL, currency text NOT NULL,
    updated_at timestamptz NOT NULL
);
INSERT INTO item (shelf, position, sku, title, amount, currency, updated_at)
    SELECT shelf, position, 'LGT-' || shelf || '-' || position, 'Oak desk lamp', 4900, 'EUR', now()
    FROM generate_series(1, {SHELVES}) shelf, generate_series(1, {ITEMS}) position;
CREATE UNIQUE INDEX item_shelf_position ON item (shelf, position);
ANALYZE item;
"""
_READ = text(
    "SELECT id, sku, title, amount, currency, updated_at FROM item"
    " WHERE shelf = :shelf ORDER BY position LIMIT 20"
)


class Price(BaseModel):
    """Money."""

    amount: int
    currency: str


class Item(BaseModel):
    """One of the twenty."""

    id: UUID
    sku: str
    title: str
    price: Price
    updated_at: datetime


class Items(BaseModel):
    """What a shelf holds."""

    items: list[Item]


async def read(session: AsyncSession, shelf: int) -> Items:
    """One query by an index."""
    rows = (await session.execute(_READ, {"shelf": shelf})).all()
    return Items(
        items=[
            Item(
                id=row.id,
                sku=row.sku,
                title=row.title,
                price=Price(amount=row.amount, currency=row.currency),
                updated_at=row.updated_at,
            )
            for row in rows
        ]
    )
