"""Catalog's products, read once: those of which no event is kept any more are known from here.

What events have told already stays as it is, so it may be read while events come, by several replicas, and
again after a crash.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog
from pydantic import ValidationError
from shop_chassis.client import CallError, ServiceClient
from shop_chassis.events.dialect import insert
from shop_chassis.events.retry import delay
from shop_chassis.runtime import heed_cancellation
from shop_chassis.store import DATABASE_ERRORS, Store
from shop_chassis.tables import utc_now
from shop_contracts.catalog.events import STREAM
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from sqlalchemy import Table

from shop_wishlist.products import row_of
from shop_wishlist.tables import Snapshot, inbox, metadata

log = structlog.get_logger(__name__)

PIECE = 500
"""Products that are written in one transaction."""
CONSUMER = "wishlist"

_products: Table = metadata.tables["product"]
_availability: Table = metadata.tables["availability"]
_snapshots: Table = metadata.tables["snapshot"]


class BrokenOff(Exception):  # noqa: N818 - the name says what happened
    """The snapshot has fewer lines than it says, or no end."""


class Beginning:
    """Reads the snapshot as soon as catalog answers; nothing waits for it."""

    def __init__(self, store: Store, catalog: ServiceClient) -> None:
        self._store = store
        self._catalog = catalog

    async def run(self) -> None:
        """Tries until it is read; then there is nothing more to do."""
        failures = 0
        while True:
            try:
                if not await self._read_before():
                    await self.read()
                await asyncio.get_running_loop().create_future()
            except (CallError, BrokenOff, ValidationError, *DATABASE_ERRORS) as error:
                heed_cancellation()
                failures += 1
                log.warning("catalog's products cannot be read yet", error=str(error))
                await asyncio.sleep(delay(failures, most=30.0))

    async def read(self) -> None:
        """Raises CallError, BrokenOff, ValidationError, and what the database raises."""
        piece: list[SnapshotLine] = []
        count = 0
        lines: AsyncGenerator[bytes, None]
        async with aclosing(self._catalog.lines(SNAPSHOT)) as lines:
            async for text in lines:
                line = SnapshotLine.model_validate_json(text)
                if line.product is not None:
                    piece.append(line)
                    count += 1
                if len(piece) == PIECE or (line.end is not None and piece):
                    await self._write(piece)
                    piece = []
                if line.end is not None:
                    break
            else:
                raise BrokenOff(f"catalog's snapshot broke off after {count} products")
        if line.end != count:
            raise BrokenOff(f"catalog's snapshot: expected {line.end} products, found {count}")
        async with self._store.transaction() as session:
            done = insert(session, _snapshots).values(stream=STREAM, read_at=utc_now())
            await session.execute(done.on_conflict_do_nothing())
        log.info("catalog's products are read", count=count)

    async def _write(self, lines: Sequence[SnapshotLine]) -> None:
        products = [(line.product, line.sequence) for line in lines if line.product is not None]
        heard = {(f"/{STREAM}", str(product.id)): sequence for product, sequence in products}
        rows = [row_of(product, sequence) for product, sequence in products]
        stock = [
            {"product_id": product.id, "available": product.available}
            for product, _ in products
            if product.available is not None
        ]
        async with self._store.transaction() as session:
            # In the order in which an event does it, so that neither waits for the other.
            await inbox.begin_after(session, CONSUMER, heard)
            await session.execute(insert(session, _products).on_conflict_do_nothing(), rows)
            if stock:
                await session.execute(insert(session, _availability).on_conflict_do_nothing(), stock)

    async def _read_before(self) -> bool:
        async with self._store.session() as session:
            return await session.get(Snapshot, STREAM) is not None
