"""What administrators change, and what it tells."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from shop_contracts.catalog.api import Product
from shop_contracts.catalog.events import PRICE_CHANGED, PRODUCT_CHANGED, PriceChanged, ProductChanged

from .conftest import on_sqlite


async def set_price(shop: Any, product: dict[str, Any], amount: int, currency: str = "EUR") -> httpx.Response:
    body = {"amount": amount, "currency": currency}
    answer: httpx.Response = await shop.admin.put(f"/admin/products/{product['id']}/price", json=body)
    return answer


async def history(shop: Any, product: dict[str, Any]) -> list[int]:
    answer = await shop.http.get(f"/products/{product['id']}/prices", params={"limit": 100})
    return [item["price"]["amount"] for item in answer.json()["items"]]


ADMIN_ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/admin/products:import", None),
    ("POST", "/admin/media", None),
    ("PUT", "/admin/families/shirt", {"title": "Shirt", "options": ["size"]}),
    ("PUT", f"/admin/products/{uuid.uuid4()}/relations", {"relations": []}),
    ("GET", f"/admin/products/{uuid.uuid4()}/planned-prices", None),
    ("PUT", f"/admin/products/{uuid.uuid4()}/planned-prices/{uuid.uuid4()}", {}),
    ("DELETE", f"/admin/products/{uuid.uuid4()}/planned-prices/{uuid.uuid4()}", None),
    ("GET", "/admin/promotions", None),
    ("GET", f"/admin/promotions/{uuid.uuid4()}", None),
    ("PUT", f"/admin/promotions/{uuid.uuid4()}", {}),
    ("GET", "/admin/coupons", None),
    ("GET", "/admin/coupons/TEN", None),
    ("PUT", "/admin/coupons/TEN", {}),
    ("GET", "/admin/coupons/TEN/uses", None),
    ("PUT", "/admin/categories/home", {"slug": "home", "title": "Home"}),
    ("POST", "/admin/products", {}),
    ("PATCH", f"/admin/products/{uuid.uuid4()}", {}),
    ("PUT", f"/admin/products/{uuid.uuid4()}/price", {"amount": 1, "currency": "EUR"}),
]


@on_sqlite
async def test_only_administrators_change_anything(shop: Any) -> None:
    shopper = {"Authorization": f"Bearer {shop.signer.token('ben', 'catalog:read')}"}
    for method, path, body in ADMIN_ROUTES:
        assert (await shop.http.request(method, path, json=body)).status_code == 401
        assert (await shop.http.request(method, path, json=body, headers=shopper)).status_code == 403
        assert (await shop.admin.request(method, path, json=body)).status_code not in (401, 403)


@on_sqlite
async def test_every_admin_route_is_tried_above(shop: Any) -> None:
    paths = (await shop.http.get("/openapi.json")).json()["paths"]
    there = {(method.upper(), path) for path, route in paths.items() for method in route if "/admin" in path}
    assert len(there) == len(ADMIN_ROUTES)


async def test_a_new_product_is_told_with_its_whole_state(shop: Any) -> None:
    made = await shop.product(attributes={"material": "oak"})
    [event] = await shop.events()
    assert (event.type, event.subject, event.sequence) == (PRODUCT_CHANGED, made["id"], 1)
    assert ProductChanged.model_validate(event.data).product == Product.model_validate(made)
    assert await history(shop, made) == [4900]


async def test_creating_can_be_repeated_and_does_nothing_twice(shop: Any) -> None:
    id = str(uuid.uuid4())
    made = await shop.product(id=id)
    body = {key: made[key] for key in ("id", "sku", "slug", "title", "category", "price")}
    again = await shop.admin.post("/admin/products", json=body)
    assert (again.status_code, again.json()) == (200, made)
    assert len(await shop.events()) == 1
    other = await shop.admin.post("/admin/products", json=body | {"title": "Another"})
    assert other.status_code == 409


NO_PRODUCTS: list[tuple[dict[str, Any], int, str]] = [
    ({"sku": "LGT-0001"}, 409, "another product has the sku LGT-0001"),
    ({"slug": "lamp-1"}, 409, "another product has the slug lamp-1"),
    ({"category": "nowhere"}, 409, "there is no category nowhere"),
    (
        {"price": {"amount": -1, "currency": "EUR"}},
        422,
        "body.price: Value error, a price is not below 0",
    ),
    ({"price": {"amount": 1.5, "currency": "EUR"}}, 422, "body.price.amount"),
    ({"price": {"amount": 1, "currency": "euro"}}, 422, "body.price.currency"),
    ({"price": {"amount": 2**60, "currency": "EUR"}}, 422, "body.price.amount"),
    ({"slug": "Not A Slug"}, 422, "body.slug"),
    ({"colour": "red"}, 422, "body.colour: Extra inputs are not permitted"),
    ({"attributes": {"": "x"}}, 422, "body.attributes"),
]


async def test_what_cannot_be_is_refused_by_name(shop: Any) -> None:
    await shop.product(1)
    price = {"amount": 100, "currency": "EUR"}
    body = {"sku": "LGT-0002", "slug": "lamp-2", "title": "2", "category": "lighting", "price": price}
    for change, status, words in NO_PRODUCTS:
        answer = await shop.admin.post("/admin/products", json=body | change)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert len(await shop.events()) == 1


@on_sqlite
async def test_a_change_needs_the_version_it_is_based_on(shop: Any) -> None:
    made = await shop.product()
    path = f"/admin/products/{made['id']}"
    assert (await shop.admin.patch(path, json={"title": "New"})).status_code == 428
    stale = await shop.admin.patch(path, json={"title": "New"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    assert '"1"' in stale.json()["detail"]
    good = await shop.admin.patch(path, json={"title": "New"}, headers={"If-Match": '"1"'})
    assert (good.status_code, good.headers["etag"], good.json()["title"]) == (200, '"2"', "New")
    same = await shop.admin.patch(path, json={"title": "New"}, headers={"If-Match": '"2"'})
    assert same.headers["etag"] == '"2"'
    assert [event.type for event in await shop.events()] == [PRODUCT_CHANGED, PRODUCT_CHANGED]
    assert (await shop.admin.patch(f"/admin/products/{uuid.uuid4()}", json={})).status_code == 404


async def test_a_slug_of_another_product_is_not_given_away(shop: Any) -> None:
    await shop.product(1)
    second = await shop.product(2)
    answer = await shop.admin.patch(
        f"/admin/products/{second['id']}", json={"slug": "lamp-1"}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["detail"]) == (409, "another product has the slug lamp-1")


async def test_a_price_change_is_product_history_and_events_at_once(shop: Any) -> None:
    made = await shop.product()
    answer = await set_price(shop, made, 3900)
    assert (answer.json()["price"]["amount"], answer.headers["etag"]) == (3900, '"2"')
    assert await history(shop, made) == [3900, 4900]
    _, changed, state = await shop.events()
    assert [(event.type, event.sequence) for event in (changed, state)] == [
        (PRICE_CHANGED, 2),
        (PRODUCT_CHANGED, 3),
    ]
    told = PriceChanged.model_validate(changed.data)
    assert (told.old.amount, told.new.amount, str(told.product_id)) == (4900, 3900, made["id"])
    assert ProductChanged.model_validate(state.data).product == Product.model_validate(answer.json())


async def test_the_history_is_paged(shop: Any) -> None:
    made = await shop.product()
    for amount in (1, 2, 3):
        await set_price(shop, made, amount)
    path = f"/products/{made['id']}/prices"
    first = (await shop.http.get(path, params={"limit": 3})).json()
    second = (await shop.http.get(path, params={"limit": 3, "after": first["next"]})).json()
    amounts = [item["price"]["amount"] for item in first["items"] + second["items"]]
    assert (amounts, second["next"]) == ([3, 2, 1, 4900], None)


async def test_the_same_price_again_tells_nobody(shop: Any) -> None:
    made = await shop.product()
    for _ in range(3):
        answer = await set_price(shop, made, 3900)
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert await history(shop, made) == [3900, 4900]
    assert len(await shop.events()) == 3


@on_sqlite
async def test_the_currency_of_a_product_stays(shop: Any) -> None:
    made = await shop.product()
    answer = await set_price(shop, made, 3900, "USD")
    assert answer.status_code == 409
    assert "EUR" in answer.json()["detail"]
    assert (await set_price(shop, {"id": uuid.uuid4()}, 1)).status_code == 404


async def test_a_failed_event_leaves_no_price(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction: price and history are gone with the event."""
    made = await shop.product()
    monkeypatch.setattr("shop_chassis.events.outbox.MAX_BYTES", 10)
    assert (await set_price(shop, made, 3900)).status_code == 500
    monkeypatch.undo()
    assert await history(shop, made) == [4900]
    assert (await shop.http.get(f"/products/{made['id']}")).json() == made
    assert len(await shop.events()) == 1


async def test_changes_at_once_come_one_after_the_other(shop: Any) -> None:
    """No lost update, no gap in the sequence, and the history tells the same story as the events."""
    made = [await shop.product(number) for number in range(2)]
    amounts = list(range(1000, 1012))
    answers = await asyncio.gather(
        *(set_price(shop, product, amount) for amount in amounts for product in made),
        *(
            shop.admin.patch(
                f"/admin/products/{made[0]['id']}", json={"title": f"T{n}"}, headers={"If-Match": "*"}
            )
            for n in range(4)
        ),
    )
    assert {answer.status_code for answer in answers} == {200}
    events = await shop.events()
    for product in made:
        own = [event for event in events if event.subject == product["id"]]
        assert [event.sequence for event in own] == list(range(1, len(own) + 1))
        changes = [PriceChanged.model_validate(event.data) for event in own if event.type == PRICE_CHANGED]
        assert sorted(change.new.amount for change in changes) == amounts
        chain = [4900, *(change.new.amount for change in changes)]
        assert [change.old.amount for change in changes] == chain[:-1]
        assert await history(shop, product) == chain[::-1]
        last = ProductChanged.model_validate(own[-1].data).product
        present = Product.model_validate((await shop.http.get(f"/products/{product['id']}")).json())
        assert last == present
        versions = [event.data["product"]["version"] for event in own if event.type == PRODUCT_CHANGED]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize(
    ("slug", "parent", "words"), [("a", "c", "cannot be below itself"), ("a", "x", "no category x")]
)
async def test_the_tree_stays_a_tree(shop: Any, slug: str, parent: str, words: str) -> None:
    for name, above in [("a", None), ("b", "a"), ("c", "b")]:
        await shop.category(name, above)
    answer = await shop.category(slug, parent)
    assert answer.status_code == 409
    assert words in answer.json()["detail"]
