"""The service with the real catalog and the real warehouse, over HTTP and one bus."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_catalog.service import CatalogSettings
from shop_catalog.service import service as catalog
from shop_chassis.events import MemoryBus
from shop_chassis.server import serving
from shop_chassis.service import create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_search.service import SearchSettings
from shop_search.service import service as search
from shop_warehouse.service import service as warehouse

LAMP = {
    "sku": "LGT-0001",
    "slug": "desk-lamp",
    "title": "Desk lamp",
    "category": "lighting",
    "attributes": {"brand": "Acme"},
    "price": {"amount": 4900, "currency": "EUR"},
}


@dataclass
class Shop:
    catalog: httpx.AsyncClient
    warehouse: httpx.AsyncClient
    search: httpx.AsyncClient
    """All three as an administrator."""

    async def found(self, query: str) -> list[dict[str, Any]]:
        answer = await self.search.get("/search", params={"q": query})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def until(check: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await check():
            await asyncio.sleep(0.02)


@pytest.fixture
def databases(tmp_path: Path, migrated: Migrated) -> dict[str, str]:
    """Their URLs, by service."""
    return {each.name: migrated(each, "sqlite", tmp_path) for each in (catalog, warehouse)}


@pytest.fixture
async def shop(
    tmp_path: Path, service_accounts: ServiceAccounts, databases: dict[str, str]
) -> AsyncIterator[Shop]:
    """Search starts after a product was made; the others go on."""
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    bus, clients = MemoryBus(), {}
    for stream in ("catalog", "warehouse", "user", "search"):
        await bus.ensure_stream(stream, max_age=60)
    async with AsyncExitStack() as stack:
        for service, kind in ((catalog, CatalogSettings), (warehouse, Settings), (search, SearchSettings)):
            name = service.name
            listener = socket.create_server(("127.0.0.1", 0))
            urls = {f"{other}_url": str(client.base_url) for other, client in clients.items()}
            identity = tmp_path / name / "tokens"
            service_accounts.write_tokens(identity, name, list(clients), seconds=600)
            settings = kind(
                **{
                    "auth_jwks": f"{tmp_path}/jwks.json",
                    "callers": service_accounts.write_callers(tmp_path / name / "callers", name, ["search"]),
                    "identity_tokens": identity,
                    "log_access": False,
                    "drain_seconds": 0,
                    "shutdown_seconds": 1,
                    "request_timeout": 60,
                    "database_url": databases.get(name),
                    **(urls if service is search else {}),
                }
            )
            if service is search:
                await make(Shop(clients["catalog"], clients["warehouse"], clients["catalog"]))
            await stack.enter_async_context(
                serving(create_app(service, settings, bus=bus), settings, listener)
            )
            token = {"Authorization": f"Bearer {signer.token('ann', f'{name}:admin')}"}
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            clients[name] = await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, headers=token, timeout=60)
            )
        made = Shop(**clients)
        await until(lambda: ready(made))
        yield made


async def ready(shop: Shop) -> bool:
    return (await shop.search.get("/readyz")).status_code == 200


async def make(shop: Shop) -> None:
    for path, body in (
        ("/admin/categories/lighting", {"slug": "lighting", "title": "Lighting"}),
        ("/admin/categories/home", {"slug": "home", "title": "Home"}),
    ):
        answer = await shop.catalog.put(path, json=body)
        assert answer.is_success, answer.text
    answer = await shop.catalog.post("/admin/products", json=LAMP)
    assert answer.is_success, answer.text


async def test_it_begins_with_what_there_is_and_follows_what_comes(shop: Shop) -> None:
    [lamp] = await shop.found("lighting")  # by the name of its category
    assert (lamp["slug"], lamp["price"]["amount"]) == ("desk-lamp", 4900)
    assert "available" not in lamp
    id = lamp["product_id"]

    answer = await shop.catalog.put(f"/admin/products/{id}/price", json={"amount": 3900, "currency": "EUR"})
    assert answer.is_success, answer.text

    async def cheaper() -> bool:
        return bool((await shop.found("desk lmap"))[0]["price"]["amount"] == 3900)

    await until(cheaper)
    await shop.warehouse.put("/admin/warehouses/a", json={"title": "A", "country": "NL", "priority": 1})
    stocked = await shop.warehouse.put(f"/admin/stock/a/{id}", json={"on_hand": 3})
    assert stocked.is_success, stocked.text

    async def available() -> bool:
        return (await shop.found("lamp"))[0].get("available") == 3

    await until(available)
    moved = {"slug": "lighting", "title": "Illumination", "parent": "home"}
    assert (await shop.catalog.put("/admin/categories/lighting", json=moved)).is_success

    async def illuminated() -> bool:
        return bool(await shop.found("illumination"))

    await until(illuminated)
    in_home = (await shop.search.get("/search", params={"category": "home"})).json()
    assert in_home["total"] == 1
    suggested = (await shop.search.get("/suggest", params={"q": "des"})).json()["items"]
    assert [each["text"] for each in suggested if each["kind"] == "product"] == ["Desk lamp"]


async def test_an_administrator_sees_and_renews_the_index(shop: Shop) -> None:
    before = (await shop.search.get("/admin/index")).json()
    assert before["documents"] == 1
    assert {each["stream"]: each["lag"] for each in before["streams"]} == {"catalog": 0, "warehouse": 0}
    assert (await shop.search.post("/admin/rebuild")).status_code == 202

    async def renewed() -> bool:
        now = (await shop.search.get("/admin/index")).json()
        return bool(now["built_at"] > before["built_at"] and not now["building"])

    await until(renewed)
    assert len(await shop.found("lamp")) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"attribute": "price:1"},
        {"attribute": "colour"},
        {"price_min": -1},
        {"sort": "x"},
        {"after": "x"},
        {"q": "x" * 201},
    ],
)
async def test_what_makes_no_sense_is_refused(shop: Shop, params: dict[str, str]) -> None:
    assert (await shop.search.get("/search", params=params)).status_code == 422
