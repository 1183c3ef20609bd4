"""What a service that keeps a copy of catalog begins with."""

from typing import Any

import httpx
import pytest
from shop_catalog import snapshot
from shop_chassis.signing import ServiceAccounts
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine

from .conftest import Shop


@pytest.fixture
def search(shop: Shop, service_accounts: ServiceAccounts) -> httpx.AsyncClient:
    """Catalog as search sees it."""
    app = shop.http._transport
    return httpx.AsyncClient(
        transport=app, base_url="http://catalog", headers=service_accounts.headers("search", "catalog")
    )


async def lines(search: httpx.AsyncClient) -> list[SnapshotLine]:
    answer = await search.get(SNAPSHOT)
    assert answer.status_code == 200, answer.text
    return [SnapshotLine.model_validate_json(line) for line in answer.content.splitlines()]


async def test_it_has_everything_with_the_sequence_of_its_last_event(
    shop: Shop, search: httpx.AsyncClient
) -> None:
    await shop.category("home")
    lamp = await shop.product(1)
    chair = await shop.product(2, active=False)
    await shop.admin.put(f"/admin/products/{lamp['id']}/price", json={"amount": 3900, "currency": "EUR"})
    await shop.told(lamp["id"], 7, 1)
    tree, *products, end = await lines(search)
    assert [each.slug for each in tree.categories or []] == ["home", "lighting"]
    assert tree.sequence == 2
    assert end.end == 2
    found = {str(line.product.id): line for line in products if line.product}
    assert found.keys() == {lamp["id"], chair["id"]}
    [last] = [event.sequence for event in await shop.events() if event.subject == lamp["id"]][-1:]
    assert found[lamp["id"]].sequence == last == 3
    assert found[lamp["id"]].product == (await read(shop, lamp["id"]))
    assert found[chair["id"]].product.active is False  # type: ignore[union-attr]


async def read(shop: Shop, id: str) -> Any:
    line = {"product": (await shop.http.get(f"/products/{id}")).json()}
    return SnapshotLine.model_validate(line).product


async def test_it_is_read_in_pieces(
    shop: Shop, search: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [(await shop.product(number))["id"] for number in range(5)]
    for piece in (1, 2, 5, 6):
        monkeypatch.setattr(snapshot, "PIECE", piece)
        _, *products, end = await lines(search)
        assert sorted(str(line.product.id) for line in products if line.product) == sorted(made)
        assert end.end == 5


async def test_an_empty_catalog_has_one_too(shop: Shop, search: httpx.AsyncClient) -> None:
    tree, end = await lines(search)
    assert (tree.categories, tree.sequence, end.end) == ([], 0, 0)


async def test_a_category_that_changes_is_told_once(shop: Shop) -> None:
    for title in ("Lamps", "Lamps", "Lights"):
        body = {"slug": "lighting", "title": title}
        assert (await shop.admin.put("/admin/categories/lighting", json=body)).is_success
    told = await shop.events(of_categories=True)
    assert [(event.sequence, event.data["category"]["title"]) for event in told] == [
        (1, "Lamps"),
        (2, "Lights"),
    ]
