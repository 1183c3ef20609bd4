"""Lists and what is on them."""

import asyncio
from uuid import uuid4

import pytest
from shop_contracts.wishlist import api
from shop_contracts.wishlist.events import WISHLIST_CHANGED

from .conftest import Shop, on_sqlite, problem


async def test_the_first_list_is_the_default_and_another_can_become_it(shop: Shop) -> None:
    ann = shop.person("ann")
    first = (await ann.post("/wishlists", json={"title": " Birthday "})).json()
    second = (await ann.post("/wishlists", json={"title": "Home"})).json()
    assert (first["title"], first["default"], second["default"]) == ("Birthday", True, False)
    changed = await ann.put(f"/wishlists/{second['id']}", json={"title": "House", "default": True})
    assert (changed.json()["title"], changed.json()["default"], changed.json()["version"]) == (
        "House",
        True,
        2,
    )
    lists = (await ann.get("/wishlists")).json()["items"]
    assert [(each["title"], each["default"]) for each in lists] == [("Birthday", False), ("House", True)]
    third = await ann.post("/wishlists", json={"title": "Garden", "default": True})
    assert third.json()["default"] is True
    assert (await ann.get("/wishlists/default")).json()["title"] == "Garden"


async def test_after_the_default_the_oldest_list_is_it(shop: Shop) -> None:
    ann = shop.person("ann")
    ids = [(await ann.post("/wishlists", json={"title": title})).json()["id"] for title in "abc"]
    assert (await ann.delete(f"/wishlists/{ids[0]}")).status_code == 204
    assert (await ann.get("/wishlists/default")).json()["title"] == "b"
    assert problem(await ann.delete(f"/wishlists/{ids[0]}"))[0] == 404
    for id in ids[1:]:
        await ann.delete(f"/wishlists/{id}")
    assert (await ann.get("/wishlists")).json() == {"items": [], "next": None}
    assert problem(await ann.get("/wishlists/default"))[0] == 404


async def test_wishing_shows_what_a_product_was_and_is(shop: Shop) -> None:
    ann, lamp, mug = shop.person("ann"), await shop.sell("lamp", 4900), await shop.sell("mug", 900)
    await shop.stock(lamp, 7, 2)
    await shop.stock(lamp, 9, 1)
    made = await ann.put(f"/wishlists/default/items/{lamp}", json={"note": "in blue", "quantity": 2})
    assert made.status_code == 201
    assert (await ann.put(f"/wishlists/default/items/{mug}", json={})).status_code == 201
    await shop.reprice(lamp, 3900)
    shown = (await ann.get("/wishlists/default")).json()
    assert (shown["title"], shown["default"], shown["item_count"], shown["shared"]) == (
        "Wishlist",
        True,
        2,
        False,
    )
    second, first = shown["items"]
    assert (second["product"]["title"], second["note"], second["product"]["available"]) == ("Mug", "", None)
    assert (first["note"], first["quantity"]) == ("in blue", 2)
    assert first["price_when_added"] == {"amount": 4900, "currency": "EUR"}
    product = first["product"]
    assert (product["slug"], product["price"]["amount"], product["available"]) == ("lamp", 3900, 7)
    assert (product["image"]["url"], product["image"]["alt"]) == ("/media/lamp.webp", "lamp")
    assert product["sold"] is True


async def test_the_same_wish_again_changes_nothing_and_another_one_changes_it(shop: Shop) -> None:
    ann, lamp = shop.person("ann"), await shop.sell("lamp")
    path = f"/wishlists/default/items/{lamp}"
    assert [(await ann.put(path, json={"note": note})).status_code for note in "aab"] == [201, 200, 200]
    shown = await ann.get("/wishlists/default")
    assert [item["note"] for item in shown.json()["items"]] == ["b"]
    assert (shown.json()["version"], shown.headers["ETag"]) == (3, '"3"')
    for _ in range(2):
        assert (await ann.delete(path)).status_code == 204
    assert (await ann.get("/wishlists/default")).json()["version"] == 4
    changed = await shop.events(WISHLIST_CHANGED)
    assert [event.sequence for event in changed] == [1, 2, 3, 4]
    assert {event.data["subject"] for event in changed} == {"ann"}


async def test_a_product_that_is_unknown_or_not_sold_cannot_be_wished_for(shop: Shop) -> None:
    ann, lamp = shop.person("ann"), await shop.sell("lamp")
    await ann.put(f"/wishlists/default/items/{lamp}", json={})
    await shop.hear(*shop.catalog.change(lamp, active=False, title="Old lamp"))
    assert problem(await ann.put(f"/wishlists/default/items/{uuid4()}", json={})) == (404, "unknown-product")
    other = (await ann.post("/wishlists", json={"title": "other"})).json()["id"]
    assert problem(await ann.put(f"/wishlists/{other}/items/{lamp}", json={})) == (422, "not-sold")
    [item] = (await ann.get("/wishlists/default")).json()["items"]
    assert (item["product"]["sold"], item["product"]["title"]) == (False, "Old lamp")
    changed = await ann.put(f"/wishlists/default/items/{lamp}", json={"note": "gone"})
    assert changed.status_code == 200, "what is on the list already can be changed"


async def test_a_change_may_insist_on_the_version_that_it_is_based_on(shop: Shop) -> None:
    ann, lamp = shop.person("ann"), await shop.sell("lamp")
    made = await ann.post("/wishlists", json={"title": "a"})
    path, before = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    await ann.put(f"{path}/items/{lamp}", json={})
    assert problem(await ann.put(path, json={"title": "b"}, headers=before))[0] == 412
    assert problem(await ann.delete(path, headers=before))[0] == 412
    now = {"If-Match": (await ann.get(path)).headers["ETag"]}
    assert (await ann.put(path, json={"title": "b"}, headers=now)).headers["ETag"] == '"3"'


async def test_lists_and_what_is_on_them_come_in_pages(shop: Shop) -> None:
    ann = shop.person("ann")
    products = [await shop.sell(f"lamp-{number}") for number in range(3)]
    for product in products:
        await ann.put(f"/wishlists/default/items/{product}", json={})
    first = (await ann.get("/wishlists/default", params={"limit": 2})).json()
    rest = (await ann.get("/wishlists/default", params={"limit": 2, "after": first["next"]})).json()
    found = [item["product"]["product_id"] for item in first["items"] + rest["items"]]
    assert found == [str(id) for id in reversed(products)]
    assert rest["next"] is None
    for title in "ab":
        await ann.post("/wishlists", json={"title": title})
    page = (await ann.get("/wishlists", params={"limit": 1})).json()
    page = (await ann.get("/wishlists", params={"limit": 5, "after": page["next"]})).json()
    assert [each["title"] for each in page["items"]] == ["a", "b"]


async def test_hearts_are_of_all_lists_of_mine(shop: Shop) -> None:
    ann, bob = shop.person("ann"), shop.person("bob")
    lamp, mug, pot = [await shop.sell(title) for title in ("lamp", "mug", "pot")]
    other = (await ann.post("/wishlists", json={"title": "other"})).json()["id"]
    await ann.put(f"/wishlists/default/items/{lamp}", json={})
    await ann.put(f"/wishlists/{other}/items/{mug}", json={})
    await bob.put(f"/wishlists/default/items/{pot}", json={})
    asked = {"product_id": [str(pot), str(mug), str(lamp), str(uuid4()), str(mug)]}
    assert (await ann.get("/wishlist-marks", params=asked)).json() == {"product_ids": [str(mug), str(lamp)]}
    assert (await shop.person("eve").get("/wishlist-marks", params=asked)).json() == {"product_ids": []}


async def test_the_same_key_makes_one_list(shop: Shop) -> None:
    ann, key = shop.person("ann"), {"Idempotency-Key": "k1"}
    made = [await ann.post("/wishlists", json={"title": "a"}, headers=key) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert len((await ann.get("/wishlists")).json()["items"]) == 1
    assert problem(await ann.post("/wishlists", json={"title": "b"}, headers=key))[0] == 422


async def test_there_are_limits_however_many_come_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_LISTS", 3)
    monkeypatch.setattr(api, "MAX_ITEMS", 2)
    ann = shop.person("ann")
    products = [await shop.sell(f"lamp-{number}") for number in range(4)]
    lists = await asyncio.gather(*(ann.post("/wishlists", json={"title": f"{n}"}) for n in range(6)))
    assert sorted(answer.status_code for answer in lists) == [201] * 3 + [409] * 3
    shown = (await ann.get("/wishlists")).json()["items"]
    assert sorted(each["default"] for each in shown) == [False, False, True]
    puts = await asyncio.gather(*(ann.put(f"/wishlists/default/items/{p}", json={}) for p in products))
    assert sorted(answer.status_code for answer in puts) == [201] * 2 + [409] * 2
    assert problem(next(answer for answer in puts if answer.status_code == 409))[1] == "wishlist-limit"


async def test_many_first_wishes_at_once_make_one_list(shop: Shop) -> None:
    ann = shop.person("ann")
    products = [await shop.sell(f"lamp-{number}") for number in range(4)]
    answers = await asyncio.gather(*(ann.put(f"/wishlists/default/items/{p}", json={}) for p in products))
    assert [answer.status_code for answer in answers] == [201] * 4
    [made] = (await ann.get("/wishlists")).json()["items"]
    assert (made["item_count"], made["default"]) == (4, True)


@on_sqlite
@pytest.mark.parametrize("body", [{"title": ""}, {"title": "  "}, {"title": "a\x00"}, {"title": "a", "x": 1}])
async def test_a_title_is_a_line_of_text(shop: Shop, body: dict[str, object]) -> None:
    assert problem(await shop.person("ann").post("/wishlists", json=body))[0] == 422


@on_sqlite
async def test_lists_are_for_people_with_an_account(shop: Shop) -> None:
    assert problem(await shop.person("guest:1", "guest").get("/wishlists"))[0] == 403
