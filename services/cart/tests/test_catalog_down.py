"""What the cart does when catalog fails or hangs."""

import asyncio
import time

import httpx
import pytest
from fastapi import HTTPException

from .conftest import problem, quantities


@pytest.fixture
def catalog_timeout() -> float:
    return 0.5


async def _fail() -> None:
    raise httpx.HTTPError("catalog is broken")


async def _refuse() -> None:
    raise HTTPException(404, "another version has another route")


async def _hang() -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("misbehave", [_fail, _refuse, _hang])
async def test_without_catalog_the_cart_answers_from_what_is_remembered(shop, misbehave) -> None:
    lamp, cup, id = shop.catalog.sell("lamp", 4900), shop.catalog.sell("cup", 799), await shop.new_cart()
    fresh = (await shop.add(id, lamp)).json()
    await shop.add(await shop.new_cart(), cup)  # seen in another cart
    unseen = shop.catalog.sell("unseen")
    async with shop.catalog_that(misbehave):
        began = time.monotonic()
        stale = (await shop.cart.get(f"/carts/{id}")).json()
        assert time.monotonic() - began < 2
        assert stale["stale"] is True
        assert stale["as_of"] <= fresh["as_of"]
        assert stale["total"] == {"amount": 4900, "currency": "EUR"}

        assert quantities(await shop.add(id, cup)) == {"lamp": 1, "cup": 1}
        changed = await shop.cart.put(f"/carts/{id}/lines/{lamp}", json={"quantity": 3})
        assert quantities(changed) == {"lamp": 3, "cup": 1}
        refused = await shop.add(id, unseen)
        assert problem(refused) == (503, "catalog-unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert f"nothing is remembered of {unseen}" in refused.json()["detail"]
        assert quantities(await shop.cart.delete(f"/carts/{id}/lines/{cup}")) == {"lamp": 3}
        assert (await shop.cart.get("/readyz")).status_code == 200


async def test_a_request_with_little_time_left_still_gets_its_answer(shop) -> None:
    """Catalog takes all it may have; what is kept back is enough to answer from memory."""
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.add(id, lamp)
    async with shop.catalog_that(_hang):
        answer = await shop.cart.get(f"/carts/{id}", headers={"X-Request-Deadline": "0.4"})
    assert answer.json()["stale"] is True


async def test_catalog_that_returns_is_asked_again(shop) -> None:
    lamp, id = shop.catalog.sell("lamp"), await shop.new_cart()
    await shop.add(id, lamp)
    async with shop.catalog_that(_fail):
        for _ in range(8):  # enough to open the breaker
            assert (await shop.cart.get(f"/carts/{id}")).json()["stale"] is True
        metrics = (await shop.cart.get("/metrics")).text
        assert 'http_client_circuit_state{server_address="catalog",state="open"} 1.0' in metrics
        assert 'http_client_fallbacks_total{outcome="stale",server_address="catalog"} 8.0' in metrics
    async with asyncio.timeout(60):
        while (await shop.cart.get(f"/carts/{id}")).json()["stale"]:
            await asyncio.sleep(0.05)


async def test_without_discounts_the_cart_says_so(shop) -> None:
    lamp, id = shop.catalog.sell("lamp", 1000), await shop.new_cart()
    await shop.add(id, lamp)
    shop.catalog.percent_off = 10
    assert (await shop.cart.get(f"/carts/{id}")).json()["total"]["amount"] == 900
    shop.catalog.silent_about_discounts = True
    silent = (await shop.cart.get(f"/carts/{id}")).json()
    assert (silent["total"]["amount"], silent["discount"], silent["stale"]) == (1000, None, True)


async def test_a_coupon_is_put_on_unseen_and_checked_when_catalog_is_back(shop) -> None:
    lamp, id = shop.catalog.sell("lamp", 1000), await shop.new_cart()
    await shop.add(id, lamp)
    async with shop.catalog_that(_fail):
        put = await shop.cart.put(f"/carts/{id}/coupon", json={"code": "nonsense"})
        assert (put.status_code, put.json()["stale"]) == (200, True)
        assert put.json()["coupon"] == {"code": "NONSENSE", "discount": None, "refused": None}
    async with asyncio.timeout(60):
        while (shown := (await shop.cart.get(f"/carts/{id}")).json())["stale"]:
            await asyncio.sleep(0.05)
    assert shown["coupon"]["refused"] == "NONSENSE cannot be used"
