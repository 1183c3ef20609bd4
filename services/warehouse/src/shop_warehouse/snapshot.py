"""What is available of every product, for services that keep a copy: read in pieces."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from shop_chassis.edge import streaming
from shop_chassis.identity import internal
from shop_chassis.problems import documented
from shop_chassis.runtime import StoreDep
from shop_chassis.store import Store
from shop_contracts.warehouse.snapshot import SNAPSHOT, StockLine
from sqlalchemy import select
from sqlmodel import col

from shop_warehouse.tables import Product, Stock, outbox

PIECE = 500
"""Products that are in memory at a time."""

router = APIRouter(tags=["internal"], dependencies=[internal("search")])


@router.get(
    SNAPSHOT,
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Lines of JSON, each a StockLine",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
        **documented(401, 403, 503),
    },
)
@streaming
async def read_snapshot(store: StoreDep) -> StreamingResponse:
    """Every product that was ever in stock, and an end; with the sequence from which its events are news."""
    return StreamingResponse(lines(store), media_type="application/x-ndjson")


async def lines(store: Store) -> AsyncIterator[bytes]:
    """As the contract says."""
    number = 0
    id, told = col(Product.id), outbox.sequences.c
    following = select(id).order_by(id).limit(PIECE)
    piece = following
    while True:
        # The sequences come first: what changes in between is in the sum, and told again by its event.
        async with store.session() as session:
            ids = (await session.execute(piece)).scalars().all()
            known = select(told.subject, told.sequence).where(told.subject.in_([str(id) for id in ids]))
            sequences = {row.subject: row.sequence for row in await session.execute(known)}
            available = Counter[UUID]()
            for row in (await session.execute(select(Stock).where(col(Stock.product_id).in_(ids)))).scalars():
                available[row.product_id] += row.available
        if not ids:
            break
        yield b"".join(
            _line(product_id=id, available=available[id], sequence=sequences.get(str(id), 0)) for id in ids
        )
        number, piece = number + len(ids), following.where(id > ids[-1])
    yield _line(end=number)


def _line(**content: Any) -> bytes:
    return StockLine.model_construct(**content).model_dump_json(exclude_unset=True).encode() + b"\n"
