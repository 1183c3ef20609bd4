"""What logistics knows of a person, and how it forgets."""

import asyncio
from uuid import UUID

import pytest
from shop_chassis.events import Event
from shop_contracts.user.events import ERASED
from shop_logistics import personal
from shop_logistics.tables import Shipment
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError


async def exported(shop, subject: str) -> dict:
    headers = shop.accounts.headers("user", "logistics")
    answer = await shop.http.get(f"/internal/personal-data/{subject}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def forget(shop, subject: str) -> None:
    async with shop.runtime.store.transaction() as session:
        await personal.erase(session, subject)


async def address(shop, order: UUID) -> dict[str, str] | None:
    async with shop.runtime.store.session() as session:
        return (await session.get_one(Shipment, order)).address


async def test_who_asks_gets_all_of_their_addresses(shop) -> None:
    order, _ = await shop.delivered(), await shop.allocated(subject="bob")
    (shipment,) = (await exported(shop, "ann"))["shipments"]
    assert shipment["order_id"] == str(order)
    assert shipment["address"]["line1"] == "Coolsingel 40"
    assert await exported(shop, "nobody") == {}


async def test_who_is_forgotten_leaves_no_address(shop) -> None:
    arrived, under_way, others = (
        await shop.delivered(),
        await shop.allocated(),
        await shop.delivered(subject="bob"),
    )
    await shop.advance(under_way, "dispatched")
    for _ in range(2):
        await forget(shop, "ann")
    assert await exported(shop, "ann") == {}
    assert await address(shop, arrived) is None
    assert await address(shop, others) is not None
    assert await address(shop, under_way) is not None  # somebody has to find the door
    await shop.advance(under_way, "in_transit")
    assert await address(shop, under_way) is not None
    await shop.advance(under_way, "delivered")
    assert await address(shop, under_way) is None
    assert (await shop.admin.get(f"/admin/shipments/{arrived}/label")).status_code == 404
    assert (await shop.http.get(f"/shipments/{arrived}", headers=shop.token("ann"))).status_code == 404


async def test_the_event_of_user_makes_logistics_forget(shop) -> None:
    await shop.delivered()
    gone = Event(source="/user", type=ERASED, subject="ann", sequence=1, data={})
    await shop.bus.publish(gone.topic, gone.encode(), message_id=gone.id)
    async with asyncio.timeout(60):
        while await exported(shop, "ann"):
            await asyncio.sleep(0.01)


async def test_events_name_nobody(shop) -> None:
    await shop.delivered()
    told = " ".join(event.model_dump_json() for event in await shop.events())
    assert "Coolsingel" not in told
    assert "Ann" not in told


@pytest.mark.parametrize("change", ["UPDATE tracking SET text = 'x'", "DELETE FROM tracking"])
async def test_what_happened_cannot_be_changed(shop, change: str) -> None:
    await shop.allocated()
    with pytest.raises(DBAPIError, match="append-only"):
        async with shop.runtime.store.transaction() as session:
            await session.execute(text(change))
