"""Order-taking against the real neighbours: fails when either side drifts from the contracts between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from shop_cart.service import CartSettings
from shop_cart.service import service as cart
from shop_catalog.service import service as catalog
from shop_chassis.limits import Limits
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.store import opened
from shop_contracts.logistics.api import QuoteLine, QuoteRequest
from shop_contracts.order_taking.events import OrderPlaced
from shop_logistics.service import LogisticsSettings
from shop_logistics.service import service as logistics
from shop_order_taking.service import OrderTakingSettings, service
from shop_order_taking.tables import outbox
from shop_warehouse.service import service as warehouse
from sqlalchemy import select, text
from starlette.types import ASGIApp

from .conftest import NEIGHBOURS, PATIENT, address, order, problem, serving


@dataclass
class Shop:
    """Five services and a shopper."""

    http: httpx.AsyncClient
    urls: dict[str, str]
    signer: Signer
    taking: Any
    logistics: Any

    def token(self, subject: str, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    async def put(self, name: str, path: str, body: dict[str, Any]) -> None:
        answer = await self.http.put(
            self.urls[name] + path, json=body, headers=self.token("boss", f"{name}:admin")
        )
        assert answer.status_code in (200, 201), answer.text

    async def sell(self, title: str, amount: int, stock: int) -> UUID:
        new = {
            "sku": title.upper(),
            "slug": title,
            "title": title,
            "category": "home",
            "price": {"amount": amount, "currency": "EUR"},
            "weight_grams": 1500,
        }
        headers = self.token("boss", "catalog:admin")
        answer = await self.http.post(self.urls["catalog"] + "/admin/products", json=new, headers=headers)
        assert answer.status_code == 201, answer.text
        await self.put("warehouse", f"/admin/stock/rotterdam/{answer.json()['id']}", {"on_hand": stock})
        return UUID(answer.json()["id"])

    async def add(self, product: UUID, quantity: int, subject: str = "ann") -> None:
        answer = await self.http.post(
            self.urls["cart"] + "/carts/me/lines",
            json={"product_id": str(product), "quantity": quantity},
            headers=self.token(subject, "shop"),
        )
        assert answer.status_code == 200, answer.text

    async def order(self, key: str, **changes: Any) -> httpx.Response:
        headers = self.token("ann", "shop") | {"Idempotency-Key": key}
        return await self.http.post(
            self.urls["order-taking"] + "/orders", json=order(**changes), headers=headers
        )

    async def preview(self, **changes: Any) -> httpx.Response:
        body = {"cart_id": "me", "shipping_address": address()} | changes
        url = self.urls["order-taking"] + "/orders:preview"
        return await self.http.post(url, json=body, headers=self.token("ann", "shop"))


@pytest.fixture
async def shop(tmp_path: Path, service_accounts: ServiceAccounts) -> AsyncIterator[Shop]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    apps: dict[str, ASGIApp] = {}

    async def deploy(each: Service, kind: type[Settings], **more: Any) -> None:
        callers = ["order-taking", "order-processing", "user"]
        settings = kind.model_validate(
            {
                "database_url": f"sqlite:///{tmp_path}/{each.name}.db",
                "auth_jwks": f"{tmp_path}/jwks.json",
                "callers": service_accounts.write_callers(tmp_path / each.name, each.name, callers),
                "log_access": False,
                "request_timeout": 10 * PATIENT,
            }
            | more
        )
        if each.migrations:
            async with opened(settings, each.name) as store:
                await each.migrations.upgrade(store, wait=10)
        apps[each.name] = create_app(each, settings)

    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(serving(apps, names=[*NEIGHBOURS, "order-taking"]))
        await deploy(catalog, Settings)
        await deploy(warehouse, Settings)
        await deploy(logistics, LogisticsSettings)
        await deploy(cart, CartSettings, catalog_url=urls["catalog"], catalog_timeout=PATIENT)
        tokens = service_accounts.write_tokens(tmp_path / "identity", "order-taking", NEIGHBOURS)
        where = {f"{name}_url": urls[name] for name in NEIGHBOURS}
        patient = {f"{name}_timeout": PATIENT for name in NEIGHBOURS}
        await deploy(service, OrderTakingSettings, identity_tokens=tokens, **where, **patient)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10 * PATIENT))
        shop = Shop(http, urls, signer, apps["order-taking"], apps["logistics"])
        await shop.put("catalog", "/admin/categories/home", {"slug": "home", "title": "Home"})
        await shop.put("warehouse", "/admin/warehouses/rotterdam", {"title": "R", "country": "NL"})
        yield shop


async def test_from_the_cart_to_the_event(shop: Shop) -> None:
    lamp, cup = await shop.sell("lamp", 4900, stock=5), await shop.sell("cup", 800, stock=5)
    coupon = {"title": "Ten", "rule": {"type": "percentage", "percent": 10}, "limit_per_subject": 1}
    await shop.put("catalog", "/admin/coupons/TEN", coupon)
    await shop.add(lamp, 1)
    await shop.add(cup, 2)

    seen = (await shop.preview(coupon="ten")).json()
    assert [line["quantity"] for line in seen["lines"]] == [1, 2]
    assert seen["discount"]["amount"] == 490 + 160
    assert [option["id"] for option in seen["options"]] == ["pickup", "standard", "express"]
    # 4.5 kg: the band up to 5 kg, of the carrier that is cheaper there.
    standard = next(option for option in seen["options"] if option["id"] == "standard")
    assert (standard["carrier"], standard["price"]["amount"]) == ("swiftline", 480)
    assert (seen["availability_known"], seen["shortages"]) == (True, [])

    total = {"amount": 4900 + 1600 - 650 + 480, "currency": "EUR"}
    answer = await shop.order("one", coupon="ten", expected_total=total)
    assert answer.status_code == 202, answer.text
    async with shop.taking.state.runtime.store.session() as session:
        (row,) = (await session.execute(select(outbox.events))).mappings()
    placed = OrderPlaced.model_validate(outbox.event(dict(row)).data)
    assert (placed.coupon, placed.total.model_dump()) == ("TEN", total)

    headers = shop.token("boss", "catalog:admin")
    uses = await shop.http.get(shop.urls["catalog"] + "/admin/coupons/TEN/uses", headers=headers)
    held = [(use["order_id"], use["subject"], use["state"]) for use in uses.json()["items"]]
    assert held == [(answer.json()["order_id"], "ann", "held")]

    assert (await shop.order("one", coupon="ten", expected_total=total)).json() == answer.json()
    assert problem(await shop.order("two")) == (422, "cart-empty")
    await shop.add(lamp, 1)
    refused = await shop.order("three", coupon="ten")
    assert problem(refused) == (422, "coupon-refused")
    assert refused.json()["reason"] == "used-by-subject"


async def test_what_a_coupon_holds_for_an_order_does_not_stand_in_its_way(shop: Shop) -> None:
    """The order fails after the coupon was held; the same key is tried again."""
    lamp = await shop.sell("lamp", 4900, stock=5)
    coupon = {"title": "Ten", "rule": {"type": "percentage", "percent": 10}, "limit_per_subject": 1}
    await shop.put("catalog", "/admin/coupons/TEN", coupon)
    await shop.add(lamp, 1)
    store = shop.taking.state.runtime.store
    async with store.transaction() as session:
        await session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    assert (await shop.order("one", coupon="TEN")).status_code == 503
    async with store.transaction() as session:
        await session.execute(text("ALTER TABLE elsewhere RENAME TO outbox"))
    answer = await shop.order("one", coupon="TEN")
    assert answer.status_code == 202, answer.text


async def test_refusals_of_the_real_ones(shop: Shop) -> None:
    lamp = await shop.sell("lamp", 4900, stock=1)
    await shop.add(lamp, 2)
    refused = await shop.order("one")
    assert problem(refused) == (409, "out-of-stock")
    assert refused.json()["shortages"] == [{"product_id": str(lamp), "wanted": 2, "available": 1}]
    assert problem(await shop.order("three", coupon="NONE")) == (422, "coupon-refused")
    too_heavy = await shop.sell("safe", 4900, stock=9)
    await shop.add(too_heavy, 30)
    assert problem(await shop.order("two")) == (422, "not-deliverable")
    assert problem(await shop.order("four", cart_id="unknown")) == (422, "cart-empty")


async def test_shoppers_do_not_wait_for_one_another_at_limits_of_neighbours(shop: Shop) -> None:
    """All of them come to logistics from this service's address."""
    runtime = shop.logistics.state.runtime
    runtime.provide(Limits(runtime.settings, clock=lambda: 0.0))  # so what is used up stays so
    await shop.add(await shop.sell("lamp", 4900, stock=5), 1)
    anybody = QuoteRequest(
        country="DE", postal_code="10115", lines=[QuoteLine(quantity=1, weight_grams=500)], currency="EUR"
    ).model_dump(mode="json")
    async with asyncio.timeout(PATIENT):  # a limit that is gone is told, not waited for
        while (await shop.http.post(shop.urls["logistics"] + "/quotes", json=anybody)).status_code != 429:
            pass
    seen = await shop.preview()
    assert seen.status_code == 200, seen.text
