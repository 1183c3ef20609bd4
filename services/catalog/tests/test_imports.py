"""Many products at once."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_catalog.imports import CSV_EXAMPLE, NDJSON_EXAMPLE, NotReadable, parse
from shop_contracts.catalog.api import NewProduct
from shop_contracts.catalog.events import PRICE_CHANGED

from .conftest import on_sqlite

NDJSON, CSV = "application/x-ndjson", "text/csv"


def product(number: int, **changes: Any) -> dict[str, Any]:
    price = {"amount": 100 * number, "currency": "EUR"}
    named = {"sku": f"X-{number}", "slug": f"x-{number}", "title": f"X {number}", "category": "lighting"}
    return named | {"price": price} | changes


async def send(shop: Any, document: str | bytes, kind: str = NDJSON) -> Any:
    headers = {"Content-Type": kind}
    return await shop.admin.post("/admin/products:import", content=document, headers=headers)


def ndjson(*products: Any) -> str:
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in products)


@on_sqlite
async def test_bad_lines_are_reported_and_stop_no_good_one(shop: Any) -> None:
    await shop.category("lighting")
    document = ndjson(
        product(1),
        "{",
        "",
        product(2, category="nowhere"),
        product(3, price={"amount": "much", "currency": "EUR"}),
        "[]",
        product(4, slug="x-1"),
        product(5, weight_grams=1200),
    )
    report = (await send(shop, document)).json()
    assert (report["created"], report["changed"], report["unchanged"]) == (2, 0, 0)
    assert [problem["line"] for problem in report["problems"]] == [2, 4, 5, 6, 7]
    words = ["not JSON", "no category nowhere", "price.amount", "line: ", "another product has the slug x-1"]
    assert all(word in each["problem"] for word, each in zip(words, report["problems"], strict=True)), report
    assert (await shop.http.get("/products/x-5")).json()["weight_grams"] == 1200


async def test_an_import_can_be_repeated_and_changes_what_differs(shop: Any) -> None:
    await shop.category("lighting")
    await send(shop, ndjson(product(1), product(2)))
    before = len(await shop.events())
    again = (await send(shop, ndjson(product(1), product(2)))).json()
    assert (again["unchanged"], len(await shop.events())) == (2, before)
    cheaper = product(2, title="New", price={"amount": 150, "currency": "EUR"})
    report = (await send(shop, ndjson(product(1), cheaper))).json()
    assert (report["unchanged"], report["changed"]) == (1, 1)
    changed, told = (await shop.events())[before:]
    assert (changed.type, changed.data["title"], told.data["product"]["version"]) == (PRICE_CHANGED, "New", 2)
    dollars = product(2, price={"amount": 1, "currency": "USD"})
    [problem] = (await send(shop, ndjson(dollars))).json()["problems"]
    assert "expected the same, found USD" in problem["problem"]
    [other] = (await send(shop, ndjson(product(1, id="019b77e0-0000-7000-8000-000000000001")))).json()[
        "problems"
    ]
    assert "another product has the sku X-1" in other["problem"]


@on_sqlite
async def test_a_csv_has_fields_as_columns(shop: Any) -> None:
    await shop.category("lighting")
    document = (
        "\ufeffsku,slug,title,category,price.amount,price.currency,attributes.material,active\r\n"
        'A-1,a-1,"Lamp, ""large""",lighting,4900,EUR,oak,\r\n'
        "A-2,a-2,Lamp,lighting,much,EUR,,\r\n"
        "A-3,a-3,Lamp,lighting,1,EUR,oak,false,more\r\n"
        '"A-3"x,a-3,Lamp,lighting,1,EUR,oak,false\r\n'
        "\r\n"
        "A-4,a-4,Lamp,lighting,4900,EUR,,false\r\n"
    )
    report = (await send(shop, document, "text/csv; charset=utf-8")).json()
    assert (report["created"], [each["line"] for each in report["problems"]]) == (2, [3, 4, 5]), report
    made = (await shop.http.get("/products/a-1")).json()
    assert (made["title"], made["attributes"], made["active"]) == ('Lamp, "large"', {"material": "oak"}, True)
    assert (await shop.http.get("/products/a-4")).json()["active"] is False


@pytest.mark.parametrize(
    ("document", "kind", "status"),
    [
        (b"x", "application/json", 422),
        (b"\xff", NDJSON, 422),
        (b"{}\n" * 1001, NDJSON, 422),
        (b"x" * (5 * 2**20 + 1), NDJSON, 413),
    ],
)
@on_sqlite
async def test_a_document_that_cannot_be_taken_is_refused_as_a_whole(
    shop: Any, document: bytes, kind: str, status: int
) -> None:
    assert (await send(shop, document, kind)).status_code == status


def test_the_examples_are_products() -> None:
    for document, kind in ((CSV_EXAMPLE, CSV), (NDJSON_EXAMPLE, NDJSON)):
        [(_, parsed)] = parse(document.encode(), kind)
        assert isinstance(parsed, NewProduct)


@given(st.binary(), st.sampled_from([CSV, NDJSON]))
def test_whatever_is_sent_every_line_is_a_product_or_a_problem(document: bytes, kind: str) -> None:
    try:
        parsed = parse(document, kind)
    except NotReadable:
        return
    assert all(number >= 1 and isinstance(each, NewProduct | str) for number, each in parsed)


@given(st.text())
def test_any_text_behind_good_columns_is_a_product_or_a_problem(text: str) -> None:
    try:
        parsed = parse(("sku,price,price.amount\n" + text).encode(errors="replace"), CSV)
    except NotReadable:
        return
    assert all(isinstance(each, str) for _, each in parsed)
