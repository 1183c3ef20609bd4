"""What somebody keeps here about themselves; what is another's is not there."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from shop_contracts.user.api import MAX_ADDRESSES, MAX_PAYMENT_METHODS

from .conftest import HOME, VISA

CARD = "4242424242424242"

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""What the database decides is tested on each of them."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


async def test_a_profile_is_changed_only_as_it_is_known(shop: Any) -> None:
    ann = await shop.shopper(name="Ann")
    assert (await ann.http.patch("/me", json={"name": "X"})).status_code == 428
    stale = await ann.http.patch("/me", json={"name": "X"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    changed = await ann.http.patch("/me", json={"name": "Ann B"}, headers={"If-Match": '"1"'})
    assert (changed.json()["name"], changed.headers["etag"]) == ("Ann B", '"2"')
    same = await ann.http.patch("/me", json={}, headers={"If-Match": '"2"'})
    assert same.headers["etag"] == '"2"'
    assert (await ann.http.get("/me")).json() == changed.json()
    card = await ann.http.patch("/me", json={"name": CARD}, headers={"If-Match": '"2"'})
    assert problem(card) == (422, "card-number")
    unknown = await ann.http.patch("/me", json={"email": "b@example.com"}, headers={"If-Match": '"2"'})
    assert unknown.status_code == 422


@both
async def test_preferences(shop: Any) -> None:
    ann = await shop.shopper()
    before = await ann.http.get("/me/preferences")
    assert before.json()["promotions"] is False  # nobody gets advertising without asking for it
    wanted = before.json() | {"locale": "de-DE", "channels": ["inbox"], "digest": "weekly"}
    assert (await ann.http.put("/me/preferences", json=wanted)).status_code == 428
    match = {"If-Match": before.headers["etag"]}
    after = await ann.http.put("/me/preferences", json=wanted, headers=match)
    assert after.json() == wanted
    assert (await ann.http.put("/me/preferences", json=wanted, headers=match)).status_code == 412
    assert (await ann.http.get("/me/preferences")).json() == wanted


@both
async def test_the_address_book(shop: Any) -> None:
    ann = await shop.shopper()
    made = await ann.http.post(
        "/me/addresses", json={"address": HOME, "label": "home", "default_billing": True}
    )
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    path = made.headers["location"]
    assert (await ann.http.get(path)).json() == made.json()
    assert made.json()["address"] == {"line2": "", "region": ""} | HOME
    entry = {"address": HOME | {"city": "Potsdam"}, "label": "new"}
    assert (await ann.http.put(path, json=entry)).status_code == 428
    assert (await ann.http.put(path, json=entry, headers={"If-Match": '"9"'})).status_code == 412
    changed = await ann.http.put(path, json=entry, headers={"If-Match": '"1"'})
    assert (changed.json()["address"]["city"], changed.json()["version"]) == ("Potsdam", 2)
    assert changed.json()["default_billing"] is False
    assert (await ann.http.get("/me/addresses")).json() == {"items": [changed.json()]}
    assert [(await ann.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await ann.http.get(path)).status_code == 404
    assert (await ann.http.put(path, json=entry, headers={"If-Match": '"2"'})).status_code == 404


@both
async def test_an_address_with_an_id_of_the_callers_is_made_once(shop: Any) -> None:
    ann = await shop.shopper()
    body = {"id": str(uuid4()), "address": HOME}
    answers = await asyncio.gather(*(ann.http.post("/me/addresses", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len((await ann.http.get("/me/addresses")).json()["items"]) == 1
    other = await ann.http.post("/me/addresses", json=body | {"label": "other"})
    assert problem(other) == (409, "different-request")
    ben = await shop.shopper("ben@example.com")
    assert (await ben.http.post("/me/addresses", json=body)).status_code == 201  # ids are each one's own


@both
async def test_there_is_one_default_of_each_kind_at_most(shop: Any) -> None:
    ann = await shop.shopper()
    both = {"address": HOME, "default_shipping": True, "default_billing": True}
    answers = await asyncio.gather(*(ann.http.post("/me/addresses", json=both) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    await ann.http.post("/me/addresses", json={"address": HOME, "default_shipping": True, "label": "last"})
    items = (await ann.http.get("/me/addresses")).json()["items"]
    assert [item["label"] for item in items if item["default_shipping"]] == ["last"]
    assert len([item for item in items if item["default_billing"]]) == 1
    item = next(item for item in items if item["default_billing"])
    entry = {"address": HOME, "default_billing": True, "default_shipping": True, "label": "again"}
    match = {"If-Match": f'"{item["version"]}"'}
    await ann.http.put(f"/me/addresses/{item['id']}", json=entry, headers=match)
    items = (await ann.http.get("/me/addresses")).json()["items"]
    assert [item["label"] for item in items if item["default_shipping"] or item["default_billing"]] == [
        "again"
    ]


@both
async def test_a_book_has_an_end_also_for_many_at_once(shop: Any) -> None:
    ann = await shop.shopper()
    tries = [ann.http.post("/me/addresses", json={"address": HOME}) for _ in range(MAX_ADDRESSES + 3)]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*tries)])
    assert statuses == [201] * MAX_ADDRESSES + [409] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"country": "Germany"},
        {"country": "de"},
        {"name": " "},
        {"city": "a\nb"},
        {"phone": "1" * 33},
    ],
)
async def test_addresses_that_cannot_be_are_refused(shop: Any, change: dict[str, str]) -> None:
    ann = await shop.shopper()
    assert (await ann.http.post("/me/addresses", json={"address": HOME | change})).status_code == 422


@both
async def test_payment_methods_are_tokens(shop: Any) -> None:
    ann = await shop.shopper()
    answers = await asyncio.gather(*(ann.http.post("/me/payment-methods", json=VISA) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    [method] = (await ann.http.get("/me/payment-methods")).json()["items"]
    assert method == VISA | {"id": method["id"]}
    path = f"/me/payment-methods/{method['id']}"
    assert [(await ann.http.delete(path)).status_code for _ in range(2)] == [204, 404]
    for number in range(MAX_PAYMENT_METHODS):
        await ann.http.post("/me/payment-methods", json=VISA | {"token": f"tok_{number}"})
    assert problem(await ann.http.post("/me/payment-methods", json=VISA)) == (409, "too-many")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/me/payment-methods", VISA | {"token": f"tok_{CARD}"}),
        ("/me/payment-methods", VISA | {"token": CARD}),
        ("/me/payment-methods", VISA | {"number": "4242 4242 4242 4242"}),
        ("/me/addresses", {"address": HOME | {"line2": "4242-4242-4242-4242"}}),
        ("/me/addresses", {"address": HOME, "label": CARD}),
    ],
)
async def test_card_numbers_are_refused_and_not_repeated(shop: Any, path: str, body: Any) -> None:
    ann = await shop.shopper()
    answer = await ann.http.post(path, json=body)
    assert problem(answer) == (422, "card-number")
    assert "4242" not in answer.text
    assert (await ann.http.get(path)).json() == {"items": []}


async def test_a_phone_number_may_look_like_a_card(shop: Any) -> None:
    ann = await shop.shopper()
    address = HOME | {"phone": "+" + CARD}
    assert (await ann.http.post("/me/addresses", json={"address": address})).status_code == 201


async def test_a_token_without_an_account_behind_it_finds_nobody(shop: Any) -> None:
    for subject in (str(uuid4()), "administrator"):
        http = shop.client(shop.signer.token(subject, "shop"))
        assert problem(await http.get("/me")) == (404, "account-gone")
        assert (await http.post("/me/addresses", json={"address": HOME})).status_code == 404
        body = {"current": "x", "new": "a long enough one"}
        assert (await http.post("/me/password", json=body)).status_code == 404
