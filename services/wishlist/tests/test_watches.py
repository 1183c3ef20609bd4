"""Prices that are watched."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from shop_contracts.wishlist import api
from shop_contracts.wishlist.events import PRICE_DROPPED

from .conftest import Shop, euros, problem


async def watch(shop: Shop, product: UUID, subject: str = "ann", **terms: Any) -> dict[str, Any]:
    answer = await shop.person(subject).put(f"/watches/{product}", json=terms)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(shop: Shop, subject: str = "ann") -> list[int]:
    """The prices that somebody was told."""
    return [drop.new.amount for drop in await shop.drops() if drop.subject == subject]


async def test_a_fall_below_what_the_watcher_knows_is_told_once(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 5000)
    begun = await watch(shop, lamp)
    assert (begun["reference"]["amount"], begun["limit"]["amount"], begun["told"]) == (5000, 4999, None)
    for price in (5500, 5200, 5000, 4900, 4950, 4900, 4800, 6000, 4850, 4799):
        await shop.reprice(lamp, price)
    assert await told(shop) == [4900, 4800, 4799]
    [shown] = (await shop.person("ann").get("/watches")).json()["items"]
    assert (shown["told"]["amount"], shown["reference"]["amount"]) == (4799, 5000)
    assert shown["product"]["price"]["amount"] == 4799


async def test_what_is_told_says_all_that_a_notice_needs(shop: Shop) -> None:
    ann, lamp = shop.person("ann"), await shop.sell("lamp", 5000)
    await ann.put(f"/wishlists/default/items/{lamp}", json={})
    id = (await ann.get("/wishlists/default")).json()["id"]
    await watch(shop, lamp)
    await watch(shop, lamp, "bob")
    await shop.reprice(lamp, 5500)
    await shop.reprice(lamp, 4000)
    drops = {drop.subject: drop for drop in await shop.drops()}
    assert set(drops) == {"ann", "bob"}
    drop = drops["ann"]
    assert (drop.product_id, drop.slug, drop.title) == (lamp, "lamp", "Lamp")
    assert (drop.old, drop.new, drop.reference) == (euros(5500), euros(4000), euros(5000))
    assert drop.image is not None
    assert drop.image.url == "/media/lamp.webp"
    assert (str(drop.list_id), drops["bob"].list_id) == (id, None)
    assert drop.notice_id != drops["bob"].notice_id
    told = await shop.events(PRICE_DROPPED)
    assert len({event.subject for event in told}) == 2, "each watch is an aggregate of its own"
    assert [event.sequence for event in told] == [1, 1]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"below": {"amount": 4000, "currency": "EUR"}}, [4000, 3999]),
        ({"percent": 10}, [4500, 4000, 3999]),
        ({"below": {"amount": 4000, "currency": "EUR"}, "percent": 10}, [4500, 4000, 3999]),
        ({"below": {"amount": 9000, "currency": "EUR"}}, [4900, 4501, 4500, 4000, 3999]),
    ],
)
async def test_terms_say_what_is_worth_telling(
    shop: Shop, terms: dict[str, Any], expected: list[int]
) -> None:
    lamp = await shop.sell("lamp", 5000)
    await watch(shop, lamp, **terms)
    for price in (4900, 4501, 4500, 4000, 3999):
        await shop.reprice(lamp, price)
    assert await told(shop) == expected


async def test_the_same_terms_go_on_and_others_begin_anew(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 5000)
    first = await watch(shop, lamp)
    await shop.reprice(lamp, 4000)
    assert (await watch(shop, lamp))["since"] == first["since"]
    await shop.reprice(lamp, 4500)
    again = await watch(shop, lamp, percent=5)
    assert (again["reference"]["amount"], again["told"]) == (4500, None)
    await shop.reprice(lamp, 4200)
    await shop.person("ann").delete(f"/watches/{lamp}")
    await shop.reprice(lamp, 1000)
    assert await told(shop) == [4000, 4200]
    await watch(shop, lamp)
    await shop.reprice(lamp, 900)
    assert await told(shop) == [4000, 4200, 900]


async def test_a_product_that_is_not_sold_is_not_told_of(shop: Shop) -> None:
    lamp, mug = await shop.sell("lamp", 5000), await shop.sell("mug", 900, active=False)
    await watch(shop, lamp)
    await shop.hear(*shop.catalog.change(lamp, active=False))
    await shop.reprice(lamp, 4000)
    await shop.hear(*shop.catalog.change(lamp, active=True))
    assert await told(shop) == []
    await shop.reprice(lamp, 3999)
    assert await told(shop) == [3999]
    ann = shop.person("ann")
    assert problem(await ann.put(f"/watches/{mug}", json={})) == (422, "not-sold")
    assert problem(await ann.put(f"/watches/{uuid4()}", json={})) == (404, "unknown-product")
    yen = {"below": {"amount": 10, "currency": "JPY"}}
    assert problem(await ann.put(f"/watches/{lamp}", json=yen)) == (422, "other-currency")


async def test_who_watches_is_not_known_to_others(shop: Shop) -> None:
    lamp = await shop.sell("lamp")
    await watch(shop, lamp)
    bob = shop.person("bob")
    assert (await bob.get("/watches")).json()["items"] == []
    for _ in range(2):
        assert (await bob.delete(f"/watches/{lamp}")).status_code == 204
    assert len((await shop.person("ann").get("/watches")).json()["items"]) == 1


async def test_watches_come_in_pages_and_have_a_limit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_WATCHES", 3)
    lamps, ann = [await shop.sell(f"lamp-{number}") for number in range(5)], shop.person("ann")
    answers = await asyncio.gather(*(ann.put(f"/watches/{lamp}", json={}) for lamp in lamps))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 2
    page = (await ann.get("/watches", params={"limit": 2})).json()
    rest = (await ann.get("/watches", params={"limit": 2, "after": page["next"]})).json()
    found = {each["product"]["product_id"] for each in page["items"] + rest["items"]}
    assert (len(found), rest["next"]) == (3, None)


async def test_many_watchers_are_told_of_one_drop(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 5000)
    for number in range(25):
        await watch(shop, lamp, f"person-{number}")
    await shop.reprice(lamp, 4000)
    drops = await shop.drops()
    assert sorted(drop.subject for drop in drops) == sorted(f"person-{number}" for number in range(25))
    assert len({drop.notice_id for drop in drops}) == 25


async def test_who_begins_while_prices_fall_misses_none_below_what_they_saw(shop: Shop) -> None:
    """A watch knows the price of before a change and is told of it, or begins with the new one."""
    lamp = await shop.sell("lamp", 5000)
    prices = list(range(4990, 4890, -10))

    few = asyncio.Semaphore(3)  # SQLite has one writer, and the others wait for it in no order

    async def begin(number: int) -> int:
        async with few:
            begun = await watch(shop, lamp, f"person-{number}")
        return int(begun["reference"]["amount"])

    async def fall() -> None:
        for price in prices:
            await shop.reprice(lamp, price)

    *references, _ = await asyncio.gather(*(begin(number) for number in range(15)), fall())
    for number, reference in enumerate(references):
        assert await told(shop, f"person-{number}") == [price for price in prices if price < reference]
