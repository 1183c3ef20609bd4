"""Lists that others see by a link."""

import pytest
from shop_contracts.wishlist import api
from sqlalchemy import text

from .conftest import Shop, on_sqlite, problem


async def shared(shop: Shop, subject: str = "ann") -> str:
    answer = await shop.person(subject).post("/wishlists/default:share")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.json()["token"])


async def test_who_has_the_link_sees_the_list_and_nobodys_name(shop: Shop) -> None:
    ann, anybody = shop.person("ann"), shop.client()
    lamps = [await shop.sell(f"lamp-{number}") for number in range(3)]
    for lamp in lamps:
        wish = {"note": "for Aunt Mary", "quantity": 2}
        await ann.put(f"/wishlists/default/items/{lamp}", json=wish)
    token = await shared(shop)
    assert (await ann.get("/wishlists/default")).json()["shared"] is True
    answer = await anybody.get(f"/shared-wishlists/{token}", params={"limit": 2})
    assert set(answer.json()) == {"title", "items", "next"}
    assert "ann" not in answer.text
    assert "Mary" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    rest = await anybody.get(f"/shared-wishlists/{token}", params={"after": answer.json()["next"]})
    found = [item["product"]["product_id"] for item in answer.json()["items"] + rest.json()["items"]]
    assert found == [str(lamp) for lamp in reversed(lamps)]
    assert answer.json()["items"][0]["quantity"] == 2


async def test_links_end_together_and_with_their_list(shop: Shop) -> None:
    ann, bob, anybody = shop.person("ann"), shop.person("bob"), shop.client()
    for person in (ann, bob):
        await person.post("/wishlists", json={"title": "a"})
    tokens = [await shared(shop), await shared(shop)]
    of_bob = await shared(shop, "bob")
    assert len({*tokens, of_bob}) == 3
    for token in tokens:
        assert (await anybody.get(f"/shared-wishlists/{token}")).status_code == 200
    for _ in range(2):
        assert (await ann.delete("/wishlists/default:share")).status_code == 204
    for token in tokens:
        assert problem(await anybody.get(f"/shared-wishlists/{token}"))[0] == 404
    assert (await ann.get("/wishlists/default")).json()["shared"] is False
    assert (await anybody.get(f"/shared-wishlists/{of_bob}")).status_code == 200
    await bob.delete("/wishlists/default")
    assert problem(await anybody.get(f"/shared-wishlists/{of_bob}"))[0] == 404


async def test_the_database_opens_no_list(shop: Shop) -> None:
    await shop.person("ann").post("/wishlists", json={"title": "a"})
    token = await shared(shop)
    async with shop.runtime.store.session() as session:
        rows = str((await session.execute(text("SELECT * FROM link"))).all())
    assert token not in rows
    assert len(token) == 32


async def test_with_too_many_links_the_oldest_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_LINKS", 2)
    await shop.person("ann").post("/wishlists", json={"title": "a"})
    tokens = [await shared(shop) for _ in range(3)]
    answers = [await shop.client().get(f"/shared-wishlists/{token}") for token in tokens]
    assert [answer.status_code for answer in answers] == [404, 200, 200]


@on_sqlite
@pytest.mark.parametrize("token", ["x" * 32, "A" * 31, "%20" * 32])
async def test_no_other_token_opens_one(shop: Shop, token: str) -> None:
    assert problem(await shop.client().get(f"/shared-wishlists/{token}"))[0] in (404, 422)
