"""The orders that were taken: each is one row and one event, in one transaction."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid5

from pydantic import BaseModel
from shop_chassis.events import Outbox
from shop_chassis.events.dialect import insert
from shop_chassis.idempotency import fingerprint
from shop_chassis.store import Store
from shop_contracts.order_taking.api import AcceptedOrder
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from sqlalchemy import Table, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_order_taking.tables import OrderTaken

NAMESPACE = UUID("6f1c2b52-9f0e-4d55-8f4b-3f5d7a0f8a11")
"""Of the ids of orders (RFC 9562, section 5.5); it must never change."""


@dataclass(frozen=True, slots=True)
class CartRef:
    """The cart as it was when it was ordered."""

    cart_id: str
    etag: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An order that there is."""

    order: AcceptedOrder
    cart: CartRef | None
    """None: of somebody who has been forgotten."""


class KeyReused(Exception):  # noqa: N818 - the name says what happened
    """The key came with another request before."""


def order_id(subject: str, key: str) -> UUID:
    """The same request is the same order, also after a crash of either side."""
    return uuid5(NAMESPACE, f"{subject}\n{key}")


class Orders:
    """The table, and the outbox."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox

    async def find(self, id: UUID, request: BaseModel) -> Taken | None:
        """The order that this request made, if it did. Raises KeyReused."""
        async with self._store.session() as session:
            return await _find(session, id, request)

    async def take(self, placed: OrderPlaced, request: BaseModel, cart: CartRef) -> tuple[Taken, bool]:
        """Takes the order, unless the same request took it meanwhile; whether it did. Raises KeyReused."""
        figures = AcceptedOrder.model_validate(placed.model_dump(include=set(AcceptedOrder.model_fields)))
        told = {"email", "shipping_address", "billing_address", "shipping_option", "payment_method"}
        person = placed.model_dump(mode="json", include=told | {"coupon", "locale"})
        row = OrderTaken(
            order_id=placed.order_id,
            fingerprint=fingerprint(request),
            subject=placed.subject,
            person=person | {"cart_id": cart.cart_id, "cart_etag": cart.etag},
            figures=figures.model_dump(mode="json"),
            placed_at=placed.placed_at,
        )
        table = cast(Table, OrderTaken.__table__)  # type: ignore[attr-defined]
        async with self._store.transaction() as session:
            statement = insert(session, table).values(row.model_dump()).returning(table.c.order_id)
            statement = statement.on_conflict_do_nothing(index_elements=[table.c.order_id])
            if (await session.execute(statement)).one_or_none() is None:
                before = await _find(session, placed.order_id, request)
                assert before is not None
                return before, False
            await self._outbox.add(session, ORDER_PLACED, subject=str(placed.order_id), data=placed)
        return Taken(figures, cart), True

    async def export(self, subject: str) -> dict[str, Any]:
        """What was told with each order; {} when there is none."""
        query = (
            select(OrderTaken).where(col(OrderTaken.subject) == subject).order_by(col(OrderTaken.placed_at))
        )
        async with self._store.session() as session:
            rows = (await session.execute(query)).scalars().all()
        shown = {"order_id", "placed_at", "person", "figures"}
        return {"orders_taken": [row.model_dump(mode="json", include=shown) for row in rows]} if rows else {}


async def erase(session: AsyncSession, subject: str) -> None:
    """Who it was, and where it went; what was sold for how much stays."""
    theirs = update(OrderTaken).where(col(OrderTaken.subject) == subject)
    await session.execute(theirs.values(person=null(), subject=None))


async def _find(session: AsyncSession, id: UUID, request: BaseModel) -> Taken | None:
    row = await session.get(OrderTaken, id)
    if row is None:
        return None
    if row.fingerprint != fingerprint(request):
        raise KeyReused(id)
    cart = row.person and CartRef(row.person["cart_id"], row.person["cart_etag"])
    return Taken(AcceptedOrder.model_validate(row.figures), cart or None)
