"""Catalog's products, read once when wishlist is new."""

from collections.abc import AsyncGenerator
from functools import partialmethod
from uuid import UUID

import pytest
from shop_chassis.snapshots import Snapshot
from shop_contracts.catalog.snapshot import SnapshotLine
from shop_wishlist.snapshot import beginning

from .conftest import Catalog, Shop


class Lines:
    """Stands in for the client of catalog."""

    def __init__(self, *lines: SnapshotLine) -> None:
        self._lines = lines

    async def lines(self, _route: str) -> AsyncGenerator[bytes, None]:
        for line in self._lines:
            yield line.model_dump_json(exclude_unset=True).encode()


def of(catalog: Catalog, **stock: int) -> list[SnapshotLine]:
    found = [SnapshotLine(categories=[])]
    for id, product in catalog.products.items():
        known = product.model_copy(update={"available": stock.get(product.slug)})
        found.append(SnapshotLine(product=known, sequence=catalog.sequences[id]))
    return [*found, SnapshotLine(end=len(found) - 1)]


async def read(shop: Shop, lines: list[SnapshotLine]) -> None:
    await beginning(shop.runtime.store, Lines(*lines)).read()


async def shown(shop: Shop) -> dict[str, tuple[int, int | None]]:
    items = (await shop.person("ann").get("/wishlists/default")).json()["items"]
    return {
        item["product"]["slug"]: (item["product"]["price"]["amount"], item["product"]["available"])
        for item in items
    }


async def wish(shop: Shop, *products: UUID) -> None:
    for product in products:
        answer = await shop.person("ann").put(f"/wishlists/default/items/{product}", json={})
        assert answer.status_code == 201, answer.text


async def test_products_of_which_no_event_is_kept_are_known(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Snapshot, "pieces", partialmethod(Snapshot.pieces, size=2))
    ids = [shop.catalog.sell(f"lamp-{number}", 1000 + number)[0] for number in range(5)]
    await read(shop, of(shop.catalog, **{"lamp-1": 3}))
    await wish(shop, *ids)
    assert await shown(shop) == {
        f"lamp-{number}": (1000 + number, 3 if number == 1 else None) for number in range(5)
    }


async def test_the_next_event_of_a_product_is_not_kept_waiting(shop: Shop) -> None:
    lamp, _ = shop.catalog.sell("lamp", 5000)
    for price in (4800, 4900):
        shop.catalog.reprice(lamp, price)
    await read(shop, of(shop.catalog))
    await shop.person("ann").put(f"/watches/{lamp}", json={})
    await shop.reprice(lamp, 4000)
    assert [drop.new.amount for drop in await shop.drops()] == [4000]
    gaps = 'consumer_gaps_total{consumer="wishlist",stream="catalog"} 1.0'
    assert gaps not in (await shop.client().get("/metrics")).text


async def test_what_events_have_told_is_newer(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 5000)
    await shop.stock(lamp, 2, 1)
    before = of(shop.catalog, lamp=9)
    await shop.reprice(lamp, 4000)
    for _ in range(2):
        await read(shop, before)
    await wish(shop, lamp)
    assert await shown(shop) == {"lamp": (4000, 2)}
