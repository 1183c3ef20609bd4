"""Who may do what, on every route."""

from typing import Any
from uuid import uuid4

import pytest
from shop_chassis.signing import ServiceAccounts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PUBLIC = {("GET", "/availability")}
BODIES: dict[str, Any] = {
    "/internal/reservations/{order_id}": {
        "lines": [{"product_id": str(uuid4()), "quantity": 1}],
        "country": "NL",
    },
}


async def routes(shop: Any) -> list[tuple[str, str]]:
    paths = (await shop.http.get("/openapi.json")).json()["paths"]
    return [(method.upper(), path) for path, route in paths.items() for method in route]


def filled(path: str) -> str:
    code = path.replace("{warehouse}", "lyon").replace("{code}", "lyon")
    for name in ("order_id", "return_id", "product_id", "id"):
        code = code.replace(f"{{{name}}}", str(uuid4()))
    return code


async def test_every_route_is_public_or_of_administrators_or_of_services(shop: Any) -> None:
    for method, path in await routes(shop):
        owner = (method, path) in PUBLIC or path.startswith(("/admin/", "/internal/"))
        assert owner, f"{method} {path} belongs to nobody"


async def test_admin_routes_want_the_scope(shop: Any) -> None:
    tried = 0
    service = shop.accounts.headers("order-processing", "warehouse")
    expired = shop.signer.token("ann", "warehouse:admin", seconds=-60)
    for method, path in await routes(shop):
        if not path.startswith("/admin/"):
            continue
        tried += 1
        for headers, status in [
            ({}, 401),
            ({"Authorization": f"Bearer {shop.signer.token('ben', 'shop catalog:admin')}"}, 403),
            ({"Authorization": f"Bearer {expired}"}, 401),
            (service, 401),
        ]:
            answer = await shop.http.request(method, filled(path), json={}, headers=headers)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
        assert (await shop.admin.request(method, filled(path), json={})).status_code not in (401, 403)
    assert tried > 10


async def test_internal_routes_want_order_processing_itself(shop: Any) -> None:
    tried = 0
    stranger = ServiceAccounts().headers("order-processing", "warehouse")
    for method, path in await routes(shop):
        if not path.startswith("/internal/"):
            continue
        tried += 1
        user = shop.signer.token("ann", "warehouse:admin shop")
        for headers, status in [
            ({}, 401),
            ({"Authorization": f"Bearer {user}"}, 401),
            (stranger, 401),
            (shop.accounts.headers("order-processing", "payment"), 401),
            (shop.accounts.headers("cart", "warehouse"), 403),
        ]:
            answer = await shop.http.request(method, filled(path), json={}, headers=headers)
            assert answer.status_code == status, f"{method} {path}: {answer.text}"
        body = BODIES.get(path, {})
        assert (await shop.orders.request(method, filled(path), json=body)).status_code not in (401, 403)
    assert tried == 6


async def test_the_examples_of_the_document_work(shop: Any) -> None:
    """The examples are what people try first."""
    document = (await shop.http.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    example = schemas["NewWarehouse"]["example"]
    assert (await shop.admin.put("/admin/warehouses/rotterdam", json=example)).status_code == 201
    stock = schemas["InitialStock"]["example"]
    reservation = schemas["ReservationRequest"]["example"]
    product = reservation["lines"][0]["product_id"]
    assert (await shop.admin.put(f"/admin/stock/rotterdam/{product}", json=stock)).status_code == 201
    order = schemas["ReturnRequest"]["example"]["order_id"]
    path = f"/internal/reservations/{order}"
    assert (await shop.orders.put(path, json=reservation)).status_code == 201
    for action in ("commit", "ship"):
        assert (await shop.orders.post(f"{path}:{action}")).status_code == 200
    returned = await shop.orders.put(f"/internal/returns/{uuid4()}", json=schemas["ReturnRequest"]["example"])
    assert returned.status_code == 201
    headers = {"Idempotency-Key": "1"}
    for name, route in [("NewStockTake", "stock-takes"), ("NewReplenishment", "replenishments")]:
        answer = await shop.admin.post(f"/admin/{route}", json=schemas[name]["example"], headers=headers)
        assert answer.status_code == 201, answer.text
