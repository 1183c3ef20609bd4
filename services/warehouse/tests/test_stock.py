"""Warehouses, stock, movements, stock takes, returns: what administrators see and do."""

import asyncio
import base64
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from shop_contracts.warehouse import api
from shop_contracts.warehouse.events import STOCK_CHANGED
from shop_warehouse.service import service
from sqlalchemy.exc import DBAPIError

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What no database does in its own way."""


async def movements(shop: Any, **filters: Any) -> list[tuple[str, int]]:
    answer = await shop.admin.get("/admin/movements", params=filters)
    page = api.MovementPage.model_validate_json(answer.content)
    return [(item.kind, item.quantity) for item in page.items]


async def test_the_schema_is_that_of_the_tables(shop: Any) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(shop.runtime.store) == []
    assert (await shop.http.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_a_warehouse_is_made_once_and_changed_by_who_knows_it(shop: Any) -> None:
    path, body = "/admin/warehouses/lyon", {"title": "Lyon", "country": "FR", "priority": 10}
    made = await shop.admin.put(path, json=body)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    again = await shop.admin.put(path, json=body)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, made.json(), '"1"')
    other = body | {"priority": 5}
    assert (await shop.admin.put(path, json=other)).status_code == 428
    assert (await shop.admin.put(path, json=other, headers={"If-Match": '"2"'})).status_code == 412
    changed = await shop.admin.put(path, json=other, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["priority"], changed.headers["etag"]) == (200, 5, '"2"')
    await shop.warehouse("berlin", "DE")
    listed = api.WarehouseList.model_validate_json((await shop.admin.get("/admin/warehouses")).content)
    assert [(item.code, item.version) for item in listed.items] == [("berlin", 1), ("lyon", 2)]


async def test_initial_stock_is_set_once(shop: Any) -> None:
    lamp = await shop.product(40, reorder_point=5, reorder_quantity=20)
    before = await shop.stock(lamp)
    assert before.model_dump(exclude={"product_id"}) == {
        "warehouse": "rotterdam",
        "on_hand": 40,
        "reserved": 0,
        "available": 40,
        "short": 0,
        "reorder_point": 5,
        "reorder_quantity": 20,
    }
    again = await shop.admin.put(f"/admin/stock/rotterdam/{lamp}", json={"on_hand": 99})
    assert (again.status_code, api.Stock.model_validate_json(again.content)) == (200, before)
    assert await movements(shop) == [("initial", 40)]
    [told] = await shop.events(STOCK_CHANGED)
    assert told.data == {"product_id": str(lamp), "available": 40}
    assert (await shop.admin.put(f"/admin/stock/nowhere/{lamp}", json={"on_hand": 1})).status_code == 404
    assert (await shop.admin.get(f"/admin/stock/rotterdam/{uuid4()}")).status_code == 404


@on_sqlite
async def test_stock_of_nothing_is_no_movement_and_told_once(shop: Any) -> None:
    """None is there: another thing than that nobody knows."""
    lamp = await shop.product(0)
    await shop.product(0, warehouse="lyon", id=lamp)
    assert await movements(shop) == []
    assert [event.data["available"] for event in await shop.events()] == [0]
    assert await shop.available(lamp) == 0


async def test_two_who_set_up_the_same_stock_at_once_set_it_up_once(shop: Any) -> None:
    await shop.warehouse("rotterdam")
    path = f"/admin/stock/rotterdam/{uuid4()}"
    answers = await asyncio.gather(*(shop.admin.put(path, json={"on_hand": 7}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert {answer.json()["on_hand"] for answer in answers} == {7}
    assert await movements(shop) == [("initial", 7)]


async def test_warehouses_that_begin_with_a_product_at_once_tell_the_whole_of_it(shop: Any) -> None:
    """Each must see the other's stock, or the last event would be wrong until the next change."""
    codes = ["lyon", "rotterdam", "ulm", "york"]
    for code in codes:
        await shop.warehouse(code)
    lamp = uuid4()
    paths = [f"/admin/stock/{code}/{lamp}" for code in codes]
    await asyncio.gather(*(shop.admin.put(path, json={"on_hand": 5}) for path in paths))
    assert [event.data["available"] for event in await shop.events(STOCK_CHANGED)] == [5, 10, 15, 20]


@on_sqlite
async def test_availability_is_over_all_warehouses_and_in_the_order_asked(shop: Any) -> None:
    lamp, mug = await shop.product(3), await shop.product(4)
    await shop.product(10, warehouse="lyon", id=lamp)
    unknown = uuid4()
    ids = [str(mug), str(unknown), str(lamp), str(mug)]
    answer = await shop.http.get("/availability", params={"id": ids})
    items = api.AvailabilityList.model_validate_json(answer.content).items
    assert [(item.product_id, item.available) for item in items] == [(mug, 4), (unknown, 0), (lamp, 13)]
    for bad in ([], ["x"], [str(uuid4())] * 101):
        assert (await shop.http.get("/availability", params={"id": bad})).status_code == 422


@on_sqlite
async def test_missing_pieces_of_one_warehouse_do_not_hide_those_of_another(shop: Any, order: UUID) -> None:
    lamp = await shop.product(5)
    await shop.hold(order, {lamp: 5})
    await shop.count({lamp: 2})
    await shop.product(4, warehouse="lyon", id=lamp)
    assert await shop.available(lamp) == 4


async def test_stock_is_listed_by_page_and_by_what_is_wrong_with_it(shop: Any) -> None:
    made = sorted([await shop.product(10, reorder_point=5) for _ in range(5)])
    await shop.product(1, warehouse="lyon", id=made[0])

    async def listed(**params: Any) -> list[tuple[UUID, str]]:
        found: list[tuple[UUID, str]] = []
        after: str | None = None
        while True:
            query = {"limit": 2, **params} | ({"after": after} if after else {})
            answer = await shop.admin.get("/admin/stock", params=query)
            page = api.StockPage.model_validate_json(answer.content)
            found += [(item.product_id, item.warehouse) for item in page.items]
            if page.next is None:
                return found
            after = page.next

    rotterdam = [(product, "rotterdam") for product in made]
    assert await listed() == [(made[0], "lyon"), *rotterdam]
    assert await listed(warehouse="rotterdam") == rotterdam
    assert await listed(product_id=str(made[0])) == [(made[0], "lyon"), rotterdam[0]]
    await shop.hold(uuid4(), {made[1]: 8})
    assert await listed(low=True) == [rotterdam[1]]
    assert await listed(short=True) == []
    await shop.count({made[1]: 7})
    assert await listed(short=True) == [rotterdam[1]]
    assert (await shop.admin.get("/admin/stock", params={"after": "abc"})).status_code == 422


async def test_what_was_counted_is_what_is_there(shop: Any, order: UUID) -> None:
    lamp, mug = await shop.product(10), await shop.product(10)
    await shop.hold(order, {lamp: 4})
    answer = await shop.count({lamp: 8, mug: 12})
    assert answer.status_code == 201
    take = api.StockTake.model_validate_json(answer.content)
    assert take.counts == [
        api.Counted(product_id=lamp, counted=8, expected=10, difference=-2, reserved=4, short=0),
        api.Counted(product_id=mug, counted=12, expected=10, difference=2, reserved=0, short=0),
    ]
    assert (await shop.stock(lamp)).available == 4
    assert (await shop.stock(mug)).available == 12
    page = (await shop.admin.get("/admin/movements", params={"reference": str(take.id)})).json()
    assert {(item["quantity"], item["reason"]) for item in page["items"]} == {(-2, "aisle 7"), (2, "aisle 7")}
    assert (await shop.admin.get(f"/admin/stock-takes/{take.id}")).json() == answer.json()
    assert (await shop.admin.get("/admin/stock-takes")).json()["items"] == [answer.json()]
    assert (await shop.admin.get("/admin/stock-takes", params={"warehouse": "lyon"})).json()["items"] == []
    assert (await shop.admin.get(f"/admin/stock-takes/{uuid4()}")).status_code == 404
    assert await shop.audited()


@on_sqlite
async def test_a_count_that_agrees_moves_nothing(shop: Any) -> None:
    lamp = await shop.product(10)
    [counted] = (await shop.count({lamp: 10})).json()["counts"]
    assert counted["difference"] == 0
    assert await movements(shop) == [("initial", 10)]
    assert len(await shop.events()) == 1


async def test_a_stock_take_sent_twice_counts_once(shop: Any) -> None:
    lamp = await shop.product(10)
    first = await shop.count({lamp: 8}, key="count-1")
    await shop.count({lamp: 9})
    again = await shop.count({lamp: 8}, key="count-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await shop.stock(lamp)).on_hand == 9
    assert (await shop.count({lamp: 7}, key="count-1")).status_code == 422
    answer = await shop.admin.post("/admin/stock-takes", json={"warehouse": "rotterdam"})
    assert answer.status_code == 422
    assert "header.Idempotency-Key" in answer.json()["detail"]


@on_sqlite
async def test_a_count_of_what_cannot_be_is_refused_whole(shop: Any) -> None:
    lamp = await shop.product(10)
    counted = {"product_id": str(lamp), "counted": 5}
    for change, status in [
        ({"warehouse": "nowhere"}, 404),
        ({"counts": [counted, {"product_id": str(uuid4()), "counted": 1}]}, 404),
        ({"counts": [counted, counted]}, 422),
        ({"counts": [counted | {"counted": -1}]}, 422),
        ({"counts": []}, 422),
        ({"reason": ""}, 422),
    ]:
        answer = await shop.count({lamp: 5}, **change)
        assert answer.status_code == status, change
    assert await movements(shop) == [("initial", 10)]


async def test_less_than_is_reserved_is_reported_and_nothing_is_below_zero(shop: Any) -> None:
    lamp = await shop.product(10)
    first, second = uuid4(), uuid4()
    for each in (first, second):
        await shop.hold(each, {lamp: 4})
        await shop.act(each, "commit")
    [counted] = (await shop.count({lamp: 5})).json()["counts"]
    assert (counted["reserved"], counted["short"]) == (8, 3)
    stock = await shop.stock(lamp)
    assert (stock.on_hand, stock.reserved, stock.available, stock.short) == (5, 8, 0, 3)
    assert (await shop.hold(uuid4(), {lamp: 1})).status_code == 409
    # Who comes first gets what is there; the other waits until more has come in.
    assert (await shop.act(first, "ship")).status_code == 200
    answer = await shop.act(second, "ship")
    assert (answer.status_code, answer.json()["type"]) == (409, api.STOCK_MISSING)
    assert answer.json()["shortages"] == [{"product_id": str(lamp), "wanted": 4, "available": 1}]
    await shop.count({lamp: 6})
    assert (await shop.act(second, "ship")).status_code == 200
    stock = await shop.stock(lamp)
    assert (stock.on_hand, stock.reserved, stock.available) == (2, 0, 2)
    assert await shop.audited()


async def test_goods_that_come_back_are_sold_again_or_written_off(shop: Any) -> None:
    lamp, mug = await shop.product(10), await shop.product(10)
    order, id = await shop.shipped({lamp: 4, mug: 1}), uuid4()
    answer = await shop.give_back(id, order, [(lamp, 2, True), (lamp, 1, False), (mug, 1, True)])
    assert answer.status_code == 201
    received = api.Return.model_validate_json(answer.content)
    assert (received.return_id, received.order_id) == (id, order)
    assert {(line.product_id, line.quantity, line.resell, line.warehouse) for line in received.lines} == {
        (lamp, 2, True, "rotterdam"),
        (lamp, 1, False, "rotterdam"),
        (mug, 1, True, "rotterdam"),
    }
    assert (await shop.available(lamp), await shop.available(mug)) == (8, 10)
    assert sorted(await movements(shop, reference=str(id))) == [
        ("return", 1),
        ("return", 3),
        ("write_off", -1),
    ]
    told = await shop.events()
    again = await shop.give_back(id, order, [(mug, 1, True), (lamp, 1, False), (lamp, 2, True)])
    assert (again.status_code, again.json()) == (200, answer.json())
    assert await shop.events() == told
    assert await shop.available(lamp) == 8
    assert await shop.audited()


@on_sqlite
async def test_no_more_comes_back_than_was_shipped(shop: Any) -> None:
    lamp, mug = await shop.product(10), await shop.product(10)
    order = await shop.shipped({lamp: 4})
    assert (await shop.give_back(uuid4(), order, [(lamp, 3, True)])).status_code == 201
    for lines in ([(lamp, 2, True)], [(lamp, 1, True), (lamp, 1, False)], [(mug, 1, True)]):
        answer = await shop.give_back(uuid4(), order, lines)
        assert (answer.status_code, answer.json()["type"]) == (409, api.TOO_MANY_RETURNED)
    assert (await shop.give_back(uuid4(), order, [(lamp, 1, False)])).status_code == 201
    assert await shop.available(lamp) == 9


async def test_returns_at_once_are_not_more_than_was_shipped(shop: Any) -> None:
    lamp = await shop.product(10)
    order = await shop.shipped({lamp: 3})
    answers = await asyncio.gather(
        *(shop.give_back(uuid4(), order, [(lamp, 1, True)]) for _ in range(8)),
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert await shop.available(lamp) == 10


@on_sqlite
async def test_a_return_is_of_one_order_that_was_shipped(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    assert (await shop.give_back(uuid4(), order, [(lamp, 1, True)])).status_code == 404
    await shop.hold(order, {lamp: 2})
    answer = await shop.give_back(uuid4(), order, [(lamp, 1, True)])
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (
        409,
        api.ILLEGAL_STATE,
        "held",
    )
    first, second, id = await shop.shipped({lamp: 2}), await shop.shipped({lamp: 2}), uuid4()
    await shop.give_back(id, first, [(lamp, 1, True)])
    for other in ((first, [(lamp, 2, True)]), (second, [(lamp, 1, True)])):
        answer = await shop.give_back(id, *other)
        assert (answer.status_code, answer.json()["type"]) == (409, api.DIFFERENT_REQUEST)


async def test_movements_are_never_changed_or_removed(shop: Any) -> None:
    await shop.product(10)
    for statement in ("UPDATE movement SET quantity = 11", "DELETE FROM movement"):
        with pytest.raises(DBAPIError, match="append-only"):
            await shop.sql(statement)
    assert await movements(shop) == [("initial", 10)]


async def test_movements_are_paged_newest_first(shop: Any) -> None:
    lamp = await shop.product(1)
    for counted in (3, 6, 10):
        await shop.count({lamp: counted})
    first = (await shop.admin.get("/admin/movements", params={"limit": 3})).json()
    second = (await shop.admin.get("/admin/movements", params={"limit": 3, "after": first["next"]})).json()
    quantities = [item["quantity"] for item in first["items"] + second["items"]]
    assert (quantities, second["next"]) == ([4, 3, 2, 1], None)
    assert await movements(shop, warehouse="lyon") == []


async def test_figures_that_contradict_each_other_are_found(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    await shop.hold(order, {lamp: 2})
    assert await shop.audited()
    right = {"on_hand": 10, "moved": 10, "reserved": 2, "allocated": 2}
    for statement, back, wrong in [
        ("UPDATE stock SET on_hand = 9", "UPDATE stock SET on_hand = 10", {"on_hand": 9}),
        ("UPDATE stock SET reserved = 3", "UPDATE stock SET reserved = 2", {"reserved": 3}),
        ("UPDATE allocation SET quantity = 1", "UPDATE allocation SET quantity = 2", {"allocated": 1}),
    ]:
        await shop.sql(statement)
        [found] = (await shop.admin.get("/admin/stock:audit")).json()["discrepancies"]
        assert found == {"warehouse": "rotterdam", "product_id": str(lamp), **right, **wrong}
        await shop.sql(back)
    assert await shop.audited()


async def test_texts_that_a_database_does_not_take_are_422(shop: Any) -> None:
    lamp = await shop.product(10)
    body = {"title": "a\0", "country": "NL"}
    assert (await shop.admin.put("/admin/warehouses/lyon", json=body)).status_code == 422
    assert (await shop.count({lamp: 9}, reason="a\0")).status_code == 422
    query = {"reference": "a\0"}
    assert (await shop.admin.get("/admin/movements", params=query)).status_code == 422


async def test_a_cursor_that_nobody_gave_out_is_422(shop: Any) -> None:
    id = str(UUID(int=1))
    for key in (["0001-01-01T00:00:00+14:00", id], ["2026-11-21T12:00:00", id], [id, "a\0"], [7], {}):
        after = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
        for path in ("stock", "movements", "reservations", "replenishments", "stock-takes"):
            answer = await shop.admin.get(f"/admin/{path}", params={"after": after})
            assert answer.status_code == 422, (path, key)


async def test_the_database_itself_refuses_less_than_nothing(shop: Any) -> None:
    await shop.product(10)
    for column in ("on_hand", "reserved"):
        with pytest.raises(DBAPIError, match="not_negative"):
            await shop.sql(f"UPDATE stock SET {column} = -1")
