"""What order-processing asks for: in order, repeated, late."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from shop_contracts.warehouse import api
from shop_contracts.warehouse.events import (
    RESERVATION_EXPIRED,
    STOCK_CHANGED,
    ReservationExpired,
    StockChanged,
)

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What no database does in its own way."""
on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""Many at once: SQLite has one writer, and the others give up after some seconds."""


def refused(answer: Any, type: str, status: int = 409) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["type"] == type
    return body


async def test_a_hold_takes_from_what_is_available_until_it_has_left(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    answer = await shop.hold(order, {lamp: 3})
    assert answer.status_code == 201
    held = api.Reservation.model_validate_json(answer.content)
    assert (held.order_id, held.state) == (order, "held")
    assert held.lines == [api.Allocation(product_id=lamp, warehouse="rotterdam", quantity=3)]
    assert held.expires_at is not None
    assert (await shop.stock(lamp)).model_dump(include={"on_hand", "reserved", "available"}) == {
        "on_hand": 10,
        "reserved": 3,
        "available": 7,
    }
    committed = (await shop.act(order, "commit")).json()
    assert (committed["state"], committed["expires_at"]) == ("committed", None)
    assert await shop.available(lamp) == 7
    shipped = (await shop.act(order, "ship")).json()
    assert shipped["state"] == "shipped"
    stock = await shop.stock(lamp)
    assert (stock.on_hand, stock.reserved, stock.available) == (7, 0, 7)
    assert (await shop.orders.get(f"/internal/reservations/{order}")).json() == shipped
    assert await shop.audited()


@on_sqlite
async def test_only_what_changes_availability_is_told(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    await shop.hold(order, {lamp: 3})
    await shop.act(order, "commit")
    await shop.act(order, "ship")
    told = await shop.events()
    assert [(event.type, event.subject, event.sequence) for event in told] == [
        (STOCK_CHANGED, str(lamp), 1),
        (STOCK_CHANGED, str(lamp), 2),
    ]
    assert [StockChanged.model_validate(event.data).available for event in told] == [10, 7]


@pytest.mark.parametrize("through", [["hold"], ["hold", "commit", "ship"]])
async def test_every_step_may_be_repeated(shop: Any, order: UUID, through: list[str]) -> None:
    lamp = await shop.product(10)
    for step in through:
        first = await (shop.hold(order, {lamp: 3}) if step == "hold" else shop.act(order, step))
    before, told = await shop.stock(lamp), await shop.events()
    for step in through:
        again = await (shop.hold(order, {lamp: 3}) if step == "hold" else shop.act(order, step))
        assert (again.status_code, again.json()) == (200, first.json())
    assert await shop.stock(lamp) == before
    assert await shop.events() == told


async def test_the_same_order_means_the_same_lines_in_whatever_order(shop: Any, order: UUID) -> None:
    lamp, mug = await shop.product(10), await shop.product(10)
    await shop.hold(order, {lamp: 3, mug: 1})
    assert (await shop.hold(order, {mug: 1, lamp: 3})).status_code == 200
    for other in ({lamp: 3}, {lamp: 3, mug: 2}):
        refused(await shop.hold(order, other), api.DIFFERENT_REQUEST)
    refused(await shop.hold(order, {lamp: 3, mug: 1}, "FR"), api.DIFFERENT_REQUEST)


@on_sqlite
async def test_lines_of_one_product_are_added_up(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    lines = [{"product_id": str(lamp), "quantity": n} for n in (1, 2)]
    body = {"lines": lines, "country": "NL"}
    answer = await shop.orders.put(f"/internal/reservations/{order}", json=body)
    assert [line["quantity"] for line in answer.json()["lines"]] == [3]


async def test_all_or_nothing_and_the_shortages_are_named(shop: Any, order: UUID) -> None:
    lamp, mug, unknown = await shop.product(10), await shop.product(1), uuid4()
    answer = refused(await shop.hold(order, {lamp: 3, mug: 2, unknown: 1}), api.OUT_OF_STOCK)
    short = [api.Shortage.model_validate(each) for each in answer["shortages"]]
    assert sorted(short, key=lambda each: each.wanted) == [
        api.Shortage(product_id=unknown, wanted=1, available=0),
        api.Shortage(product_id=mug, wanted=2, available=1),
    ]
    assert await shop.available(lamp) == 10
    assert (await shop.orders.get(f"/internal/reservations/{order}")).status_code == 404
    # It left nothing, so the order may come again when there is more.
    await shop.count({mug: 2})
    assert (await shop.hold(order, {lamp: 3, mug: 2})).status_code == 201


@on_sqlite
async def test_a_large_order_is_out_of_stock_and_no_error(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    lines = [{"product_id": str(lamp), "quantity": 1_000_000}] * api.BATCH_MAX
    body = {"lines": lines, "country": "NL"}
    answer = await shop.orders.put(f"/internal/reservations/{order}", json=body)
    [short] = refused(answer, api.OUT_OF_STOCK)["shortages"]
    assert short["wanted"] == 1_000_000 * api.BATCH_MAX


@on_sqlite
async def test_it_comes_from_the_fewest_warehouses_and_then_from_the_nearest(shop: Any) -> None:
    lamp, mug = await shop.product(5, warehouse="lyon", country="FR"), await shop.product(5)
    for warehouse, product in [("rotterdam", lamp), ("lyon", mug)]:
        await shop.product(2, warehouse=warehouse, id=product)

    async def sources(wanted: dict[UUID, int], country: str) -> set[str]:
        lines = (await shop.hold(uuid4(), wanted, country)).json()["lines"]
        return {line["warehouse"] for line in lines}

    assert await sources({lamp: 1, mug: 1}, "FR") == {"lyon"}
    assert await sources({lamp: 1, mug: 1}, "NL") == {"rotterdam"}
    assert await sources({lamp: 2, mug: 1}, "NL") == {"lyon"}
    assert await sources({lamp: 3, mug: 3}, "NL") == {"lyon", "rotterdam"}


@pytest.mark.parametrize("through", [[], ["commit"]])
async def test_a_release_gives_it_back(shop: Any, order: UUID, through: list[str]) -> None:
    lamp = await shop.product(10)
    await shop.hold(order, {lamp: 3})
    for step in through:
        await shop.act(order, step)
    assert (await shop.act(order, "release")).json()["state"] == "released"
    stock = await shop.stock(lamp)
    assert (stock.on_hand, stock.reserved) == (10, 0)
    assert (await shop.act(order, "release")).status_code == 200
    assert await shop.available(lamp) == 10
    for late in (
        await shop.hold(order, {lamp: 3}),
        await shop.act(order, "commit"),
        await shop.act(order, "ship"),
    ):
        refused(late, api.RELEASED)
    assert await shop.audited()


async def test_a_release_that_comes_first_refuses_what_comes_late(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    first = await shop.act(order, "release")
    assert (first.status_code, first.json()["state"], first.json()["lines"]) == (200, "released", [])
    refused(await shop.hold(order, {lamp: 3}), api.RELEASED)
    assert await shop.available(lamp) == 10


@on_sqlite
async def test_what_has_left_is_not_released_and_what_is_not_committed_does_not_leave(
    shop: Any, order: UUID
) -> None:
    lamp = await shop.product(10)
    await shop.hold(order, {lamp: 3})
    assert refused(await shop.act(order, "ship"), api.ILLEGAL_STATE)["state"] == "held"
    await shop.act(order, "commit")
    await shop.act(order, "ship")
    assert refused(await shop.act(order, "release"), api.ILLEGAL_STATE)["state"] == "shipped"
    for action in ("commit", "ship"):
        assert (await shop.act(uuid4(), action)).status_code == 404


async def test_a_hold_lapses_and_its_stock_is_there_for_others(shop: Any, order: UUID) -> None:
    lamp = await shop.product(3)
    await shop.hold(order, {lamp: 3}, hold_seconds=60)
    assert await shop.lapse(timedelta(seconds=50)) == 0
    assert await shop.lapse(timedelta(seconds=70)) == 1
    assert await shop.lapse() == 0
    assert (await shop.orders.get(f"/internal/reservations/{order}")).json()["state"] == "expired"
    [told] = await shop.events(RESERVATION_EXPIRED)
    assert (told.subject, ReservationExpired.model_validate(told.data).order_id) == (str(order), order)
    assert [event.data["available"] for event in await shop.events(STOCK_CHANGED)] == [3, 0, 3]
    assert await shop.available(lamp) == 3
    # The hold that comes again is a repetition: it tells how things stand.
    again = await shop.hold(order, {lamp: 3}, hold_seconds=60)
    assert (again.status_code, again.json()["state"]) == (200, "expired")
    assert await shop.audited()


async def test_a_commit_takes_again_what_has_lapsed(shop: Any, order: UUID) -> None:
    lamp = await shop.product(3)
    await shop.hold(order, {lamp: 3})
    await shop.lapse()
    # Meanwhile it is there no more, but elsewhere.
    assert (await shop.hold(uuid4(), {lamp: 1})).status_code == 201
    refused(await shop.act(order, "commit"), api.OUT_OF_STOCK)
    assert (await shop.orders.get(f"/internal/reservations/{order}")).json()["state"] == "expired"
    await shop.product(5, warehouse="lyon", id=lamp)
    committed = (await shop.act(order, "commit")).json()
    assert committed["state"] == "committed"
    assert [(line["warehouse"], line["quantity"]) for line in committed["lines"]] == [("lyon", 3)]
    assert await shop.audited()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop_warehouse.service.LAPSE_EVERY", 0.05)


@on_sqlite
async def test_the_service_lapses_holds_by_itself(often: None, shop: Any, order: UUID) -> None:
    lamp = await shop.product(3)
    await shop.hold(order, {lamp: 3}, hold_seconds=1)
    async with asyncio.timeout(60):
        while await shop.available(lamp) == 0:
            await asyncio.sleep(0.05)
    assert (await shop.act(order, "commit")).json()["state"] == "committed"


@on_sqlite
async def test_committed_and_released_ones_do_not_lapse(shop: Any) -> None:
    lamp = await shop.product(10)
    orders = [uuid4() for _ in range(3)]
    for each in orders:
        await shop.hold(each, {lamp: 1})
    await shop.act(orders[0], "commit")
    await shop.act(orders[1], "release")
    assert await shop.lapse() == 1
    assert await shop.available(lamp) == 9


async def test_holds_lapse_in_small_batches_until_none_is_due(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_warehouse.reservations.LAPSE_BATCH", 2)
    lamp, mug = await shop.product(10), await shop.product(10)
    for number in range(5):
        await shop.hold(uuid4(), {lamp: 1, mug: 1} if number % 2 else {mug: 1}, hold_seconds=60 + number)
    assert [await shop.lapse() for _ in range(4)] == [2, 2, 1, 0]
    assert (await shop.available(lamp), await shop.available(mug)) == (10, 10)
    assert len(await shop.events(RESERVATION_EXPIRED)) == 5
    assert await shop.audited()


@on_postgres
async def test_the_last_pieces_go_to_as_many_orders_as_there_are_pieces(shop: Any) -> None:
    """A hot product: nobody oversells, nobody deadlocks, nobody gets an error."""
    lamp = await shop.product(10)
    answers = await asyncio.gather(*(shop.hold(uuid4(), {lamp: 1}) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 40
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {api.OUT_OF_STOCK}
    stock = await shop.stock(lamp)
    assert (stock.reserved, stock.available) == (10, 0)
    told = await shop.events(STOCK_CHANGED)
    assert [event.data["available"] for event in told] == list(range(10, -1, -1))
    assert [event.sequence for event in told] == list(range(1, 12))
    assert await shop.audited()


@on_postgres
async def test_orders_of_the_same_products_do_not_wait_for_each_other_for_ever(shop: Any) -> None:
    """Products in either order, from several warehouses, taken, lapsed and given back at once."""
    products = [await shop.product(6, warehouse="lyon", country="FR") for _ in range(4)]
    for product in products:
        await shop.product(6, id=product)
    orders = [uuid4() for _ in range(40)]

    async def one(number: int) -> int:
        some = products if number % 2 else products[::-1]
        wanted = dict.fromkeys(some[: 2 + number % 3], 1 + number % 2)
        answer = await shop.hold(orders[number], wanted, "FR" if number % 3 else "NL")
        if answer.status_code == 201 and number % 4 == 0:
            answer = await shop.act(orders[number], "release")
        elif answer.status_code == 201 and number % 4 == 1:
            answer = await shop.act(orders[number], "commit")
        return int(answer.status_code)

    async def lapse() -> int:
        await shop.lapse()
        return 200

    answers = await asyncio.gather(*(one(n) for n in range(40)), *(lapse() for _ in range(5)))
    assert set(answers) <= {200, 201, 409}
    assert answers.count(201) + answers.count(200) > 5
    assert await shop.audited()
    last = {event.subject: event.data["available"] for event in await shop.events(STOCK_CHANGED)}
    assert last == {str(product): await shop.available(product) for product in products}


async def test_one_order_at_the_same_time_is_one_reservation(shop: Any, order: UUID) -> None:
    lamp = await shop.product(10)
    answers = await asyncio.gather(*(shop.hold(order, {lamp: 2}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    answers = await asyncio.gather(*(shop.act(order, "commit") for _ in range(6)))
    answers += await asyncio.gather(*(shop.act(order, "ship") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    stock = await shop.stock(lamp)
    assert (stock.on_hand, stock.reserved) == (8, 0)


@on_postgres
async def test_a_hold_and_its_release_at_once_leave_nothing_reserved(shop: Any) -> None:
    lamp = await shop.product(10)
    orders = [uuid4() for _ in range(10)]
    await asyncio.gather(
        *(call for each in orders for call in (shop.hold(each, {lamp: 1}), shop.act(each, "release")))
    )
    for each in orders:
        assert (await shop.orders.get(f"/internal/reservations/{each}")).json()["state"] == "released"
    assert (await shop.stock(lamp)).reserved == 0


@on_sqlite
async def test_a_failed_event_leaves_no_reservation(
    shop: Any, order: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: what is reserved is gone with the event."""
    lamp = await shop.product(10)
    monkeypatch.setattr("shop_chassis.events.outbox.MAX_BYTES", 10)
    assert (await shop.hold(order, {lamp: 3})).status_code == 500
    monkeypatch.undo()
    assert await shop.available(lamp) == 10
    assert (await shop.hold(order, {lamp: 3})).status_code == 201


async def test_reservations_are_listed_newest_first(shop: Any) -> None:
    lamp = await shop.product(10)
    orders = [str(uuid4()) for _ in range(5)]
    for each in orders:
        await shop.hold(UUID(each), {lamp: 1})
    await shop.act(UUID(orders[2]), "commit")
    first = (await shop.admin.get("/admin/reservations", params={"limit": 3})).json()
    second = (await shop.admin.get("/admin/reservations", params={"limit": 3, "after": first["next"]})).json()
    assert [item["order_id"] for item in first["items"] + second["items"]] == orders[::-1]
    assert second["next"] is None
    [only] = (await shop.admin.get("/admin/reservations", params={"state": "committed"})).json()["items"]
    assert (only["order_id"], only["lines"][0]["quantity"]) == (orders[2], 1)


@on_sqlite
async def test_what_makes_no_sense_is_422(shop: Any, order: UUID) -> None:
    line = {"product_id": str(uuid4()), "quantity": 1}
    good = {"lines": [line], "country": "NL"}
    for change in (
        {"lines": []},
        {"lines": [line | {"product_id": "x"}]},
        {"lines": [line | {"quantity": 0}]},
        {"lines": [line] * 101},
        {"country": "Holland"},
        {"hold_seconds": 0},
        {"warehouse": "lyon"},
    ):
        answer = await shop.orders.put(f"/internal/reservations/{order}", json=good | change)
        assert answer.status_code == 422, change
