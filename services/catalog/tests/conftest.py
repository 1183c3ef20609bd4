import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from shop_catalog.coupons import Coupons
from shop_catalog.plans import Plans
from shop_catalog.promotions import Promotions
from shop_catalog.service import CatalogSettings, service
from shop_catalog.tables import outbox
from shop_chassis.events import Event, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.clock import Clock
from shop_chassis.testing.databases import Migrated
from shop_contracts.catalog.api import Category, NewProduct
from shop_contracts.catalog.events import CATEGORY_CHANGED
from shop_contracts.money import Money
from shop_contracts.warehouse.events import STOCK_CHANGED, StockChanged
from sqlalchemy import select

from .s3_server import S3Server


@dataclass
class Shop:
    """Catalog as callers and the relay see it."""

    http: httpx.AsyncClient
    admin: httpx.AsyncClient
    orders: httpx.AsyncClient
    """As order-processing."""
    runtime: Runtime[CatalogSettings]
    bus: MemoryBus
    signer: Signer

    async def events(self, *, of_categories: bool = False) -> list[Event]:
        """Those of categories, or all others."""
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            found = [outbox.event(row) for row in rows.mappings()]
        return [event for event in found if (event.type == CATEGORY_CHANGED) is of_categories]

    async def category(self, slug: str, parent: str | None = None, position: int = 0) -> httpx.Response:
        body = Category(slug=slug, title=slug.title(), parent=parent, position=position)
        return await self.admin.put(f"/admin/categories/{slug}", content=body.model_dump_json())

    async def product(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """Creates a product; its category is made if need be."""
        new = NewProduct(
            **{
                "sku": f"LGT-{number:04}",
                "slug": f"lamp-{number}",
                "title": f"Lamp {number}",
                "category": "lighting",
                "price": Money(amount=4900, currency="EUR"),
            }
            | changes
        )
        await self.category(new.category)
        answer = await self.admin.post("/admin/products", content=new.model_dump_json())
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def told(self, product_id: str, available: int, sequence: int) -> None:
        """Warehouse tells what is available of a product, and catalog has heard it."""
        data = StockChanged(product_id=UUID(product_id), available=available).model_dump(mode="json")
        await self.tell("warehouse", STOCK_CHANGED, product_id, sequence, data)

    async def tell(self, stream: str, type: str, subject: str, sequence: int, data: dict[str, Any]) -> None:
        """Another service publishes an event, and catalog has heard it."""
        event = Event(source=f"/{stream}", type=type, subject=subject, sequence=sequence, data=data)
        topic = f"{stream}.{type}"
        await self.bus.publish(topic, event.encode(), message_id=event.id)
        subscription = await self.bus.subscribe(stream, "catalog", [topic])
        async with asyncio.timeout(60):
            while await subscription.lag():
                await asyncio.sleep(0.005)


@pytest.fixture
async def clock(shop: Shop) -> Clock[datetime]:
    """Tells promotions, coupons and planned prices the time, after the schedule's one turn in a test."""
    turn = 'schedule_runs_total{name="planned prices",outcome="done"} 1.0'
    async with asyncio.timeout(20):
        while turn not in (await shop.http.get("/metrics")).text:
            await asyncio.sleep(0.01)
    clock = Clock(datetime(2030, 1, 1, tzinfo=UTC))
    for kind in (Promotions, Coupons, Plans):
        shop.runtime.get(kind).now = clock
    return clock


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database decides; its statements are tried on both by other tests."""


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server of this test's own."""
    folder = tmp_path / "s3"
    folder.mkdir()
    server = S3Server(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def media() -> dict[str, Any]:
    """Settings of where pictures are; none: in the database."""
    return {}


@pytest.fixture
def plans_every() -> float:
    """Seconds; so many that tests apply plans themselves."""
    return 3600


@pytest.fixture
async def shop(
    database_url: str,
    tmp_path: Path,
    service_accounts: ServiceAccounts,
    plans_every: float,
    media: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    monkeypatch.setattr("shop_catalog.service.PLANS_EVERY", plans_every)
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    settings = CatalogSettings(
        request_timeout=60,  # a busy machine must not look like an outage
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        callers=service_accounts.write_callers(
            tmp_path / "callers", "catalog", ["order-taking", "order-processing", "user", "cart", "search"]
        ),
        log_access=False,
        **media,
    )
    bus = MemoryBus()
    for stream in ("warehouse", "user"):
        await bus.ensure_stream(stream, max_age=60)
    app = create_app(service, settings, bus=bus)
    token = {"Authorization": f"Bearer {signer.token('ann', 'catalog:admin')}"}
    identity = service_accounts.headers("order-processing", "catalog")
    transport = httpx.ASGITransport(app)

    def client(headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=transport, base_url="http://catalog", headers=headers)

    json = {"Content-Type": "application/json"}
    async with (
        app.router.lifespan_context(app),
        client({}) as http,
        client(token | json) as admin,
        client(identity | json) as orders,
    ):
        yield Shop(http, admin, orders, app.state.runtime, bus, signer)
