"""Whom each route is for: every route, with every kind of token that must not open it."""

from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from shop_chassis.signing import Signer
from shop_chassis.testing.databases import Migrated
from shop_logistics import admin, api, internal
from shop_logistics.service import service


@pytest.fixture
def database_url(migrated: Migrated, tmp_path: Path) -> str:
    """What is tested here is the same on every database."""
    return migrated(service, "sqlite", tmp_path)


OPEN = {"/quotes"}


def calls(router) -> list[tuple[str, str]]:
    filled = {
        "order_id": str(uuid4()),
        "return_id": str(uuid4()),
        "id": "x",
        "zone": "x",
        "day": "2026-11-20",
    }
    return [
        (method, route.path.format(**filled))
        for route in router.routes
        if isinstance(route, APIRoute) and route.path not in OPEN
        for method in route.methods
    ]


SHOPPERS, SERVICES, ADMINS = calls(api.router), calls(internal.router), calls(admin.router)


async def statuses(shop, calls: list[tuple[str, str]], headers: dict[str, str]) -> set[int]:
    return {(await shop.http.request(method, path, headers=headers)).status_code for method, path in calls}


def test_every_route_is_one_of_these() -> None:
    assert len(SHOPPERS) >= 2
    assert len(SERVICES) >= 5
    assert len(ADMINS) >= 12


async def test_nobody_gets_in_without_a_token_or_with_a_false_one(shop) -> None:
    false = Signer.generate().token("ann", "shop logistics:admin")
    expired = shop.signer.token("ann", "shop logistics:admin", seconds=-60)
    for headers in ({}, {"Authorization": f"Bearer {false}"}, {"Authorization": f"Bearer {expired}"}):
        assert await statuses(shop, [*SHOPPERS, *SERVICES, *ADMINS], headers) == {401}


async def test_administrators_need_their_scope(shop) -> None:
    assert await statuses(shop, ADMINS, shop.token("ann", "shop guest catalog:admin")) == {403}
    assert await statuses(shop, ADMINS, shop.accounts.headers("order-processing", "logistics")) == {401}


async def test_shoppers_need_a_shoppers_scope(shop) -> None:
    assert await statuses(shop, SHOPPERS, shop.token("ann", "logistics:admin")) == {403}


async def test_internal_routes_are_for_order_processing_alone(shop) -> None:
    assert await statuses(shop, SERVICES, shop.token("ann", "shop logistics:admin")) == {401}
    assert await statuses(shop, SERVICES, shop.accounts.headers("cart", "logistics")) == {403}
    assert await statuses(shop, SERVICES, shop.accounts.headers("order-processing", "warehouse")) == {401}
