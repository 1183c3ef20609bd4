"""What can be bought, as warehouse tells it."""

import uuid
from typing import Any

import httpx
from shop_catalog.service import CatalogSettings, service
from shop_chassis.service import create_app

from .conftest import on_sqlite


async def shown(shop: Any, id: str) -> int | None:
    found = (await shop.http.get(f"/products/{id}")).json()["available"]
    listed = {item["id"]: item for item in (await shop.http.get("/products")).json()["items"]}
    [batched] = (await shop.http.post("/products:batch", json={"ids": [id]})).json()["items"]
    assert found == listed[id]["available"] == batched["available"]
    return None if found is None else int(found)


@on_sqlite
async def test_what_was_not_told_is_not_known(shop: Any) -> None:
    assert await shown(shop, (await shop.product())["id"]) is None


async def test_the_newest_number_is_shown_whatever_comes_late_or_twice(shop: Any) -> None:
    id = (await shop.product())["id"]
    await shop.told(id, 5, sequence=3)
    assert await shown(shop, id) == 5
    await shop.told(id, 9, sequence=1)
    assert await shown(shop, id) == 5
    await shop.told(id, 0, sequence=7)
    assert await shown(shop, id) == 0


@on_sqlite
async def test_stock_may_be_known_before_the_product(shop: Any) -> None:
    id = str(uuid.uuid4())
    await shop.told(id, 4, sequence=1)
    await shop.product(id=id)
    assert await shown(shop, id) == 4


@on_sqlite
async def test_the_tag_tells_another_availability_and_still_serves_changes(shop: Any) -> None:
    id = (await shop.product())["id"]
    await shop.told(id, 5, sequence=1)
    tag = (await shop.http.get(f"/products/{id}")).headers["etag"]
    await shop.told(id, 4, sequence=2)
    answer = await shop.http.get(f"/products/{id}", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["available"]) == (200, 4)
    same = await shop.http.get(f"/products/{id}", headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304
    changed = await shop.admin.patch(
        f"/admin/products/{id}", json={"title": "New"}, headers={"If-Match": tag}
    )
    assert changed.status_code == 200
    late = await shop.admin.patch(f"/admin/products/{id}", json={"title": "Newer"}, headers={"If-Match": tag})
    assert late.status_code == 412


@on_sqlite
async def test_events_do_not_carry_it(shop: Any) -> None:
    id = (await shop.product())["id"]
    await shop.told(id, 5, sequence=1)
    await shop.admin.put(f"/admin/products/{id}/price", json={"amount": 1, "currency": "EUR"})
    assert (await shop.events())[-1].data["product"]["available"] is None


@on_sqlite
async def test_a_broker_that_is_down_makes_catalog_no_less_ready(
    database_url: str, unused_tcp_port: int
) -> None:
    broker = f"nats://127.0.0.1:{unused_tcp_port}"
    app = create_app(service, CatalogSettings(database_url=database_url, events_url=broker, log_access=False))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as http,
    ):
        assert (await http.get("/readyz")).json() == {"ready": True, "reasons": []}
        assert (await http.get("/products")).json()["items"] == []
