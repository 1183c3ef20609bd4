from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from shop_chassis.settings import Settings
from shop_chassis.testing.openapi import check_openapi
from shop_warehouse.service import service


def test_the_service_is_as_its_document_says(tmp_path: Path) -> None:
    check_openapi(service, Settings(database_url=f"sqlite:///{tmp_path}/warehouse.db"), tmp_path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
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
