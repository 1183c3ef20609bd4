"""Promotions: kept by administrators, applied to the lines of an order."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

from shop_contracts.catalog.events import PROMOTION_CHANGED, PromotionChanged
from shop_contracts.money import MOST

from .conftest import on_sqlite

TEN = {"title": "Ten per cent", "rule": {"type": "percentage", "percent": 10}}


async def put(shop: Any, content: dict[str, Any], id: str | None = None, tag: str | None = None) -> Any:
    headers = {"If-Match": tag} if tag else {}
    path = f"/admin/promotions/{id or uuid.uuid4()}"
    return await shop.admin.put(path, json=content, headers=headers)


def line(product: dict[str, Any] | str, quantity: int = 1, amount: int = 4900) -> dict[str, Any]:
    id = product if isinstance(product, str) else product["id"]
    price = {"amount": amount, "currency": "EUR"}
    return {"product_id": id, "quantity": quantity, "unit_price": price}


async def price(shop: Any, *lines: dict[str, Any]) -> dict[str, int]:
    """Discounts by product."""
    answer = await shop.http.post("/promotions:price", json={"lines": lines})
    assert answer.status_code == 200, answer.text
    found = {each["product_id"]: each["discount"]["amount"] for each in answer.json()["discounts"]}
    assert answer.json()["total"] == {"amount": sum(found.values()), "currency": "EUR"}
    return found


@on_sqlite
async def test_a_promotion_is_made_changed_and_told(shop: Any) -> None:
    id = str(uuid.uuid4())
    made = await put(shop, TEN, id)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert (await put(shop, TEN, id)).status_code == 200
    other = TEN | {"title": "Ten"}
    assert (await put(shop, other, id)).status_code == 428
    assert (await put(shop, other, id, '"2"')).status_code == 412
    changed = await put(shop, other, id, '"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    read = await shop.admin.get(f"/admin/promotions/{id}")
    assert (read.json(), read.headers["etag"]) == (changed.json(), '"2"')
    assert (await shop.admin.get(f"/admin/promotions/{uuid.uuid4()}")).status_code == 404
    events = await shop.events()
    assert [(event.type, event.subject, event.sequence) for event in events] == [
        (PROMOTION_CHANGED, id, 1),
        (PROMOTION_CHANGED, id, 2),
    ]
    told = PromotionChanged.model_validate(events[-1].data).promotion
    assert told.model_dump(mode="json") == changed.json()


async def test_of_equal_requests_at_once_one_makes_the_promotion(shop: Any) -> None:
    id = str(uuid.uuid4())
    answers = await asyncio.gather(*(put(shop, TEN, id) for _ in range(6)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert (await put(shop, TEN, id)).status_code == 200
    assert len(await shop.events()) == 1


NO_PROMOTIONS: list[tuple[dict[str, Any], int, str]] = [
    ({"categories": ["nowhere"]}, 409, "categories: there is no nowhere"),
    ({"products": [str(uuid.UUID(int=1))]}, 409, f"products: there is no {uuid.UUID(int=1)}"),
    ({"rule": {"type": "percentage", "percent": 101}}, 422, "body.rule.percentage.percent"),
    ({"rule": {"type": "n-for-m", "take": 2, "pay": 2}}, 422, "expected pay below take"),
    ({"rule": {"type": "amount", "amount": {"amount": 0, "currency": "EUR"}}}, 422, "above 0"),
    ({"rule": {"type": "gift"}}, 422, "body.rule"),
    (
        {"valid_from": "2030-01-02T00:00:00Z", "valid_until": "2030-01-02T00:00:00Z"},
        422,
        "expected valid_from before valid_until",
    ),
    ({"valid_from": "2030-01-02T00:00:00"}, 422, "body.valid_from"),
]


@on_sqlite
async def test_what_cannot_be_is_refused(shop: Any) -> None:
    for change, status, words in NO_PROMOTIONS:
        answer = await put(shop, TEN | change)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert await shop.events() == []


async def test_categories_include_those_below(shop: Any) -> None:
    await shop.category("home")
    await shop.category("lamps", parent="home")
    lamp, other = await shop.product(1, category="lamps"), await shop.product(2, category="garden")
    await shop.category("lamps", parent="home")  # `product` has put it at the top
    await put(shop, TEN | {"categories": ["home"]})
    assert await price(shop, line(lamp), line(other)) == {lamp["id"]: 490}
    assert await price(shop, line(str(uuid.uuid4()))) == {}, "a product that is not known is in no category"


async def test_a_promotion_is_applied_in_its_time_while_active(shop: Any, clock: Any) -> None:
    lamp, id = await shop.product(), str(uuid.uuid4())
    content = TEN | {
        "valid_from": (clock.now + timedelta(hours=1)).isoformat(),
        "valid_until": (clock.now + timedelta(hours=2)).isoformat(),
    }
    await put(shop, content, id)
    found = []
    for _ in range(3):
        found.append(
            (await price(shop, line(lamp)), len((await shop.http.get("/promotions")).json()["items"]))
        )
        clock.now += timedelta(hours=1)
    assert found == [({}, 0), ({lamp["id"]: 490}, 1), ({}, 0)]
    await put(shop, TEN | {"active": False}, id, '"1"')
    assert await price(shop, line(lamp)) == {}
    await put(shop, TEN, id, '"2"')
    assert await price(shop, line(lamp)) == {lamp["id"]: 490}


@on_sqlite
async def test_stackable_and_exclusive_ones_together(shop: Any) -> None:
    lamp, cup = await shop.product(1), await shop.product(2, category="kitchen")
    await put(shop, TEN)
    await put(shop, TEN | {"rule": {"type": "amount", "amount": {"amount": 100, "currency": "EUR"}}})
    await put(shop, TEN | {"rule": {"type": "amount", "amount": {"amount": 100, "currency": "USD"}}})
    half = {"rule": {"type": "percentage", "percent": 50}, "products": [lamp["id"]], "exclusive": True}
    await put(shop, TEN | half)
    assert await price(shop, line(lamp), line(cup, 2, 1000)) == {lamp["id"]: 2450, cup["id"]: 300}


NO_ORDERS: list[tuple[list[Any], str]] = [
    ([], "body.lines"),
    ([line(str(uuid.UUID(int=1)))] * 2, "expected each product once"),
    (
        [
            line(str(uuid.UUID(int=1))),
            line(str(uuid.UUID(int=2))) | {"unit_price": {"amount": 1, "currency": "USD"}},
        ],
        "expected one currency, found EUR, USD",
    ),
    ([line(str(uuid.UUID(int=1)), amount=-1)], "0 or more"),
    ([line(str(uuid.UUID(int=1)), 2, MOST)], "expected at most"),
    ([line(str(uuid.UUID(int=n))) for n in range(101)], "body.lines"),
]


@on_sqlite
async def test_lines_that_are_no_order_are_refused(shop: Any) -> None:
    for lines, words in NO_ORDERS:
        answer = await shop.http.post("/promotions:price", json={"lines": lines})
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


@on_sqlite
async def test_promotions_are_paged_newest_first(shop: Any) -> None:
    ids = [str(uuid.UUID(int=number)) for number in (1, 2, 3)]
    for id in ids:
        await put(shop, TEN, id)
    first = (await shop.admin.get("/admin/promotions", params={"limit": 2})).json()
    second = (await shop.admin.get("/admin/promotions", params={"limit": 2, "after": first["next"]})).json()
    assert [each["id"] for each in first["items"] + second["items"]] == ids[::-1]
