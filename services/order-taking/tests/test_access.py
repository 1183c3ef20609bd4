import asyncio
from pathlib import Path

import pytest
from pydantic import HttpUrl
from shop_chassis.events import Event
from shop_chassis.service import create_app
from shop_chassis.testing.databases import Migrated
from shop_chassis.testing.sweep import sweep
from shop_chassis.testing.trespass import attempts
from shop_contracts.user.events import ERASED
from shop_order_taking.service import OrderTakingSettings, service

from .conftest import NEIGHBOURS


@pytest.fixture
def database_url(migrated: Migrated, tmp_path: Path) -> str:
    """What is tested here is the same on every database."""
    return migrated(service, "sqlite", tmp_path)


@pytest.fixture
def alone(tmp_path: Path) -> OrderTakingSettings:
    """No neighbour is there."""
    nowhere = {f"{name}_url": HttpUrl("http://127.0.0.1:9") for name in NEIGHBOURS}
    return OrderTakingSettings.model_validate(nowhere | {"database_url": f"sqlite:///{tmp_path}/taking.db"})


async def test_who_may_do_what(alone: OrderTakingSettings, tmp_path: Path) -> None:
    await sweep(service, alone, tmp_path, public=set())


def test_no_route_of_shoppers_names_what_is_somebodys(alone: OrderTakingSettings) -> None:
    """One that does wants a `sweep_ownership`."""
    document = create_app(service, alone).openapi()
    assert {str(each) for each in attempts(document, {})} == {"POST /orders:preview", "POST /orders"}


async def test_nobody_orders_from_anothers_cart(shop) -> None:
    shop.around.fill({shop.around.sell("lamp"): 1})
    assert (await shop.order(subject="bob")).json()["type"] == "cart-empty"
    assert ("me", "ann") in shop.around.carts


async def exported(shop, subject: str) -> dict:
    headers = shop.accounts.headers("user", "order-taking")
    answer = await shop.http.get(f"/internal/personal-data/{subject}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_who_goes_takes_their_data_along(shop) -> None:
    lamp = shop.around.sell("lamp")
    for subject in ("ann", "bob"):
        shop.around.fill({lamp: 1}, subject=subject)
        (await shop.order(subject=subject)).raise_for_status()
    (taken,) = (await exported(shop, "ann"))["orders_taken"]
    assert taken["person"]["shipping_address"]["line1"] == "Coolsingel 40"
    assert taken["figures"]["total"]["amount"] == 1390
    assert await exported(shop, "nobody") == {}

    gone = Event(source="/user", type=ERASED, subject="ann", sequence=1, data={})
    await shop.bus.publish(gone.topic, gone.encode(), message_id=gone.id)
    async with asyncio.timeout(60):
        while await exported(shop, "ann"):
            await asyncio.sleep(0.01)
    assert await exported(shop, "bob") != {}
