"""Cart against the real catalog: fails when either side drifts from the contract between them."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from shop_catalog.service import CatalogSettings
from shop_catalog.service import service as catalog_service
from shop_chassis.service import create_app
from shop_chassis.store import opened
from shop_contracts.cart.api import MAX_LINES
from shop_contracts.catalog.api import BATCH_MAX


def test_a_full_cart_and_one_more_fit_into_one_question() -> None:
    assert MAX_LINES < BATCH_MAX


@pytest.fixture
async def catalog(tmp_path: Path, jwks: Path, serving) -> AsyncIterator[httpx.AsyncClient]:
    """The service itself, on SQLite and a socket of the loopback."""
    settings = CatalogSettings(
        database_url=f"sqlite:///{tmp_path}/catalog.sqlite3", auth_jwks=str(jwks), log_access=False
    )
    assert catalog_service.migrations is not None
    async with opened(settings, "catalog") as store:
        await catalog_service.migrations.upgrade(store, wait=1)
    async with (
        serving(create_app(catalog_service, settings)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        yield client


async def test_what_cart_tells_is_what_catalog_says(catalog: httpx.AsyncClient, cart_on, token) -> None:
    admin = token("boss", scope="catalog:admin")

    async def sell(title: str, amount: int) -> str:
        slug = title.lower()
        body = {
            "sku": slug.upper(),
            "slug": slug,
            "title": title,
            "category": "home",
            "price": {"amount": amount, "currency": "EUR"},
        }
        answer = await catalog.post("/admin/products", json=body, headers=admin)
        return str(answer.raise_for_status().json()["id"])

    category = {"slug": "home", "title": "Home"}
    (await catalog.put("/admin/categories/home", json=category, headers=admin)).raise_for_status()
    lamp, cup = await sell("Lamp", 4900), await sell("Cup", 799)

    async with cart_on(str(catalog.base_url)) as cart:
        id = (await cart.post("/carts")).json()["id"]
        lines = f"/carts/{id}/lines"
        for product, quantity in ((lamp, 1), (cup, 2)):
            body = {"product_id": product, "quantity": quantity}
            shown = (await cart.post(lines, json=body)).raise_for_status().json()
        assert [line["title"] for line in shown["lines"]] == ["Lamp", "Cup"]
        assert shown["total"] == {"amount": 4900 + 2 * 799, "currency": "EUR"}
        assert shown["stale"] is False

        price = {"amount": 3900, "currency": "EUR"}
        (await catalog.put(f"/admin/products/{lamp}/price", json=price, headers=admin)).raise_for_status()
        version = (await catalog.get(f"/products/{cup}")).headers["ETag"]
        withdrawn = await catalog.patch(
            f"/admin/products/{cup}", json={"active": False}, headers=admin | {"If-Match": version}
        )
        withdrawn.raise_for_status()
        shown = (await cart.get(f"/carts/{id}")).json()
        assert shown["lines"][0]["price_change"]["old"]["amount"] == 4900
        assert [line["available"] for line in shown["lines"]] == [True, False]
        assert shown["total"] == price

        for unsold in (cup, str(uuid4())):
            refused = await cart.post(lines, json={"product_id": unsold})
            assert (refused.status_code, refused.json()["type"]) == (422, "not-sold")


async def test_promotions_and_coupons_are_catalogs(catalog: httpx.AsyncClient, cart_on, token) -> None:
    admin = token("boss", scope="catalog:admin")

    async def put(path: str, body: dict[str, object]) -> None:
        (await catalog.put(path, json=body, headers=admin)).raise_for_status()

    price = {"amount": 4900, "currency": "EUR"}
    await put("/admin/categories/home", {"slug": "home", "title": "Home"})
    body = {"sku": "LAMP", "slug": "lamp", "title": "Lamp", "category": "home", "price": price}
    lamp = (await catalog.post("/admin/products", json=body, headers=admin)).raise_for_status().json()["id"]
    half = {"title": "Two for one", "rule": {"type": "n-for-m", "take": 2, "pay": 1}}
    await put(f"/admin/promotions/{uuid4()}", half)
    ten = {"title": "Ten per cent", "rule": {"type": "percentage", "percent": 10}}
    await put("/admin/coupons/TEN", ten | {"minimum": {"amount": 5000, "currency": "EUR"}})

    async with cart_on(str(catalog.base_url)) as cart:
        id = (await cart.post("/carts")).json()["id"]
        line = f"/carts/{id}/lines/{lamp}"
        shown = (await cart.put(line, json={"quantity": 2})).raise_for_status().json()
        assert (shown["subtotal"]["amount"], shown["total"]["amount"]) == (9800, 4900)
        refused = await cart.put(f"/carts/{id}/coupon", json={"code": "ten"})
        assert (refused.status_code, refused.json()["detail"]) == (422, "TEN is for orders of a higher value")
        await cart.put(line, json={"quantity": 3})
        shown = (await cart.put(f"/carts/{id}/coupon", json={"code": "ten"})).raise_for_status().json()
        assert (shown["total"]["amount"], shown["coupon"]["discount"]["amount"]) == (8820, 980)
        shown = (await cart.put(line, json={"quantity": 1})).json()
        assert (shown["total"]["amount"], shown["coupon"]["refused"]) == (
            4900,
            "TEN is for orders of a higher value",
        )
