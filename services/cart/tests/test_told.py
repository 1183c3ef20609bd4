"""What others are told of carts."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from shop_cart.domain import StoredCart
from shop_cart.store import guest_cart, user_cart
from shop_cart.told import MOST, Told
from shop_chassis.events import BusError, Event, MemoryBus
from shop_contracts.cart.events import CART_UPDATED, STREAM, CartUpdated


async def told(bus: MemoryBus, count: int) -> list[Event]:
    """The news, as soon as there is so much."""
    async with asyncio.timeout(60):
        while len(found := await bus.browse(STREAM, limit=2 * MOST)) < count:
            await asyncio.sleep(0.005)
    events = [Event.decode(message.body) for message in found]
    assert len(events) == count
    assert {event.type for event in events} == {CART_UPDATED}
    return events


def carts(events: Sequence[Event]) -> list[CartUpdated]:
    return [CartUpdated.model_validate(event.data) for event in events]


async def test_each_change_is_told_with_all_that_is_in_the_cart(shop: Any) -> None:
    lamp, cup, me = shop.catalog.sell("lamp"), shop.catalog.sell("cup"), shop.token("ann")
    for product in (lamp, cup):
        await shop.cart.post("/carts/me/lines", json={"product_id": product}, headers=me)
    await shop.cart.delete(f"/carts/me/lines/{lamp}", headers=me)
    events = await told(shop.bus, 3)
    assert [cart.model_dump(mode="json")["quantities"] for cart in carts(events)] == [
        {lamp: 1},
        {lamp: 1, cup: 1},
        {cup: 1},
    ]
    assert {(cart.cart, cart.user) for cart in carts(events)} == {("ann", "ann")}
    assert [event.sequence for event in events] == sorted({event.sequence for event in events})


async def test_a_guests_cart_is_told_without_what_gives_access(shop: Any) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.add(id, lamp)
    [event] = await told(shop.bus, 1)
    assert id not in event.encode().decode()
    [cart] = carts([event])
    assert (cart.user, cart.cart) == (None, event.subject)

    merged = await shop.cart.post(f"/carts/{id}:merge", headers=shop.token("ann"))
    assert merged.status_code == 200
    news = carts(await told(shop.bus, 2))[1]
    assert (news.user, list(map(str, news.quantities))) == ("ann", [lamp])


async def test_reading_tells_nothing(shop: Any) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.cart.get(f"/carts/{id}")
    await shop.add(id, lamp)
    await told(shop.bus, 1)


class Away(MemoryBus):
    """A broker that is away at first."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    async def ensure_stream(self, stream: str, *, max_age: float) -> None:
        self.tries += 1
        if self.tries <= 2:
            raise BusError("no broker")
        await super().ensure_stream(stream, max_age=max_age)


async def test_while_the_broker_is_away_the_newest_news_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop_cart.told.PAUSE", 0.01)
    bus = Away()
    news = Told(bus)
    for number in range(MOST + 5):
        news.changed(guest_cart(str(number)), StoredCart())
    news.changed(user_cart("ann"), StoredCart())
    running = asyncio.create_task(news.run())
    try:
        events = await told(bus, MOST)
        assert events[-1].subject == "ann"
        news.changed(user_cart("bob"), StoredCart())
        assert (await told(bus, MOST + 1))[-1].subject == "bob"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
