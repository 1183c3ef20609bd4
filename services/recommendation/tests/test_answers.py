"""What shoppers are shown, and why; on every database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shop_contracts.recommendation.events import MODEL_TRAINED, STREAM
from shop_recommendation.models import Models, Trained
from shop_recommendation.serving import Serving

from .conftest import VISITORS, as_visitor, on_sqlite


async def browsed(shop: Any, products: list[UUID], visitors: range) -> None:
    """Browsers look at these products, one after the other."""
    for number in visitors:
        for product in products:
            await shop.view(product, VISITORS[number])


async def test_from_nothing_to_because_you_bought(shop: Any) -> None:
    """The whole way: new, popular, because of what was viewed and bought; and what belongs together."""
    lamp, bulb, cable = [await shop.product(title) for title in ("Lamp", "Bulb", "Cable")]
    table = await shop.product("Table", category="tables")
    assert await shop.shown("/recommendations") == {
        str(id): ("new", None) for id in (table, cable, bulb, lamp)
    }

    await browsed(shop, [lamp, bulb], range(4))
    await shop.view(table, VISITORS[9])
    found = await shop.shown("/recommendations")
    assert list(found.values()) == [("popular", None)] * 3 + [("new", None)]
    assert list(found)[-1] == str(cable)

    assert "model 1: 4 products, 9 interactions of 5 shoppers" in await shop.train()
    viewer = as_visitor(20)
    await shop.view(lamp, VISITORS[20])
    found = await shop.shown("/recommendations", viewer)
    assert str(lamp) not in found, "it has just been seen"
    assert next(iter(found.items())) == (str(bulb), ("because_viewed", "Lamp"))

    long_ago = datetime.now(UTC) - timedelta(days=1)
    for buyer in ("ann", "bob"):
        await shop.order([lamp, cable], buyer, at=long_ago)
    await shop.train()
    ann = shop.token("ann")
    found = await shop.shown("/recommendations", ann)
    assert found[str(bulb)] == ("because_bought", "Lamp")
    assert {str(lamp), str(cable)}.isdisjoint(found), "ann has them"
    assert await shop.shown(f"/bought-together/{lamp}") == {str(cable): ("bought_together", "Lamp")}
    on_page = await shop.shown("/recommendations", slot="product", product_id=str(lamp))
    assert on_page[str(cable)] == ("bought_together", "Lamp")
    assert on_page[str(bulb)] == ("similar", "Lamp")
    in_cart = await shop.shown("/recommendations", slot="cart", product_id=[str(lamp), str(cable)])
    assert in_cart[str(bulb)] == ("because_viewed", "Lamp")
    assert next(iter(await shop.shown(f"/similar/{lamp}"))) == str(bulb)
    assert list(await shop.shown("/popular", category="tables")) == [str(table)]


async def test_a_product_that_came_after_the_model_is_shown_and_says_something(shop: Any) -> None:
    lamp, bulb = await shop.product("Lamp"), await shop.product("Bulb")
    await browsed(shop, [lamp, bulb], range(3))
    await shop.train()
    new = await shop.product("New lamp", attributes={"brand": "Ottoni"})
    alike = await shop.product("Newer lamp", attributes={"brand": "Ottoni"})
    assert await shop.shown(f"/similar/{new}", limit=1) == {str(alike): ("similar", "New lamp")}
    await shop.view(new, VISITORS[7])
    found = await shop.shown("/recommendations", as_visitor(7), limit=3)
    assert set(found) == {str(lamp), str(bulb), str(alike)}
    assert set(found.values()) == {("because_viewed", "New lamp")}
    await shop.view(lamp, VISITORS[8])
    found = await shop.shown("/recommendations", as_visitor(8), limit=6)
    assert ("new", None) in found.values()


async def test_what_is_not_sold_and_variants_of_what_is_shown_are_left_out(shop: Any) -> None:
    lamp, bulb, gone = [await shop.product(title) for title in ("Lamp", "Bulb", "Gone")]
    small = await shop.product("Shade S", family="shade", options={"size": "S"})
    large = await shop.product("Shade L", family="shade", options={"size": "L"})
    everything = [lamp, bulb, gone, small, large]
    await browsed(shop, everything, range(4))
    await shop.train()
    await shop.product("Gone", id=gone, active=False)
    await shop.view(lamp, VISITORS[30])
    for path in ("/recommendations", "/popular", f"/similar/{lamp}"):
        found = await shop.shown(path, as_visitor(30))
        assert str(gone) not in found, path
        assert len({str(small), str(large)} & set(found)) == 1, path
    assert {str(small), str(large)}.isdisjoint(await shop.shown(f"/similar/{small}"))
    seen = await shop.get("/recently-viewed", as_visitor(0))
    assert str(gone) not in [item["product_id"] for item in seen["items"]]


async def test_a_guest_that_signs_in_keeps_what_they_looked_at(shop: Any) -> None:
    lamp, bulb, table = [await shop.product(title) for title in ("Lamp", "Bulb", "Table")]
    visitor, guest = VISITORS[0], "guest:7d3f"
    now = datetime.now(UTC)
    await shop.view(lamp, visitor, at=now - timedelta(minutes=3))
    await shop.view(bulb, visitor, guest, at=now - timedelta(minutes=2))
    await shop.cart([table], guest)
    seen = await shop.get("/recently-viewed", shop.token(guest, "guest"))
    assert [item["title"] for item in seen["items"]] == ["Bulb", "Lamp"]
    assert (await shop.get("/recently-viewed", as_visitor(0)))["items"] == []

    await shop.view(lamp, visitor, "ann", at=now - timedelta(minutes=1))
    seen = (await shop.get("/recently-viewed", shop.token("ann")))["items"]
    assert [item["title"] for item in seen] == ["Lamp", "Bulb"]
    assert (await shop.get("/recently-viewed", shop.token(guest, "guest")))["items"] == []

    # Somebody else on the same browser gets nothing of ann's.
    await shop.view(table, visitor, "bob", at=now)
    seen = (await shop.get("/recently-viewed", shop.token("bob")))["items"]
    assert [item["title"] for item in seen] == ["Table"]
    assert len((await shop.get("/recently-viewed", shop.token("ann")))["items"]) == 2


async def test_who_goes_takes_their_history_along(shop: Any) -> None:
    lamp = await shop.product("Lamp")
    for subject in ("ann", "bob"):
        await shop.view(lamp, VISITORS[0], subject)
        await shop.order([lamp], subject)
    headers = shop.accounts.headers("user", "recommendation")
    held = await shop.get("/internal/personal-data/ann", headers)
    assert sorted((each["kind"], each["product_id"]) for each in held["interactions"]) == [
        ("order", str(lamp)),
        ("view", str(lamp)),
    ]
    await shop.erased("ann")
    assert await shop.get("/internal/personal-data/ann", headers) == {}
    assert (await shop.get("/recently-viewed", shop.token("ann")))["items"] == []
    assert len((await shop.get("/internal/personal-data/bob", headers))["interactions"]) == 2


async def test_one_persons_basket_is_nobody_elses_business(shop: Any) -> None:
    lamp, bulb = await shop.product("Lamp"), await shop.product("Bulb")
    for _ in range(3):
        await shop.order([lamp, bulb], "ann")
    await shop.train()
    assert await shop.shown(f"/bought-together/{lamp}") == {}


async def test_popular_in_a_category_has_what_is_below_it_and_recent_days_count_most(shop: Any) -> None:
    await shop.category("home")
    await shop.category("lighting", "home")
    await shop.category("tables", "home")
    lamp = await shop.product("Lamp")
    old, table = [await shop.product(title, category="tables") for title in ("Old", "Table")]
    toy = await shop.product("Toy", category="toys")
    now = datetime.now(UTC)
    for number in range(5):
        await shop.view(old, VISITORS[number], at=now - timedelta(days=40))
        await shop.view(toy, VISITORS[number])
    for number in range(2):
        await shop.view(table, VISITORS[number], at=now)
    await shop.view(lamp, VISITORS[0], at=now)
    assert list(await shop.shown("/popular", category="home")) == [str(table), str(lamp), str(old)]
    await shop.train()
    assert list(await shop.shown("/popular", category="home")) == [str(table), str(lamp), str(old)]
    assert next(iter(await shop.shown("/popular"))) == str(toy)
    assert await shop.shown("/popular", category="nowhere") == {}


@on_sqlite
async def test_an_event_that_comes_twice_counts_once(shop: Any) -> None:
    lamp, bulb = await shop.product("Lamp"), await shop.product("Bulb")
    event = await shop.order([lamp, bulb], "ann")
    await shop.again(event)
    await shop.again(event.model_copy(update={"id": str(uuid4())}))
    await shop.view(lamp, VISITORS[0], "ann")
    await shop.view(lamp, VISITORS[0], "ann")
    held = await shop.get("/internal/personal-data/ann", shop.accounts.headers("user", "recommendation"))
    assert len(held["interactions"]) == 3


@on_sqlite
async def test_a_newer_model_takes_over_and_a_broken_one_does_not(shop: Any) -> None:
    lamp, bulb = await shop.product("Lamp"), await shop.product("Bulb")
    await browsed(shop, [lamp, bulb], range(3))
    await shop.train()
    serving, models = shop.runtime.get(Serving), shop.runtime.get(Models)
    assert (await shop.get("/recommendations"))["model"] == 1
    broken = Trained(b"no model at all", datetime.now(UTC), 0, 0, 0)
    await models.save(broken)
    await serving.load()
    state = await shop.get("/admin/model", shop.token("boss", "recommendation:admin"))
    assert (state["loaded"]["version"], state["latest"]["version"]) == (1, 2)
    assert "model 2: expected at least 40 bytes" in state["refused"]
    assert (await shop.get("/recommendations"))["model"] == 1
    assert "recommendation_models_refused_total 1.0" in (await shop.http.get("/metrics")).text

    await shop.train()
    state = await shop.get("/admin/model", shop.token("boss", "recommendation:admin"))
    assert (state["loaded"]["version"], state["refused"]) == (3, None)
    assert "recommendation_model_version 3.0" in (await shop.http.get("/metrics")).text


@on_sqlite
async def test_a_replica_begins_with_the_newest_model_that_can_be_used(shop: Any) -> None:
    lamp = await shop.product("Lamp")
    await shop.view(lamp, VISITORS[0])
    await shop.train()
    models = shop.runtime.get(Models)
    content = await models.content(1)
    for broken in (content[:-1], b""):
        await models.save(Trained(broken, datetime.now(UTC), 0, 0, 0))
    from prometheus_client import CollectorRegistry

    other = Serving(models, shop.bus, CollectorRegistry())
    await other.load()
    assert other.now is not None
    assert other.now.about.version == 1
    assert other.refused is not None
    assert other.refused.startswith("model 3:")


@on_sqlite
async def test_news_of_a_model_are_followed_without_being_asked(shop: Any) -> None:
    """The event goes from the trainer's transaction by relay and bus to the replica."""
    await shop.product("Lamp")
    from shop_recommendation.train import train

    await train(shop.runtime.settings)
    for wake in shop.runtime.get(Models).outbox.listeners:
        wake()  # as PostgreSQL does; SQLite's relay looks every 15 s what another process has written
    async with asyncio.timeout(20):
        while (await shop.get("/recommendations"))["model"] is None:
            await asyncio.sleep(0.01)
    [message] = await shop.bus.browse(STREAM)
    assert message.topic == f"{STREAM}.{MODEL_TRAINED}"


@on_sqlite
async def test_only_the_newest_models_are_kept(shop: Any) -> None:
    for _ in range(5):
        await shop.train()
    kept = await shop.runtime.get(Models).all()
    assert [model.version for model in kept] == [5, 4, 3]


@on_sqlite
async def test_the_same_visitor_with_a_token_of_another_kind_is_a_visitor(shop: Any) -> None:
    """A token of an administrator is no shopper's."""
    lamp = await shop.product("Lamp")
    await shop.view(lamp, VISITORS[0])
    headers = as_visitor(0) | shop.token("boss", "recommendation:admin")
    assert len((await shop.get("/recently-viewed", headers))["items"]) == 1
    assert (await shop.get("/recently-viewed", shop.token("boss", "recommendation:admin")))["items"] == []
    assert (await shop.get("/recently-viewed"))["items"] == []
