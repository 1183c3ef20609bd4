"""Catalog's products and categories from before this service was: its snapshot, taken over once."""

from collections.abc import Sequence

from shop_chassis.snapshots import Beginning, Client, Snapshot
from shop_chassis.store import Store
from shop_contracts.catalog.events import STREAM
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from sqlalchemy.ext.asyncio import AsyncSession

from shop_recommendation.shelf import put_categories, put_product
from shop_recommendation.tables import metadata


def beginning(store: Store, catalog: Client) -> Beginning[SnapshotLine]:
    """What reads it as soon as catalog answers."""
    snapshot = Snapshot(catalog, SNAPSHOT, SnapshotLine)
    return Beginning(store, metadata.tables["snapshot"], STREAM, snapshot, _write)


async def _write(session: AsyncSession, lines: Sequence[SnapshotLine]) -> None:
    for line in lines:
        if line.categories is not None:
            await put_categories(session, line.categories, line.sequence)
        if line.product is not None:
            await put_product(session, line.product, line.sequence)
