"""What order-processing does while a neighbour is down: orders wait before its step, and can be looked at."""

import asyncio
from typing import Any

import httpx
import pytest
from shop_contracts.order_processing.api import OrderState
from shop_order_processing.service import NEIGHBOURS

from .conftest import Shop
from .neighbours import Answer, placed

REACHED = {
    "warehouse": OrderState.PLACED,
    "payment": OrderState.RESERVED,
    "logistics": OrderState.AUTHORISED,
    "catalog": OrderState.CONFIRMED,  # only a coupon's use is left to be told
}
"""How far an order comes without each of them."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is tested here is the same on every database."""
    return sqlite_url


class Down:
    """The neighbours, one of which answers nothing but 503 while it is down."""

    def __init__(self, shop: Shop, neighbour: str) -> None:
        self._well = shop.world.arrive
        self._neighbour = neighbour
        self.down = True
        self.refused = 0
        shop.world.arrive = self.arrive  # type: ignore[method-assign]

    def arrive(self, callee: str, *request: Any) -> Answer:
        if self.down and callee == self._neighbour:
            self.refused += 1
            return 503, {"type": "about:blank", "status": 503}
        return self._well(callee, *request)


async def failing(shop: Shop, id: str) -> dict[str, Any]:
    """Its saga, once its step has failed."""
    query = {"order_id": id, "kind": "order"}
    async with asyncio.timeout(30):
        while True:
            [saga] = (await shop.admin.get("/admin/sagas", params=query)).json()["items"]
            if saga["failures"]:
                return dict(saga)
            await asyncio.sleep(0.01)


def test_each_neighbour_is_tried() -> None:
    assert set(REACHED) == set(NEIGHBOURS)


@pytest.mark.parametrize("neighbour", REACHED)
async def test_an_order_waits_for_it_and_goes_on_by_itself(shop: Shop, neighbour: str) -> None:
    around = Down(shop, neighbour)
    id = await shop.place(placed(coupon="SUMMER"))
    await shop.until(id, REACHED[neighbour])
    saga = await failing(shop, id)
    assert (saga["state"], saga["direction"], saga["waiting"]) == ("open", "forward", False)
    assert around.refused

    seen: httpx.Response = await shop.http.get(f"/orders/{id}", headers=shop.token())
    assert (seen.status_code, seen.json()["state"]) == (200, REACHED[neighbour])
    assert (await shop.http.get("/readyz")).json() == {"ready": True, "reasons": []}

    around.down = False
    await shop.admin.post(f"/admin/sagas/{saga['id']}:retry")  # or by itself, after 15 s at most
    await shop.until(id, OrderState.CONFIRMED)
    await shop.wait(lambda: shop.world.uses.get(id) == "final")
    assert shop.world.effects["reserved", id] == shop.world.effects["captured", id] == 1
