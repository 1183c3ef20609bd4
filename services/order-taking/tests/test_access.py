"""Whom each route is for: every route, with every kind of token that must not open it."""

import asyncio
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from shop_chassis.events import Event
from shop_chassis.signing import Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.user.events import ERASED
from shop_order_taking import admin, api
from shop_order_taking.service import service


@pytest.fixture
def database_url(migrated: Migrated, tmp_path: Path) -> str:
    """What is tested here is the same on every database."""
    return migrated(service, "sqlite", tmp_path)


def calls(router) -> list[tuple[str, str]]:
    return [
        (method, route.path.format(country="NL"))
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]


SHOPPERS, ADMINS = calls(api.router), calls(admin.router)


async def statuses(shop, calls: list[tuple[str, str]], headers: dict[str, str]) -> set[int]:
    return {(await shop.http.request(method, path, headers=headers)).status_code for method, path in calls}


async def test_nobody_gets_in_without_a_token_or_with_a_false_one(shop) -> None:
    assert len(SHOPPERS) >= 2
    assert len(ADMINS) >= 4
    false = Signer.generate().token("ann", "shop order-taking:admin")
    expired = shop.signer.token("ann", "shop order-taking:admin", seconds=-60)
    for headers in ({}, {"Authorization": f"Bearer {false}"}, {"Authorization": f"Bearer {expired}"}):
        assert await statuses(shop, [*SHOPPERS, *ADMINS], headers) == {401}


async def test_each_needs_its_scope(shop) -> None:
    assert await statuses(shop, ADMINS, shop.token("ann", "shop guest catalog:admin")) == {403}
    assert await statuses(shop, SHOPPERS, shop.token("ann", "order-taking:admin")) == {403}
    assert await statuses(shop, [*SHOPPERS, *ADMINS], shop.accounts.headers("user", "order-taking")) == {401}


async def test_nobody_orders_from_anothers_cart(shop) -> None:
    shop.around.fill({shop.around.sell("lamp"): 1})
    assert (await shop.order(subject="bob")).json()["type"] == "cart-empty"
    assert ("me", "ann") in shop.around.carts


async def exported(shop, subject: str) -> dict:
    headers = shop.accounts.headers("user", "order-taking")
    answer = await shop.http.get(f"/internal/personal-data/{subject}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_personal_data_is_for_user_alone(shop) -> None:
    path = "/internal/personal-data/ann"
    assert (await shop.http.get(path, headers=shop.token())).status_code == 401
    cart = shop.accounts.headers("cart", "order-taking")
    assert (await shop.http.get(path, headers=cart)).status_code == 403


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
