"""Too little is left, more is ordered, it comes."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_contracts.warehouse import api
from shop_contracts.warehouse.events import (
    STOCK_CHANGED,
    STOCK_LOW,
    STOCK_REPLENISHED,
    StockLow,
    StockReplenished,
)

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What no database does in its own way."""


async def orders(shop: Any, **filters: Any) -> list[api.Replenishment]:
    answer = await shop.admin.get("/admin/replenishments", params=filters)
    return list(api.ReplenishmentPage.model_validate_json(answer.content).items)


async def receive(shop: Any, id: UUID, quantity: int | None = None) -> httpx.Response:
    body = {} if quantity is None else {"quantity": quantity}
    answer: httpx.Response = await shop.admin.post(f"/admin/replenishments/{id}:receive", json=body)
    return answer


async def order_by_hand(shop: Any, product: UUID, quantity: int, key: str | None = None) -> httpx.Response:
    body = {"warehouse": "rotterdam", "product_id": str(product), "quantity": quantity}
    headers = {"Idempotency-Key": key or str(uuid4())}
    answer: httpx.Response = await shop.admin.post("/admin/replenishments", json=body, headers=headers)
    return answer


async def test_below_the_reorder_point_more_is_ordered_once(shop: Any) -> None:
    lamp = await shop.product(10, reorder_point=5, reorder_quantity=20)
    await shop.hold(uuid4(), {lamp: 5})
    assert await orders(shop) == []
    await shop.hold(uuid4(), {lamp: 2})
    [made] = await orders(shop)
    assert (made.product_id, made.warehouse, made.quantity, made.state) == (lamp, "rotterdam", 20, "open")
    assert (made.received, made.closed_at) == (None, None)
    changed, low = (await shop.events())[-2:]
    assert (changed.type, low.type, low.subject) == (STOCK_CHANGED, STOCK_LOW, str(lamp))
    assert StockLow.model_validate(low.data) == StockLow(
        product_id=lamp,
        warehouse="rotterdam",
        available=3,
        reorder_point=5,
        replenishment_id=made.id,
        quantity=20,
    )
    await shop.hold(uuid4(), {lamp: 3})
    assert await orders(shop) == [made]
    assert len(await shop.events(STOCK_LOW)) == 1


@on_sqlite
async def test_each_warehouse_orders_for_itself(shop: Any) -> None:
    lamp = await shop.product(1, reorder_point=5)
    await shop.product(10, warehouse="lyon", id=lamp, reorder_point=5)
    assert [made.warehouse for made in await orders(shop)] == ["rotterdam"]
    await shop.count({lamp: 2}, warehouse="lyon")
    assert [made.warehouse for made in await orders(shop)] == ["lyon", "rotterdam"]


@on_sqlite
async def test_without_a_reorder_point_nothing_is_ordered(shop: Any) -> None:
    lamp = await shop.product(3)
    await shop.hold(uuid4(), {lamp: 3})
    assert await orders(shop) == []


async def test_what_comes_is_there_for_everybody(shop: Any) -> None:
    lamp = await shop.product(3, reorder_point=5, reorder_quantity=20)
    [made] = await orders(shop)
    answer = await receive(shop, made.id)
    assert answer.status_code == 200
    closed = api.Replenishment.model_validate_json(answer.content)
    assert (closed.state, closed.received) == ("received", 20)
    assert closed.closed_at is not None
    assert await shop.available(lamp) == 23
    changed, replenished = (await shop.events())[-2:]
    assert (changed.type, changed.data["available"]) == (STOCK_CHANGED, 23)
    assert replenished.type == STOCK_REPLENISHED
    assert StockReplenished.model_validate(replenished.data) == StockReplenished(
        product_id=lamp, warehouse="rotterdam", replenishment_id=made.id, quantity=20, available=23
    )
    [arrived] = (await shop.admin.get("/admin/movements", params={"reference": str(made.id)})).json()["items"]
    assert (arrived["kind"], arrived["quantity"]) == ("receipt", 20)
    assert await shop.audited()


async def test_a_receipt_that_is_said_twice_comes_once(shop: Any) -> None:
    lamp = await shop.product(3, reorder_point=5, reorder_quantity=20)
    [made] = await orders(shop)
    answers = await asyncio.gather(*(receive(shop, made.id) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert await shop.available(lamp) == 23
    other = await receive(shop, made.id, 19)
    assert (other.status_code, other.json()["type"]) == (409, api.ILLEGAL_STATE)
    assert (await receive(shop, uuid4())).status_code == 404


@on_sqlite
async def test_less_came_than_was_ordered(shop: Any) -> None:
    """It is closed, and as too little is left still, the next one is under way."""
    lamp = await shop.product(0, reorder_point=5, reorder_quantity=20)
    [made] = await orders(shop)
    await receive(shop, made.id, 2)
    following, closed = await orders(shop)
    assert (closed.id, closed.quantity, closed.received) == (made.id, 20, 2)
    assert (following.state, following.quantity) == ("open", 20)
    assert await shop.available(lamp) == 2


@on_sqlite
async def test_nothing_came(shop: Any) -> None:
    lamp = await shop.product(6, reorder_point=5)
    made = (await order_by_hand(shop, lamp, 4)).json()
    assert (await receive(shop, made["id"], 0)).json()["received"] == 0
    assert await shop.available(lamp) == 6
    assert await shop.audited()


@on_sqlite
async def test_enough_is_ordered_for_what_is_reserved_and_not_there(shop: Any, order: UUID) -> None:
    lamp = await shop.product(30, reorder_point=5, reorder_quantity=20)
    await shop.hold(order, {lamp: 25})
    await shop.act(order, "commit")
    await shop.count({lamp: 3})
    [made] = await orders(shop)
    assert made.quantity == 40  # 22 are missing, and 5 are to be left
    await receive(shop, made.id)
    assert (await shop.act(order, "ship")).status_code == 200
    assert await shop.available(lamp) == 18


@on_sqlite
async def test_a_higher_reorder_point_orders_at_once(shop: Any) -> None:
    lamp = await shop.product(10)
    path = f"/admin/stock/rotterdam/{lamp}/reordering"
    answer = await shop.admin.put(path, json={"reorder_point": 12, "reorder_quantity": 5})
    stock = api.Stock.model_validate_json(answer.content)
    assert (stock.reorder_point, stock.reorder_quantity, stock.on_hand) == (12, 5, 10)
    [made] = await orders(shop)
    assert made.quantity == 5
    assert (await shop.admin.put(path, json={"reorder_point": 12, "reorder_quantity": 5})).status_code == 200
    assert await orders(shop) == [made]
    unknown = await shop.admin.put(f"/admin/stock/lyon/{lamp}/reordering", json={"reorder_point": 1})
    assert unknown.status_code == 404


async def test_somebody_orders_by_hand_one_at_a_time(shop: Any) -> None:
    lamp = await shop.product(10, reorder_point=5)
    first = await order_by_hand(shop, lamp, 7, key="order-1")
    assert first.status_code == 201
    again = await order_by_hand(shop, lamp, 7, key="order-1")
    assert (again.status_code, again.json()) == (201, first.json())
    other = await order_by_hand(shop, lamp, 7)
    assert (other.status_code, other.json()["type"]) == (409, api.ALREADY_OPEN)
    assert other.json()["replenishment_id"] == first.json()["id"]
    # It is the one that is open, so nothing is ordered when too little is left.
    await shop.hold(uuid4(), {lamp: 8})
    assert [made.quantity for made in await orders(shop)] == [7]
    assert (await order_by_hand(shop, uuid4(), 7)).status_code == 404


async def test_two_by_hand_at_once_are_one(shop: Any) -> None:
    lamp = await shop.product(10)
    answers = await asyncio.gather(*(order_by_hand(shop, lamp, 7) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(await orders(shop, state="open")) == 1


@on_sqlite
async def test_one_that_will_not_come_is_cancelled_and_ordered_again_later(shop: Any) -> None:
    lamp = await shop.product(4, reorder_point=5, reorder_quantity=20)
    [made] = await orders(shop)
    path = f"/admin/replenishments/{made.id}"
    for _ in range(2):
        answer = await shop.admin.post(f"{path}:cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await shop.admin.get(path)).json() == answer.json()
    refused = await receive(shop, made.id)
    assert (refused.status_code, refused.json()["state"]) == (409, "cancelled")
    assert await orders(shop, state="open") == []
    await shop.hold(uuid4(), {lamp: 1})
    [following] = await orders(shop, state="open")
    await receive(shop, following.id)
    assert (await shop.admin.post(f"/admin/replenishments/{following.id}:cancel")).status_code == 409
    assert (await shop.admin.get(f"/admin/replenishments/{uuid4()}")).status_code == 404


async def test_they_are_listed_newest_first(shop: Any) -> None:
    lamps = [await shop.product(0, reorder_point=1) for _ in range(4)]
    first = (await shop.admin.get("/admin/replenishments", params={"limit": 3})).json()
    following = {"limit": 3, "after": first["next"]}
    second = (await shop.admin.get("/admin/replenishments", params=following)).json()
    listed = [item["product_id"] for item in first["items"] + second["items"]]
    assert (listed, second["next"]) == ([str(lamp) for lamp in lamps[::-1]], None)
    [one] = await orders(shop, product_id=str(lamps[0]), warehouse="rotterdam")
    assert one.product_id == lamps[0]
