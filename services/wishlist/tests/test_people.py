"""What is held about a person: shown, and removed."""

from shop_wishlist.tables import metadata
from sqlalchemy import func, select

from .conftest import Shop, problem


async def test_a_person_can_see_all_that_is_held_and_have_it_removed(shop: Shop) -> None:
    ann, user, lamp = shop.person("ann"), shop.service("user"), await shop.sell("lamp", 5000)
    path = "/internal/personal-data/ann"
    assert (await user.get(path)).json() == {}
    for person in (ann, shop.person("bob")):
        await person.post("/wishlists", json={"title": "Birthday"}, headers={"Idempotency-Key": "k"})
        await person.put(f"/wishlists/default/items/{lamp}", json={"note": "in blue"})
        await person.post("/wishlists/default:share")
        await person.put(f"/watches/{lamp}", json={})
    await shop.reprice(lamp, 4000)
    held = (await user.get(path)).json()
    [shown] = held["wishlists"]
    assert (shown["title"], shown["items"][0]["note"]) == ("Birthday", "in blue")
    [watch] = held["watches"]
    assert (watch["product"]["title"], watch["notices"][0]["amount"]) == ("Lamp", 4000)

    await shop.erase("ann")
    assert (await user.get(path)).json() == {}
    assert (await ann.get("/wishlists")).json()["items"] == []
    async with shop.runtime.store.session() as session:
        left = {
            name: (
                await session.execute(select(func.count()).select_from(metadata.tables[name]))
            ).scalar_one()
            for name in ("owner", "wishlist", "item", "link", "watch", "notice", "idempotency")
        }
    assert left == dict.fromkeys(left, 1), "bob's"
    await shop.reprice(lamp, 3000)
    assert [drop.subject for drop in await shop.drops()].count("ann") == 1
    assert len((await shop.person("bob").get("/wishlists/default")).json()["items"]) == 1


async def test_nobody_else_asks_what_is_held(shop: Shop) -> None:
    path = "/internal/personal-data/ann"
    assert problem(await shop.service("cart").get(path))[0] == 403
    assert problem(await shop.person("ann").get(path))[0] == 401
