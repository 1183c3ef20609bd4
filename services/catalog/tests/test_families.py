"""Variants of a family, and relations between products."""

import asyncio
import uuid
from typing import Any

import httpx
from shop_contracts.catalog.events import PRODUCT_CHANGED

from .conftest import on_sqlite

SHIRT = {"title": "Merino shirt", "options": ["size", "colour"]}


async def put_family(shop: Any, body: dict[str, Any] = SHIRT, if_match: str | None = None) -> httpx.Response:
    headers = {"If-Match": if_match} if if_match else {}
    answer: httpx.Response = await shop.admin.put("/admin/families/shirt", json=body, headers=headers)
    return answer


def variant(size: str, colour: str = "navy") -> dict[str, Any]:
    return {"family": "shirt", "options": {"size": size, "colour": colour}}


async def test_variants_are_products_with_a_family_and_options(shop: Any) -> None:
    assert (await put_family(shop)).status_code == 201
    small, large = await shop.product(1, **variant("S")), await shop.product(2, **variant("L"))
    gone = await shop.product(3, **variant("XL"), active=False)
    family = (await shop.http.get("/families/shirt")).json()
    assert (family["title"], family["options"]) == ("Merino shirt", ["size", "colour"])
    assert family["variants"] == [small, large]
    assert small["options"] == {"size": "S", "colour": "navy"}
    assert gone["id"] not in [each["id"] for each in family["variants"]]
    assert (await shop.http.get("/families/none")).status_code == 404


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"family": "none"}, "there is no family none"),
    ({"options": {"size": "S"}}, "options: expected size, colour as shirt has them, found size"),
    ({"options": {}}, "found none"),
    ({"family": None}, "options: expected none without a family, found colour, size"),
    ({"options": {"colour": "navy", "size": "S"}}, "another product of the family has the same options"),
]


@on_sqlite
async def test_a_variant_fits_into_its_family(shop: Any) -> None:
    await put_family(shop)
    await shop.product(1, **variant("S"))
    price = {"amount": 100, "currency": "EUR"}
    body = {"sku": "X-2", "slug": "x-2", "title": "2", "category": "lighting", "price": price}
    for change, words in MISFITS:
        answer = await shop.admin.post("/admin/products", json=body | variant("M") | change)
        assert (answer.status_code, words in answer.json()["detail"]) == (409, True), answer.text


async def test_a_product_can_become_a_variant(shop: Any) -> None:
    await put_family(shop)
    made = await shop.product(1)
    body = variant("S") | {"weight_grams": 180}
    answer = await shop.admin.patch(f"/admin/products/{made['id']}", json=body, headers={"If-Match": '"1"'})
    assert (answer.json()["family"], answer.json()["weight_grams"]) == ("shirt", 180)
    assert [each["id"] for each in (await shop.http.get("/families/shirt")).json()["variants"]] == [
        made["id"]
    ]


async def test_of_equal_variants_made_at_once_one_is_made(shop: Any) -> None:
    await put_family(shop)
    await shop.category("lighting")
    price = {"amount": 100, "currency": "EUR"}
    answers = await asyncio.gather(
        *(
            shop.admin.post(
                "/admin/products",
                json={"sku": f"X-{n}", "slug": f"x-{n}", "title": "x", "category": "lighting", "price": price}
                | variant("S"),
            )
            for n in range(5)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


@on_sqlite
async def test_a_family_is_changed_by_who_knows_it(shop: Any) -> None:
    assert (await put_family(shop)).headers["etag"] == '"1"'
    assert (await put_family(shop)).status_code == 200, "a repetition changes nothing"
    other = SHIRT | {"title": "Shirt"}
    assert (await put_family(shop, other)).status_code == 428
    assert (await put_family(shop, other, '"7"')).status_code == 412
    assert (await put_family(shop, other, '"1"')).headers["etag"] == '"2"'
    assert (await shop.http.get("/families/shirt")).headers["etag"] == '"2"'
    new = await shop.admin.put("/admin/families/b", json=SHIRT, headers={"If-Match": '"1"'})
    assert new.status_code == 412


@on_sqlite
async def test_options_stay_once_there_are_variants(shop: Any) -> None:
    await put_family(shop)
    assert (await put_family(shop, SHIRT | {"options": ["size"]}, '"1"')).status_code == 200
    await shop.product(1, family="shirt", options={"size": "S"})
    refused = await put_family(shop, SHIRT, '"2"')
    assert (refused.status_code, "cannot become others" in refused.json()["detail"]) == (409, True)
    twice = await put_family(shop, SHIRT | {"options": ["size", "size"]}, '"2"')
    assert twice.status_code == 409


@on_sqlite
async def test_families_are_paged(shop: Any) -> None:
    for slug in ("c", "a", "b"):
        await shop.admin.put(f"/admin/families/{slug}", json=SHIRT)
    first = (await shop.http.get("/families", params={"limit": 2})).json()
    second = (await shop.http.get("/families", params={"limit": 2, "after": first["next"]})).json()
    assert [each["slug"] for each in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


async def relate(shop: Any, of: dict[str, Any], *relations: tuple[str, str], tag: str | None) -> Any:
    body = {"relations": [{"kind": kind, "product_id": id} for kind, id in relations]}
    headers = {"If-Match": tag} if tag else {}
    return await shop.admin.put(f"/admin/products/{of['id']}/relations", json=body, headers=headers)


async def test_relations_are_shown_in_their_order_while_they_are_sold(shop: Any) -> None:
    lamp, bulb, shade, old = [await shop.product(number) for number in range(4)]
    wanted = [("accessory", shade["id"]), ("accessory", bulb["id"]), ("similar", old["id"])]
    answer = await relate(shop, lamp, *wanted, tag='"1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    await shop.admin.patch(
        f"/admin/products/{old['id']}", json={"active": False}, headers={"If-Match": '"1"'}
    )
    path = f"/products/{lamp['id']}/relations"
    shown = (await shop.http.get(path)).json()["items"]
    assert [(each["kind"], each["product"]["id"]) for each in shown] == wanted[:2]
    assert (await shop.http.get(f"/products/{bulb['id']}/relations")).json() == {"items": []}

    again = await relate(shop, lamp, *wanted, tag=None)
    assert (again.status_code, again.headers["etag"]) == (200, '"2"'), "a repetition changes nothing"
    assert (await relate(shop, lamp, tag=None)).status_code == 428
    assert (await relate(shop, lamp, tag='"1"')).status_code == 412
    assert (await relate(shop, lamp, tag='"2"')).headers["etag"] == '"3"'
    assert (await shop.http.get(path)).json() == {"items": []}
    told = [event for event in await shop.events() if event.subject == lamp["id"]]
    assert [(event.type, event.data["product"]["version"]) for event in told] == [
        (PRODUCT_CHANGED, 1),
        (PRODUCT_CHANGED, 2),
        (PRODUCT_CHANGED, 3),
    ]


@on_sqlite
async def test_relations_are_to_other_products_that_are_there(shop: Any) -> None:
    lamp, bulb = await shop.product(1), await shop.product(2)
    unknown = str(uuid.uuid4())
    for wanted, words in [
        ([("similar", unknown)], f"there is no product {unknown}"),
        ([("similar", lamp["id"])], "found the product itself"),
        ([("similar", bulb["id"])] * 2, "each product once of a kind"),
    ]:
        answer = await relate(shop, lamp, *wanted, tag='"1"')
        assert (answer.status_code, words in answer.json()["detail"]) == (409, True), answer.text
    assert (await relate(shop, {"id": unknown}, tag='"1"')).status_code == 404
    assert (await shop.http.get(f"/products/{unknown}/relations")).status_code == 404


async def test_products_that_name_each_other_do_not_wait_for_each_other(shop: Any) -> None:
    few = [await shop.product(number) for number in range(4)]
    for _ in range(3):
        answers = await asyncio.gather(
            *(
                relate(shop, one, *(("similar", other["id"]) for other in few if other is not one), tag="*")
                for one in few
            )
        )
        assert {answer.status_code for answer in answers} == {200}
