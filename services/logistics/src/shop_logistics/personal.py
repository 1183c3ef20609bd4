"""What logistics knows of a person: where parcels were sent."""

from typing import Any

from shop_chassis.store import Store
from sqlalchemy import null, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_logistics.states import ENDED
from shop_logistics.tables import Shipment


async def export(store: Store, subject: str) -> dict[str, Any]:
    """Shipments with their addresses and contents."""
    query = select(Shipment).where(col(Shipment.subject) == subject).order_by(col(Shipment.created_at))
    shown = {"order_id", "state", "created_at", "carrier", "option", "tracking_number", "address", "lines"}
    async with store.session() as session:
        rows = (await session.execute(query)).scalars().all()
    return {"shipments": [row.model_dump(mode="json", include=shown) for row in rows]} if rows else {}


async def erase(session: AsyncSession, subject: str) -> None:
    """Addresses and whose they were. What is still on its way keeps the address until it has arrived."""
    theirs = col(Shipment.subject) == subject
    arrived = col(Shipment.state).in_(ENDED)
    await session.execute(update(Shipment).where(theirs, arrived).values(address=null(), subject=None))
    await session.execute(update(Shipment).where(theirs).values(forget=True, subject=None))
