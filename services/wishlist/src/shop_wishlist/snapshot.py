"""Catalog's products from before this service was: its snapshot, taken over once."""

from collections.abc import Sequence

from shop_chassis.events.dialect import insert
from shop_chassis.snapshots import Beginning, Client, Snapshot
from shop_chassis.store import Store
from shop_contracts.catalog.events import STREAM
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from shop_wishlist.products import row_of
from shop_wishlist.tables import inbox, metadata

CONSUMER = "wishlist"

_products: Table = metadata.tables["product"]
_availability: Table = metadata.tables["availability"]


def beginning(store: Store, catalog: Client) -> Beginning[SnapshotLine]:
    """What reads it as soon as catalog answers."""
    snapshot = Snapshot(catalog, SNAPSHOT, SnapshotLine)
    return Beginning(store, metadata.tables["snapshot"], STREAM, snapshot, _write)


async def _write(session: AsyncSession, lines: Sequence[SnapshotLine]) -> None:
    products = [(line.product, line.sequence) for line in lines if line.product is not None]
    if not products:
        return
    heard = {(f"/{STREAM}", str(product.id)): sequence for product, sequence in products}
    rows = [row_of(product, sequence) for product, sequence in products]
    stock = [
        {"product_id": product.id, "available": product.available}
        for product, _ in products
        if product.available is not None
    ]
    # In the order in which an event does it, so that neither waits for the other.
    await inbox.begin_after(session, CONSUMER, heard)
    await session.execute(insert(session, _products).on_conflict_do_nothing(), rows)
    if stock:
        await session.execute(insert(session, _availability).on_conflict_do_nothing(), stock)
