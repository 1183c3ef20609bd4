"""What order-taking does when a neighbour fails or hangs: the README's table, row by row."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from shop_chassis.problems import Problem
from shop_chassis.testing.databases import Migrated
from shop_order_taking import neighbours
from shop_order_taking.service import service

from .conftest import NEIGHBOURS, PATIENT, problem


@pytest.fixture
def database_url(migrated: Migrated, tmp_path: Path) -> str:
    """What is tested here is the same on every database."""
    return migrated(service, "sqlite", tmp_path)


README = Path(__file__).parents[1] / "README.md"
ROWS = {"cart": "cart-unavailable", "catalog": "prices-unavailable", "logistics": "shipping-unavailable"}
"""Without whose answer nothing can be ordered, and what is said then."""


SHORT, LONG = 1.0, 300.0
"""Seconds: what the neighbour has that the test is about, and for how long one hangs."""


@pytest.fixture
def patience(request: pytest.FixtureRequest) -> dict[str, float]:
    about = request.node.callspec.params.get("neighbour") if hasattr(request.node, "callspec") else None
    return {name: SHORT if name == about else PATIENT for name in NEIGHBOURS}


async def fail() -> None:
    raise RuntimeError("it is broken")


async def hang() -> None:
    await asyncio.sleep(LONG)


async def drift() -> None:
    raise Problem(405, "another version has another route")


def test_the_readme_has_the_table() -> None:
    _, _, table = (neighbours.__doc__ or "").partition("\n\n")
    assert table.strip() in README.read_text()


@pytest.mark.parametrize("misbehave", [fail, hang, drift])
@pytest.mark.parametrize("neighbour", ROWS)
async def test_without_it_nothing_is_ordered_and_nobody_waits(
    shop, neighbour: str, misbehave: Callable[[], Awaitable[None]]
) -> None:
    shop.around.fill({shop.around.sell("lamp"): 1})
    shop.around.misbehave[neighbour] = misbehave
    for ask in (shop.order, shop.preview):
        began = time.monotonic()
        answer = await ask()
        assert time.monotonic() - began < LONG / 5
        assert problem(answer) == (503, ROWS[neighbour])
        assert int(answer.headers["Retry-After"]) >= 1
    assert await shop.events() == []
    assert (await shop.http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("misbehave", [fail, hang, drift])
@pytest.mark.parametrize("neighbour", ["warehouse"])
async def test_without_it_orders_are_taken(
    shop, neighbour: str, misbehave: Callable[[], Awaitable[None]]
) -> None:
    lamp = shop.around.sell("lamp", stock=0)
    shop.around.fill({lamp: 1})
    shop.around.misbehave[neighbour] = misbehave
    seen = (await shop.preview()).json()
    assert (seen["availability_known"], seen["shortages"]) == (False, [])
    assert (await shop.order()).status_code == 202
    assert len(await shop.events()) == 1


@pytest.mark.parametrize("misbehave", [fail, hang, drift])
@pytest.mark.parametrize("neighbour", ["cart"])
async def test_an_order_is_taken_when_its_cart_cannot_be_removed(
    shop, neighbour: str, misbehave: Callable[[], Awaitable[None]]
) -> None:
    async def at_the_end() -> None:
        if shop.around.asked.count("cart") > 1:
            await misbehave()

    shop.around.fill({shop.around.sell("lamp"): 1})
    shop.around.misbehave[neighbour] = at_the_end
    began = time.monotonic()
    assert (await shop.order()).status_code == 202
    assert time.monotonic() - began < LONG / 5
    assert len(await shop.events()) == 1
    assert ("me", "ann") in shop.around.carts


async def test_a_neighbour_that_returns_is_asked_again(shop) -> None:
    shop.around.fill({shop.around.sell("lamp"): 1})
    shop.around.misbehave["catalog"] = fail
    for number in range(8):  # enough to open the breaker
        assert (await shop.order(key=str(number))).status_code == 503
    metrics = (await shop.http.get("/metrics")).text
    assert 'http_client_circuit_state{server_address="catalog",state="open"} 1.0' in metrics
    shop.around.misbehave.clear()
    async with asyncio.timeout(60):
        while (await shop.order(key="9")).status_code != 202:
            await asyncio.sleep(0.05)


async def test_what_is_not_a_neighbours_is_answered_without_any(shop) -> None:
    shop.around.fill({shop.around.sell("lamp"): 1})
    first = await shop.order()
    shop.around.misbehave = dict.fromkeys(("cart", "catalog", "warehouse", "logistics"), fail)
    assert (await shop.order()).json() == first.json()  # what was ordered stays ordered
    assert (await shop.http.get("/admin/tax/NL", headers=shop.admin)).status_code == 200
