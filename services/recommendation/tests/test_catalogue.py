"""Products from before this service was: catalog's snapshot, read once."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shop_contracts.catalog.api import Category, Product
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from shop_contracts.money import Money
from shop_recommendation import catalogue
from shop_recommendation.shelf import Shelf

from .conftest import on_sqlite


def product(title: str) -> Product:
    return Product(
        id=uuid4(),
        sku="X-1",
        slug="x",
        title=title,
        category="lighting",
        price=Money(amount=100, currency="EUR"),
        version=1,
        updated_at=datetime.now(UTC),
    )


class Catalog:
    """Catalog's side."""

    def __init__(self, *lines: SnapshotLine) -> None:
        self._lines = lines

    async def lines(self, route: str) -> AsyncGenerator[bytes, None]:
        assert route == SNAPSHOT
        for line in self._lines:
            yield line.model_dump_json().encode()


TREE = SnapshotLine(
    categories=[Category(slug="home", title="Home"), Category(slug="lighting", title="Light", parent="home")],
    sequence=2,
)


async def test_it_is_taken_over_but_for_what_events_told_later(shop: Any) -> None:
    lamp, bulb = product("Lamp"), product("Bulb")
    for title in ("Old lamp", "New lamp"):
        await shop.product(title, id=lamp.id)  # sequences 1 and 2
    catalog = Catalog(
        TREE,
        SnapshotLine(product=lamp, sequence=1),
        SnapshotLine(product=bulb, sequence=4),
        SnapshotLine(end=2),
    )
    await catalogue.beginning(shop.runtime.store, catalog).read()
    shelf = Shelf(shop.runtime.store, seconds=0)
    assert {row.title for row in (await shelf.find([lamp.id, bulb.id])).values()} == {"New lamp", "Bulb"}
    assert await shelf.below("home") == ["home", "lighting"]

    await shop.product("Older bulb", id=bulb.id)  # sequence 1: it was in the snapshot already
    assert (await shelf.find([bulb.id]))[bulb.id].title == "Bulb"


@on_sqlite
async def test_a_tree_that_loops_is_walked_once(shop: Any) -> None:
    """It cannot be, but what catalog says is not for us to loop on."""
    await shop.category("a", "b")
    await shop.category("b", "a")
    assert set(await Shelf(shop.runtime.store, seconds=0).below("a")) == {"a", "b"}


@on_sqlite
async def test_a_product_is_read_once_for_many_answers(shop: Any) -> None:
    id = await shop.product("Lamp")
    fresh, remembering = Shelf(shop.runtime.store, seconds=0), Shelf(shop.runtime.store, seconds=3600)
    for shelf in (fresh, remembering):
        assert (await shelf.find([id]))[id].title == "Lamp"
    bulb = await shop.product("Bulb")
    await shop.product("New lamp", id=id)
    assert {row.title for row in (await fresh.find([id, bulb])).values()} == {"New lamp", "Bulb"}
    assert {row.title for row in (await remembering.find([id, bulb])).values()} == {"Lamp", "Bulb"}
