"""What lies where at the beginning."""

import random
from collections.abc import Iterator
from uuid import UUID

from shop_contracts.warehouse.api import InitialStock, NewWarehouse

from shop.demo.products import SEED, products


def warehouses() -> dict[str, NewWarehouse]:
    """By code."""
    return {
        "rotterdam": NewWarehouse(title="Rotterdam", country="NL", priority=10),
        "leipzig": NewWarehouse(title="Leipzig", country="DE", priority=20),
    }


def stock(first: int | None = None) -> Iterator[tuple[str, UUID, InitialStock]]:
    """Warehouse, product, and what is there, of all or the `first`; every second is in both warehouses."""
    chance = random.Random(SEED + 1)
    for number, each in enumerate(products(first)):
        assert each.id is not None
        for code in warehouses() if number % 2 else ("rotterdam",):
            on_hand = chance.randint(20, 120)
            yield code, each.id, InitialStock(on_hand=on_hand, reorder_point=10, reorder_quantity=50)
