"""What shoppers and other services read."""

import uuid
from typing import Any
from uuid import UUID

import pytest
from shop_catalog.service import service
from shop_chassis.paging import cursor
from shop_chassis.testing.servers import PostgresServer
from shop_contracts.catalog.api import Product, ProductBatch, ProductPage

from .conftest import on_sqlite


async def ids(shop: Any, **params: Any) -> list[str]:
    """All pages, three products at a time."""
    found: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": 3, **params} | ({"after": after} if after else {})
        answer = await shop.http.get("/products", params=query)
        assert answer.status_code == 200, answer.text
        page = ProductPage.model_validate_json(answer.content)
        assert page.next is None or len(page.items) == 3
        found += [item.slug for item in page.items]
        if page.next is None:
            return found
        after = page.next


async def test_the_schema_is_that_of_the_tables(shop: Any) -> None:
    assert service.migrations is not None
    assert await service.migrations.differences(shop.runtime.store) == []
    assert (await shop.http.get("/readyz")).json() == {"ready": True, "reasons": []}


async def test_lists_are_sorted_and_paged_without_gaps(shop: Any) -> None:
    titles = ["Zinc", "brass", "Alder", "Elm", "Brass", "Zinc", "Äsche"]
    amounts = [500, 100, 100, 900, 100, 500, 300]
    for number, (title, amount) in enumerate(zip(titles, amounts, strict=True)):
        await shop.product(number, title=title, price={"amount": amount, "currency": "EUR"})
    assert await ids(shop) == [f"lamp-{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert await ids(shop, sort="price") == [f"lamp-{number}" for number in (1, 2, 4, 6, 0, 5, 3)]
    assert await ids(shop, sort="-price") == [f"lamp-{number}" for number in (3, 5, 0, 6, 4, 2, 1)]
    assert await ids(shop, sort="title") == [f"lamp-{number}" for number in (2, 4, 3, 0, 5, 1, 6)]


async def test_paging_goes_on_where_it_was_while_products_come(shop: Any) -> None:
    for number in range(4):
        await shop.product(number)
    first = (await shop.http.get("/products", params={"limit": 2})).json()
    await shop.product(9)
    second = (await shop.http.get("/products", params={"limit": 2, "after": first["next"]})).json()
    assert [item["slug"] for item in first["items"] + second["items"]] == [
        f"lamp-{number}" for number in (3, 2, 1, 0)
    ]
    assert second["next"] is None


async def test_a_category_includes_those_below_it(shop: Any) -> None:
    await shop.category("home")
    await shop.category("lamps", parent="home")
    await shop.category("desk-lamps", parent="lamps")
    await shop.category("garden")
    for number, category in enumerate(["desk-lamps", "garden", "lamps", "home"]):
        await shop.product(number)
        await shop.admin.patch(
            f"/admin/products/{(await shop.http.get(f'/products/lamp-{number}')).json()['id']}",
            json={"category": category},
            headers={"If-Match": "*"},
        )
    assert await ids(shop, category="home") == ["lamp-3", "lamp-2", "lamp-0"]
    assert await ids(shop, category="lamps", sort="title") == ["lamp-0", "lamp-2"]
    assert await ids(shop, category="nowhere") == []


async def test_a_cursor_of_something_else_is_refused(shop: Any) -> None:
    huge, zero = cursor(2**70, UUID(int=1)), cursor("\0", UUID(int=1))
    for after in ("abc", "W10", "WzEsMl0", "!", "x" * 501, "bnVsbA", huge):
        answer = await shop.http.get("/products", params={"after": after, "sort": "price"})
        assert answer.status_code == 422
        assert "after" in answer.json()["detail"]
    made = await shop.product()
    for path, after in (
        ("/products?sort=title", zero),
        ("/families?", cursor("\0")),
        (f"/products/{made['id']}/prices?", cursor(2**40)),
    ):
        assert (await shop.http.get(f"{path}&after={after}")).status_code == 422


async def test_text_that_no_database_takes_is_refused(shop: Any) -> None:
    await shop.category("lighting")
    price = {"amount": 100, "currency": "EUR"}
    body = {"sku": "X-1", "slug": "x-1", "title": "x", "category": "lighting", "price": price}
    for change in ({"title": "a\0"}, {"description": "a\0"}):
        assert (await shop.admin.post("/admin/products", json=body | change)).status_code == 422
    kept = body | {"attributes": {"a": "\0"}, "description": "two\nlines"}
    assert (await shop.admin.post("/admin/products", json=kept)).status_code == 201
    position = {"slug": "a", "title": "A", "position": 2**40}
    assert (await shop.admin.put("/admin/categories/a", json=position)).status_code == 422
    check = {"code": "\0", "lines": [{"product_id": str(UUID(int=1)), "quantity": 1, "unit_price": price}]}
    assert (await shop.http.post("/coupons:check", json=check)).status_code == 422


async def test_a_product_is_found_by_id_and_slug_with_its_version(shop: Any) -> None:
    made = await shop.product()
    for which in (made["id"], made["slug"]):
        answer = await shop.http.get(f"/products/{which}")
        assert answer.json() == made
        assert Product.model_validate_json(answer.content).model_dump(mode="json") == made
        assert answer.headers["etag"] == '"1"'
        for known, status in [('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ("*", 304), ('"2"', 200)]:
            again = await shop.http.get(f"/products/{which}", headers={"If-None-Match": known})
            assert again.status_code == status
            assert bool(again.content) == (status == 200)


@pytest.mark.parametrize("which", ["no-such-slug", "0198c0de-0000-7000-8000-000000000000"])
@on_sqlite
async def test_an_unknown_product_is_404(shop: Any, which: str) -> None:
    answer = await shop.http.get(f"/products/{which}")
    assert answer.status_code == 404
    assert which in answer.json()["detail"]


async def test_prices_of_an_unknown_product_are_404(shop: Any) -> None:
    assert (await shop.http.get(f"/products/{uuid.uuid4()}/prices")).status_code == 404


@on_sqlite
async def test_a_name_that_can_be_none_is_422(shop: Any) -> None:
    assert (await shop.http.get("/products/No%20Slug")).status_code == 422


async def test_a_batch_has_what_is_known_in_the_order_asked(shop: Any) -> None:
    made = [await shop.product(number) for number in range(3)]
    gone = await shop.admin.patch(
        f"/admin/products/{made[0]['id']}", json={"active": False}, headers={"If-Match": '"1"'}
    )
    assert gone.status_code == 200
    unknown = str(uuid.uuid4())
    asked = [made[2]["id"], unknown, made[0]["id"], made[2]["id"]]
    answer = await shop.http.post("/products:batch", json={"ids": asked})
    batch = ProductBatch.model_validate_json(answer.content)
    assert [str(item.id) for item in batch.items] == [made[2]["id"], made[0]["id"]]
    assert [item.active for item in batch.items] == [True, False]
    assert [str(id) for id in batch.missing] == [unknown]
    assert await ids(shop) == ["lamp-2", "lamp-1"]
    for bad in ([], [str(uuid.uuid4())] * 101, ["x"]):
        assert (await shop.http.post("/products:batch", json={"ids": bad})).status_code == 422


async def test_the_tree_comes_parents_first(shop: Any) -> None:
    for slug, parent, position in [
        ("b", None, 2),
        ("a", None, 1),
        ("d", "b", 0),
        ("c", "b", 1),
        ("e", "a", 0),
    ]:
        assert (await shop.category(slug, parent, position)).status_code == 201
    items = (await shop.http.get("/categories")).json()["items"]
    assert [item["slug"] for item in items] == ["a", "e", "b", "d", "c"]


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
async def test_an_outage_of_the_database_is_503_until_it_ends(shop: Any, postgres: PostgresServer) -> None:
    await shop.product()
    postgres.kill()
    answer = await shop.http.get("/products")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "127.0.0.1" not in answer.text
    ready = await shop.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["reasons"][0].startswith("database: ")
    assert (await shop.http.get("/healthz")).status_code == 200
    postgres.start()
    assert await ids(shop) == ["lamp-1"]
    assert (await shop.http.get("/readyz")).status_code == 200
