"""All of catalog, for services that keep a copy: read in pieces, so that its size does not matter."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from shop_chassis.edge import streaming
from shop_chassis.identity import internal
from shop_chassis.problems import documented
from shop_chassis.runtime import StoreDep
from shop_chassis.store import Store
from shop_contracts.catalog.events import CATEGORIES
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop_catalog.products import product_of, shown, tree
from shop_catalog.tables import Product, outbox

PIECE = 500
"""Products that are in memory at a time."""

router = APIRouter(tags=["internal"], dependencies=[internal("search", "wishlist", "recommendation")])


@router.get(
    SNAPSHOT,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Lines of JSON, each a SnapshotLine",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 503),
    },
)
@streaming
async def read_snapshot(store: StoreDep) -> StreamingResponse:
    """The tree, every product, and an end; each with the sequence from which its events are news."""
    return StreamingResponse(lines(store), media_type="application/x-ndjson")


async def lines(store: Store) -> AsyncIterator[bytes]:
    """As the contract says."""
    async with store.session() as session:
        sequences = await _sequences(session, [CATEGORIES])
        categories = (await tree(session)).items
    yield _line(categories=categories, sequence=sequences.get(CATEGORIES, 0))
    count = 0
    id: Any = Product.id
    following = select(id).order_by(id).limit(PIECE)
    piece = following
    while True:
        # The sequences come first: what changes in between is in the product, and told again by its event.
        async with store.session() as session:
            ids: Sequence[UUID] = (await session.execute(piece)).scalars().all()
            sequences = await _sequences(session, [str(id) for id in ids])
            rows = (await session.execute(shown().where(id.in_(ids)).order_by(id))).all()
        if not ids:
            break
        products = ((product_of(*row), sequences.get(str(row[0].id), 0)) for row in rows)
        yield b"".join(_line(product=product, sequence=sequence) for product, sequence in products)
        count, piece = count + len(rows), following.where(id > ids[-1])
    yield _line(end=count)


async def _sequences(session: AsyncSession, subjects: Collection[str]) -> dict[str, int]:
    table = outbox.sequences.c
    found = await session.execute(select(table.subject, table.sequence).where(table.subject.in_(subjects)))
    return {row.subject: row.sequence for row in found}


def _line(**content: Any) -> bytes:
    return SnapshotLine.model_construct(**content).model_dump_json(exclude_unset=True).encode() + b"\n"
