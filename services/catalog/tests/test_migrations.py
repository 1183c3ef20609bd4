"""The release before keeps running on the new schema, beside the present one."""

from typing import Any
from uuid import UUID

from . import release_0001 as before


async def test_the_release_before_reads_and_writes_the_new_schema(shop: Any) -> None:
    store = shop.runtime.store
    async with store.transaction() as session:
        await before.put_category(session, "lighting")
        old = await before.create(session, 1, "lighting")
    found = (await shop.http.get("/products/old-1")).json()
    assert (found["weight_grams"], found["family"], found["options"]) == (500, None, {})
    async with store.transaction() as session:
        another = await before.create(session, 2, "lighting")
    assert another != old, "two products without a family are no equal variants"

    await shop.admin.put("/admin/families/shirt", json={"title": "Shirt", "options": ["size"]})
    new = await shop.product(3, family="shirt", options={"size": "S"}, weight_grams=180)
    async with store.transaction() as session:
        assert await before.change(session, UUID(new["id"]), title="Renamed", amount=100) == 2
    found = (await shop.http.get(f"/products/{new['id']}")).json()
    assert (found["title"], found["price"]["amount"]) == ("Renamed", 100)
    assert (found["weight_grams"], found["options"]) == (180, {"size": "S"}), "what it does not know stays"
    async with store.session() as session:
        assert await before.page(session, (0, UUID(int=0))) == ["lamp-3", "old-1", "old-2"]


async def test_both_releases_count_one_sequence_of_events(shop: Any) -> None:
    product = await shop.product()
    async with shop.runtime.store.transaction() as session:
        await before.change(session, UUID(product["id"]), title="Renamed", amount=100)
    await shop.admin.put(f"/admin/products/{product['id']}/price", json={"amount": 200, "currency": "EUR"})
    own = [event for event in await shop.events() if event.subject == product["id"]]
    assert [event.sequence for event in own] == [1, 2, 3, 4]
    history = (await shop.http.get(f"/products/{product['id']}/prices")).json()["items"]
    assert [item["price"]["amount"] for item in history] == [200, 100, 4900]
