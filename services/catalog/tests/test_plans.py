"""Prices that products are to have."""

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from shop_catalog.plans import Plans
from shop_chassis.tables import utc_now
from shop_contracts.catalog.events import PRICE_CHANGED, PriceChanged

from .conftest import on_sqlite


async def plan(
    shop: Any,
    product: dict[str, Any],
    amount: int,
    at: datetime,
    id: str | None = None,
    currency: str = "EUR",
) -> Any:
    body = {"price": {"amount": amount, "currency": currency}, "valid_from": at.isoformat()}
    path = f"/admin/products/{product['id']}/planned-prices/{id or uuid.uuid4()}"
    return await shop.admin.put(path, json=body)


async def told(shop: Any) -> list[int]:
    events = [event for event in await shop.events() if event.type == PRICE_CHANGED]
    return [PriceChanged.model_validate(event.data).new.amount for event in events]


async def test_a_price_comes_when_its_time_has_come_and_is_told_once(shop: Any, clock: Any) -> None:
    made, plans = await shop.product(), shop.runtime.get(Plans)
    assert (await plan(shop, made, 3000, clock.now + timedelta(hours=2))).status_code == 201
    assert (await plan(shop, made, 3900, clock.now + timedelta(hours=1))).status_code == 201
    listed = (await shop.admin.get(f"/admin/products/{made['id']}/planned-prices")).json()["items"]
    assert [each["price"]["amount"] for each in listed] == [3900, 3000]
    assert await plans.apply() == 0
    clock.now += timedelta(hours=1)
    applied = await asyncio.gather(*(plans.apply() for _ in range(5)))
    assert (sum(applied), await told(shop)) == (1, [3900])
    assert (await shop.http.get(f"/products/{made['id']}")).json()["price"]["amount"] == 3900
    clock.now += timedelta(days=1)
    assert (await plans.apply(), await told(shop)) == (1, [3900, 3000])
    history = (await shop.http.get(f"/products/{made['id']}/prices")).json()["items"]
    assert [item["price"]["amount"] for item in history] == [3000, 3900, 4900]
    assert (await shop.admin.get(f"/admin/products/{made['id']}/planned-prices")).json() == {"items": []}


@on_sqlite
async def test_what_was_missed_is_made_up_in_order(shop: Any, clock: Any) -> None:
    made, plans = await shop.product(), shop.runtime.get(Plans)
    for amount, hours in ((1, 3), (2, 1), (3, 2)):
        await plan(shop, made, amount, clock.now + timedelta(hours=hours))
    clock.now += timedelta(days=1)
    assert (await plans.apply(), await told(shop)) == (3, [2, 3, 1])


async def test_a_plan_can_be_repeated_also_after_its_time(shop: Any, clock: Any) -> None:
    made, plans, id = await shop.product(), shop.runtime.get(Plans), str(uuid.uuid4())
    at = clock.now + timedelta(hours=1)
    assert (await plan(shop, made, 3900, at, id)).status_code == 201
    assert (await plan(shop, made, 3900, at, id)).status_code == 200
    assert (await plan(shop, made, 3800, at, id)).status_code == 409
    clock.now += timedelta(hours=1)
    await plans.apply()
    await shop.admin.put(f"/admin/products/{made['id']}/price", json={"amount": 5000, "currency": "EUR"})
    assert (await plan(shop, made, 3900, at, id)).status_code == 200
    assert (await plans.apply(), await told(shop)) == (0, [3900, 5000])


@on_sqlite
async def test_a_plan_is_removed_before_its_time_alone(shop: Any, clock: Any) -> None:
    made, plans, id = await shop.product(), shop.runtime.get(Plans), str(uuid.uuid4())
    path = f"/admin/products/{made['id']}/planned-prices/{id}"
    assert (await shop.admin.delete(path)).status_code == 204
    await plan(shop, made, 3900, clock.now, id)
    elsewhere = f"/admin/products/{uuid.uuid4()}/planned-prices/{id}"
    assert (await shop.admin.delete(elsewhere)).status_code == 204
    assert len((await shop.admin.get(f"/admin/products/{made['id']}/planned-prices")).json()["items"]) == 1
    assert (await shop.admin.delete(path)).status_code == 204
    assert await plans.apply() == 0
    await plan(shop, made, 3900, clock.now, id)
    assert await plans.apply() == 1
    assert (await shop.admin.delete(path)).status_code == 409


@on_sqlite
async def test_a_plan_needs_a_product_and_its_currency(shop: Any, clock: Any) -> None:
    made = await shop.product()
    assert (await plan(shop, made, 3900, clock.now, currency="USD")).status_code == 409
    assert (await plan(shop, {"id": uuid.uuid4()}, 3900, clock.now)).status_code == 404
    assert (await shop.admin.get(f"/admin/products/{uuid.uuid4()}/planned-prices")).status_code == 404


@on_sqlite
async def test_the_price_that_it_has_already_tells_nobody(shop: Any, clock: Any) -> None:
    made, plans = await shop.product(), shop.runtime.get(Plans)
    await plan(shop, made, 4900, clock.now)
    assert (await plans.apply(), await told(shop), await plans.apply()) == (1, [], 0)


@pytest.mark.parametrize("plans_every", [0.02])
async def test_the_schedule_applies_what_is_due(shop: Any) -> None:
    made = await shop.product()
    await plan(shop, made, 3900, utc_now() - timedelta(seconds=1))
    async with asyncio.timeout(20):
        while not await told(shop):
            await asyncio.sleep(0.01)
    assert (await shop.http.get(f"/products/{made['id']}")).json()["price"]["amount"] == 3900
