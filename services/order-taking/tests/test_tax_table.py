"""The tax table as administrators keep it."""

from typing import Any

from .conftest import address, problem

GERMANY = {"prices_include_tax": True, "rates": [{"basis_points": 1900}]}
"""What the first migration says of it."""
BOOKS = {
    "prices_include_tax": True,
    "rates": [{"category": "books", "basis_points": 700}, {"basis_points": 1900}],
}


async def put(shop, country: str, body: dict[str, Any], **headers: str):
    return await shop.http.put(f"/admin/tax/{country}", json=body, headers=shop.admin | headers)


async def tax(shop, country: str) -> int:
    shop.around.fill({shop.around.sell("novel", 1070, category="books"): 1})
    answer = await shop.preview(shipping_address=address(country=country))
    return answer.json()["lines"][0]["tax"]["amount"]


async def test_a_reduced_rate_is_added_by_who_knows_the_table(shop) -> None:
    assert await tax(shop, "DE") == 171
    assert (await put(shop, "DE", BOOKS)).status_code == 428
    assert (await put(shop, "DE", BOOKS, **{"If-Match": '"9"'})).status_code == 412
    changed = await put(shop, "DE", BOOKS, **{"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert await tax(shop, "DE") == 70
    again = await put(shop, "DE", BOOKS | {"rates": BOOKS["rates"][::-1]}, **{"If-Match": '"1"'})
    assert (again.status_code, again.json()) == (200, changed.json())
    assert (await shop.http.get("/admin/tax/DE", headers=shop.admin)).json() == changed.json()


async def test_what_is_so_already_may_be_put_again(shop) -> None:
    same = await put(shop, "DE", GERMANY)
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_a_country_is_added_and_taken_away(shop) -> None:
    made = await put(shop, "AQ", GERMANY)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert await tax(shop, "AQ") == 171
    url = "/admin/tax/AQ"
    assert (await shop.http.delete(url, headers=shop.admin)).status_code == 428
    for _ in range(2):
        gone = await shop.http.delete(url, headers=shop.admin | {"If-Match": '"1"'})
        assert gone.status_code == 204
    assert (await shop.http.get(url, headers=shop.admin)).status_code == 404
    refused = await shop.preview(shipping_address=address(country="AQ"))
    assert problem(refused) == (422, "not-deliverable")


async def test_a_table_with_holes_is_refused(shop) -> None:
    refused = await put(shop, "DE", {"prices_include_tax": True, "rates": []}, **{"If-Match": '"1"'})
    assert problem(refused) == (422, "about:blank")
    assert "without category for all of the country" in refused.json()["detail"]


async def test_the_table_is_read_page_by_page(shop) -> None:
    seen, after = [], {}
    while True:
        page = await shop.http.get("/admin/tax", params={"limit": 8} | after, headers=shop.admin)
        seen += page.json()["items"]
        if page.json()["next"] is None:
            break
        after = {"after": page.json()["next"]}
    assert [item["country"] for item in seen] == sorted(item["country"] for item in seen)
    assert len(seen) == 20
    rates = {item["country"]: item["rates"] for item in seen}
    assert rates["NL"] == [{"region": "", "category": "", "basis_points": 2100}]
    assert {"region": "OR", "category": "", "basis_points": 0} in rates["US"]
