"""Shoppers who come whether or not those before them are done: open arrival, as a Poisson process."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shop_faults.desk import Desk

CATEGORY = "faults"
WAREHOUSE = "rotterdam"
PLENTY = 100_000


@dataclass(frozen=True)
class Shelves:
    """What can be bought."""

    plenty: list[str]
    scarce: list[str]
    """Of which there is less than is wanted."""


async def fill(desk: Desk, *, plenty: int = 10, scarce: int = 4, pieces: int = 12) -> Shelves:
    """Makes products and stock; of each of the scarce ones so many pieces."""
    warehouse, catalog = desk.admin("warehouse"), desk.admin("catalog")
    category = {"slug": CATEGORY, "title": "Faults"}
    await _made(desk, "catalog", "PUT", f"/admin/categories/{CATEGORY}", catalog, category)
    place = {"title": "Rotterdam", "country": "NL", "priority": 10}
    await _made(desk, "warehouse", "PUT", f"/admin/warehouses/{WAREHOUSE}", warehouse, place, if_match="*")
    made: list[str] = []
    for number in range(plenty + scarce):
        name = f"faults-{uuid4().hex[:12]}"
        price = {"amount": 1900 + 700 * number, "currency": "EUR"}
        new = {"sku": name.upper(), "slug": name, "title": f"Lamp {number}", "category": CATEGORY}
        body = await _made(desk, "catalog", "POST", "/admin/products", catalog, {**new, "price": price})
        shelf = {"on_hand": PLENTY if number < plenty else pieces, "reorder_point": 0, "reorder_quantity": 1}
        await _made(desk, "warehouse", "PUT", f"/admin/stock/{WAREHOUSE}/{body['id']}", warehouse, shelf)
        made.append(str(body["id"]))
    return Shelves(made[:plenty], made[plenty:])


async def _made(
    desk: Desk, service: str, method: str, path: str, token: str, body: Any, *, if_match: str | None = None
) -> Any:
    headers = {"If-Match": if_match} if if_match else {}
    answer = await desk.insist(
        "administrator", service, method, path, token=token, body=body, headers=headers
    )
    assert answer.status in (200, 201), f"{method} {path}: {answer.status} {answer.body}"
    return answer.body


async def arrivals(
    chance: random.Random,
    per_second: float,
    seconds: float,
    come: Callable[[int], Coroutine[Any, Any, None]],
) -> list[asyncio.Task[None]]:
    """Lets people come for so many seconds; those who did, whatever they are doing."""
    loop = asyncio.get_running_loop()
    began, at, number = loop.time(), 0.0, 0
    came: list[asyncio.Task[None]] = []
    try:
        while (at := at + chance.expovariate(per_second)) < seconds:
            await asyncio.sleep(max(0.0, began + at - loop.time()))
            number += 1
            came.append(asyncio.create_task(come(number), name=f"shopper {number}"))
        await asyncio.sleep(max(0.0, began + seconds - loop.time()))
    except asyncio.CancelledError:  # the run has failed: nobody shops on
        for person in came:
            person.cancel()
        raise
    return came
