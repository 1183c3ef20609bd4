"""What other services ask of carts, and a person who goes."""

import asyncio

import httpx
import pytest
from shop_cart.erasure import Erasure
from shop_cart.store import CartStore
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.events import BusError, Event, MemoryBus
from shop_chassis.events.memory import _Handed

from .conftest import problem, quantities, running


async def test_order_taking_reads_the_cart_that_the_shopper_sees(shop) -> None:
    lamp, anna, taking = shop.catalog.sell("lamp"), shop.token("anna"), shop.service("order-taking")
    guest = await shop.new_cart()
    await shop.add(guest, lamp, 2)
    await shop.add("me", lamp, 3, **anna)
    of_guest = await shop.cart.get(f"/internal/carts/{guest}", headers=taking)
    of_anna = await shop.cart.get("/internal/carts/me?subject=anna", headers=taking)
    assert (quantities(of_guest), quantities(of_anna)) == ({"lamp": 2}, {"lamp": 3})
    seen = (await shop.cart.get("/carts/me", headers=anna)).json()
    assert of_anna.json()["lines"] == seen["lines"]
    assert of_anna.json()["etag"] == seen["etag"]
    assert quantities(await shop.cart.get("/internal/carts/me?subject=bert", headers=taking)) == {}
    assert problem(await shop.cart.get("/internal/carts/me", headers=taking))[0] == 422
    assert problem(await shop.cart.get("/internal/carts/none", headers=taking))[0] == 404
    await shop.cart.post(f"/carts/{guest}:merge", headers=anna)
    assert problem(await shop.cart.get(f"/internal/carts/{guest}", headers=taking)) == (410, "cart-merged")


async def test_the_coupon_of_a_guest_is_checked_for_the_subject_that_orders(shop) -> None:
    lamp, taking = shop.catalog.sell("lamp"), shop.service("order-taking")
    shop.catalog.coupons = {"A": 10}
    guest = await shop.new_cart()
    await shop.add(guest, lamp)
    await shop.cart.put(f"/carts/{guest}/coupon", json={"code": "A"})
    await shop.cart.get(f"/internal/carts/{guest}?subject=guest:1", headers=taking)
    assert shop.catalog.subjects[-1] == "guest:1"


async def test_a_cart_that_was_ordered_is_forgotten_unless_it_has_changed(shop) -> None:
    lamp, anna, taking = shop.catalog.sell("lamp"), shop.token("anna"), shop.service("order-taking")
    guest = await shop.new_cart()
    for cart, query, token in ((guest, "", {}), ("me", "subject=anna&", anna)):
        await shop.add(cart, lamp, 1, **token)
        path = f"/internal/carts/{cart}?{query}"
        ordered = (await shop.cart.get(path, headers=taking)).json()["etag"]
        etag = {"etag": ordered}
        await shop.add(cart, lamp, 1, **token)
        forget = f"/internal/carts/{cart}"
        params = etag | ({"subject": "anna"} if cart == "me" else {})
        changed = await shop.cart.delete(forget, params=params, headers=taking)
        assert problem(changed) == (412, "about:blank")
        params["etag"] = (await shop.cart.get(path, headers=taking)).json()["etag"]
        for _ in range(2):
            assert (await shop.cart.delete(forget, params=params, headers=taking)).status_code == 204
    assert problem(await shop.cart.get(f"/carts/{guest}"))[0] == 404
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {}
    assert problem(await shop.cart.delete(f"/internal/carts/{guest}", headers=taking))[0] == 422


async def test_wishlist_adds_once_what_was_on_a_list(shop) -> None:
    lamp, anna, wishlist = shop.catalog.sell("lamp"), shop.token("anna"), shop.service("wishlist")
    path, line = "/internal/carts/me/lines", {"product_id": lamp, "quantity": 2}
    await shop.add("me", lamp, 1, **anna)
    for _ in range(2):
        added = await shop.cart.post(
            path, json=line, params={"subject": "anna"}, headers=wishlist | {"Idempotency-Key": "wish-1"}
        )
        assert quantities(added) == {"lamp": 3}
    guest = await shop.new_cart()
    added = await shop.cart.post(f"/internal/carts/{guest}/lines", json=line, headers=wishlist)
    assert quantities(added) == {"lamp": 2}
    assert problem(await shop.cart.post(path, json=line, headers=wishlist))[0] == 422
    gone = await shop.cart.post("/internal/carts/none/lines", json=line, headers=wishlist)
    assert problem(gone)[0] == 404


async def test_internal_routes_are_for_the_services_that_they_name(shop) -> None:
    cart, lamp = "/internal/carts/me?subject=anna", shop.catalog.sell("lamp")
    for method, path, named in (
        ("GET", cart, "order-taking"),
        ("DELETE", cart + "&etag=*", "order-taking"),
        ("GET", "/internal/personal-data/anna", "user"),
        ("POST", "/internal/carts/me/lines?subject=anna", "wishlist"),
    ):
        body = {"product_id": lamp, "quantity": 1} if method == "POST" else None

        async def ask(**headers: str) -> httpx.Response:
            return await shop.cart.request(method, path, json=body, headers=headers)  # noqa: B023

        assert problem(await ask())[0] == 401
        assert problem(await ask(**shop.token("anna")))[0] == 401
        for service in {"order-taking", "wishlist", "user", "catalog"} - {named}:
            assert problem(await ask(**shop.service(service)))[0] == 403
        assert (await ask(**shop.service(named))).status_code < 300


async def test_a_person_who_goes_takes_their_cart_along(shop) -> None:
    lamp, anna, user = shop.catalog.sell("lamp"), shop.token("anna"), shop.service("user")
    path = "/internal/personal-data/anna"
    assert (await shop.cart.get(path, headers=user)).json() == {}
    await shop.add("me", lamp, 2, **anna)
    [line] = (await shop.cart.get(path, headers=user)).json()["cart"]["lines"]
    assert (line["title"], line["quantity"]) == ("lamp", 2)
    await shop.erased("bert")
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {"lamp": 2}
    for _ in range(2):
        await shop.erased("anna")
        assert (await shop.cart.get(path, headers=user)).json() == {}
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {}


async def test_an_event_that_cannot_be_read_holds_no_other_up(shop) -> None:
    lamp, anna = shop.catalog.sell("lamp"), shop.token("anna")
    await shop.add("me", lamp, 2, **anna)
    await shop.bus.publish("user.erased", b"{", message_id="bad")
    await shop.erased("anna")
    assert quantities(await shop.cart.get("/carts/me", headers=anna)) == {}


async def test_an_answer_that_the_broker_did_not_hear_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, carts = MemoryBus(ack_wait=0.02), CartStore(MemoryCache())
    await bus.ensure_stream("user", max_age=60)
    answered = 0
    ack = _Handed.ack

    async def lost_at_first(self: _Handed) -> None:
        nonlocal answered
        answered += 1
        if answered == 1:
            raise BusError("the connection was lost")
        await ack(self)

    monkeypatch.setattr(_Handed, "ack", lost_at_first)
    running = asyncio.create_task(Erasure(carts, bus).run())
    event = Event(source="/user", type="erased", subject="anna", sequence=1, data={})
    await bus.publish(event.topic, event.encode(), message_id=event.id)
    subscription = await bus.subscribe("user", "cart", [event.topic])
    async with asyncio.timeout(60):
        while await subscription.lag():
            await asyncio.sleep(0.005)
    assert (answered, running.done()) == (2, False)
    running.cancel()
    await asyncio.wait([running])


async def test_a_broker_that_is_down_makes_cart_no_less_ready(shop, unused_tcp_port: int) -> None:
    settings = shop.settings.model_copy(update={"events_url": f"nats://127.0.0.1:{unused_tcp_port}"})
    async with running(settings) as cart:
        assert (await cart.get("/readyz")).json() == {"ready": True, "reasons": []}
        assert (await cart.post("/carts")).status_code == 201
