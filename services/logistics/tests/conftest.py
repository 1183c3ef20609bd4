from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_chassis.events import Event, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.address import Address
from shop_logistics.service import LogisticsSettings, service
from shop_logistics.shipments import Shipments
from shop_logistics.tables import outbox
from sqlalchemy import select

SECRET = b"what only the carrier and the shop know"
ADDRESS = Address(
    name="Ann Example", line1="Coolsingel 40", city="Rotterdam", postal_code="3011 AD", country="NL"
)
LINES = {"lines": [{"product_id": str(UUID(int=1)), "quantity": 1}]}
"""Of a return: one of the lamps that `request` sends."""


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"]


def request(**changes: Any) -> dict[str, Any]:
    """What order-processing sends for a shipment."""
    return {
        "option": "standard",
        "subject": "ann",
        "address": ADDRESS.model_dump(),
        "lines": [{"product_id": str(UUID(int=1)), "title": "Lamp", "quantity": 2, "weight_grams": 700}],
        "warehouse": "rotterdam",
    } | changes


@dataclass
class Shop:
    """Logistics as its callers and the relay see it."""

    http: httpx.AsyncClient
    """Nobody in particular."""
    saga: httpx.AsyncClient
    """Order-processing."""
    admin: httpx.AsyncClient
    runtime: Runtime[LogisticsSettings]
    bus: MemoryBus
    signer: Signer
    accounts: ServiceAccounts

    @property
    def shipments(self) -> Shipments:
        return self.runtime.get(Shipments)

    def token(self, subject: str, scope: str = "shop") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    async def events(self) -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            return [outbox.event(row) for row in rows.mappings()]

    async def told(self, order: UUID) -> list[str]:
        """Types of the events of an order."""
        return [event.type for event in await self.events() if event.subject == str(order)]

    async def allocated(self, **changes: Any) -> UUID:
        """A new shipment's order."""
        order = uuid4()
        answer = await self.saga.put(f"/internal/shipments/{order}", json=request(**changes))
        assert answer.status_code == 201, answer.text
        return order

    async def advance(self, order: UUID, *states: str) -> httpx.Response:
        for state in states:
            answer = await self.admin.post(f"/admin/shipments/{order}:advance", json={"state": state})
            assert answer.status_code == 200, answer.text
        return answer

    async def delivered(self, **changes: Any) -> UUID:
        order = await self.allocated(**changes)
        await self.advance(order, "dispatched", "in_transit", "delivered")
        return order


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


@pytest.fixture
async def shop(database_url: str, tmp_path: Path, service_accounts: ServiceAccounts) -> AsyncIterator[Shop]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/paketpost").write_bytes(SECRET + b"\n")
    callers = ["order-processing", "user", "cart"]
    settings = LogisticsSettings(
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        callers=service_accounts.write_callers(tmp_path / "callers", "logistics", callers),
        carrier_secrets=tmp_path / "secrets",
        log_access=False,
        request_timeout=60,  # a busy machine is no reason to fail
    )
    bus = MemoryBus()
    await bus.ensure_stream("user", max_age=3600)
    app = create_app(service, settings, bus=bus)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))

        async def client(headers: dict[str, str]) -> httpx.AsyncClient:
            http = httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://logistics", headers=headers
            )
            return await stack.enter_async_context(http)

        yield Shop(
            http=await client({}),
            saga=await client(service_accounts.headers("order-processing", "logistics")),
            admin=await client({"Authorization": f"Bearer {signer.token('boss', 'logistics:admin')}"}),
            runtime=app.state.runtime,
            bus=bus,
            signer=signer,
            accounts=service_accounts,
        )
