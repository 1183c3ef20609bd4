from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_chassis.events import Event
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.tables import utc_now
from shop_chassis.testing.databases import Migrated
from shop_contracts.warehouse.api import Stock
from shop_warehouse.reservations import Reservations
from shop_warehouse.service import service
from shop_warehouse.tables import outbox
from sqlalchemy import select, text

Wanted = dict[UUID, int]


@dataclass
class Shop:
    """The warehouse as its callers and the relay see it; orders come from order-processing."""

    http: httpx.AsyncClient
    """Without a token."""
    admin: httpx.AsyncClient
    orders: httpx.AsyncClient
    """As order-processing."""
    runtime: Runtime[Settings]
    signer: Signer
    accounts: ServiceAccounts

    async def events(self, *types: str) -> list[Event]:
        """As they are to be published."""
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            found = [outbox.event(row) for row in rows.mappings()]
        return [event for event in found if not types or event.type in types]

    async def sql(self, statement: str) -> None:
        """What a hand in the database does."""
        async with self.runtime.store.transaction() as session:
            await session.execute(text(statement))

    async def warehouse(self, code: str, country: str = "NL", priority: int = 10) -> httpx.Response:
        body = {"title": code.title(), "country": country, "priority": priority}
        return await self.admin.put(f"/admin/warehouses/{code}", json=body)

    async def product(self, on_hand: int, *, warehouse: str = "rotterdam", **more: Any) -> UUID:
        """Stock of a product; the warehouse is made if need be."""
        product: UUID = more.pop("id", None) or uuid4()
        await self.warehouse(warehouse, more.pop("country", "NL"))
        answer = await self.admin.put(
            f"/admin/stock/{warehouse}/{product}", json={"on_hand": on_hand, **more}
        )
        assert answer.status_code == 201, answer.text
        return product

    async def stock(self, product: UUID, warehouse: str = "rotterdam") -> Stock:
        answer = await self.admin.get(f"/admin/stock/{warehouse}/{product}")
        assert answer.status_code == 200, answer.text
        return Stock.model_validate_json(answer.content)

    async def available(self, product: UUID) -> int:
        answer = await self.http.get("/availability", params={"id": str(product)})
        [item] = answer.json()["items"]
        return int(item["available"])

    async def hold(self, order: UUID, wanted: Wanted, country: str = "NL", **more: Any) -> httpx.Response:
        lines = [{"product_id": str(product), "quantity": n} for product, n in wanted.items()]
        body = {"lines": lines, "country": country, **more}
        return await self.orders.put(f"/internal/reservations/{order}", json=body)

    async def act(self, order: UUID, action: str) -> httpx.Response:
        path = f"/internal/reservations/{order}"
        if action == "release":
            return await self.orders.delete(path)
        return await self.orders.post(f"{path}:{action}")

    async def shipped(self, wanted: Wanted, country: str = "NL") -> UUID:
        """An order that has left."""
        order = uuid4()
        for answer in (
            await self.hold(order, wanted, country),
            await self.act(order, "commit"),
            await self.act(order, "ship"),
        ):
            assert answer.is_success, answer.text
        return order

    async def give_back(self, id: UUID, order: UUID, lines: list[tuple[UUID, int, bool]]) -> httpx.Response:
        body = {
            "order_id": str(order),
            "lines": [{"product_id": str(p), "quantity": n, "resell": resell} for p, n, resell in lines],
        }
        return await self.orders.put(f"/internal/returns/{id}", json=body)

    async def count(self, found: Wanted, warehouse: str = "rotterdam", **more: Any) -> httpx.Response:
        """A stock take."""
        body = {
            "warehouse": warehouse,
            "reason": "aisle 7",
            "counts": [{"product_id": str(product), "counted": n} for product, n in found.items()],
        }
        headers = {"Idempotency-Key": more.pop("key", str(uuid4()))}
        return await self.admin.post("/admin/stock-takes", json=body | more, headers=headers)

    async def lapse(self, after: timedelta = timedelta(hours=1)) -> int:
        """What the schedule does, that much later."""
        later = Reservations(self.runtime.store, outbox, clock=lambda: utc_now() + after)
        return await later.lapse()

    async def audited(self) -> bool:
        """Whether all figures add up."""
        return bool((await self.admin.get("/admin/stock:audit")).json() == {"discrepancies": []})


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


@pytest.fixture
async def shop(database_url: str, tmp_path: Path, service_accounts: ServiceAccounts) -> AsyncIterator[Shop]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    settings = Settings(
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        callers=service_accounts.write_callers(
            tmp_path / "callers", "warehouse", ["order-processing", "cart", "search"]
        ),
        log_access=False,
        database_pool_size=60,  # many wait for a product's row, not for a connection
        request_timeout=120,
    )
    app = create_app(service, settings)
    transport, url = httpx.ASGITransport(app), "http://warehouse"
    token = {"Authorization": f"Bearer {signer.token('ann', 'warehouse:admin')}"}
    identity = service_accounts.headers("order-processing", "warehouse")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=url) as http,
        httpx.AsyncClient(transport=transport, base_url=url, headers=token) as admin,
        httpx.AsyncClient(transport=transport, base_url=url, headers=identity) as orders,
    ):
        yield Shop(http, admin, orders, app.state.runtime, signer, service_accounts)


@pytest.fixture
def order() -> UUID:
    return uuid4()
