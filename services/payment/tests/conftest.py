"""Payment as its callers see it, before a gateway in memory; its books are checked after every test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_chassis.events import Event
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.tables import utc_now
from shop_chassis.testing.clock import Clock
from shop_chassis.testing.databases import Migrated
from shop_payment.payments import Payments
from shop_payment.service import assemble, service
from shop_payment.settings import PaymentSettings
from shop_payment.tables import outbox
from sqlalchemy import select

from .gateway_in_memory import ModelGateway
from .world import check_books, wish


@dataclass
class Shop:
    """What a test drives: payment by HTTP, and the gateway behind it."""

    http: httpx.AsyncClient
    """With the identity of order-processing."""
    admin: httpx.AsyncClient
    anybody: httpx.AsyncClient
    runtime: Runtime[PaymentSettings]
    gateway: ModelGateway
    clock: Clock[datetime]
    signer: Signer

    @property
    def payments(self) -> Payments:
        return self.runtime.get(Payments)

    async def pay(self, order: str = "order-1", method: str = "tok_visa", **changes: Any) -> httpx.Response:
        return await self.http.put(f"/internal/payments/{order}", json=wish(method) | changes)

    async def capture(self, order: str = "order-1") -> httpx.Response:
        return await self.http.post(f"/internal/payments/{order}:capture")

    async def void(self, order: str = "order-1") -> httpx.Response:
        return await self.http.post(f"/internal/payments/{order}:void")

    async def refund(
        self, refund: str, amount: int, order: str = "order-1", currency: str = "EUR"
    ) -> httpx.Response:
        body = {"amount": {"amount": amount, "currency": currency}, "reason": "returned"}
        return await self.http.put(f"/internal/payments/{order}/refunds/{refund}", json=body)

    async def read(self, order: str = "order-1") -> dict[str, Any]:
        answer = await self.http.get(f"/internal/payments/{order}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def captured(self, order: str = "order-1") -> None:
        for answer in (await self.pay(order), await self.capture(order)):
            assert answer.status_code == 200, answer.text

    async def resume(self, after: float = 60.0) -> None:
        """What the schedule does, some time later."""
        self.clock.now += timedelta(seconds=after)
        await self.payments.resume_due()

    async def events(self, order: str = "order-1") -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            return [event for row in rows.mappings() if (event := outbox.event(row)).subject == order]

    async def told(self, order: str = "order-1") -> list[str]:
        return [event.type.removeprefix("payment.") for event in await self.events(order)]

    async def attempts(self, order: str = "order-1") -> dict[str, tuple[str, int]]:
        """State and tries, by kind or refund."""
        found = (await self.admin.get(f"/admin/payments/{order}")).json()["attempts"]
        return {each["key"].partition(":")[2]: (each["state"], each["tries"]) for each in found}

    async def balances(self) -> dict[str, int]:
        found = (await self.admin.get("/admin/ledger/balances")).json()["items"]
        return {each["account"]: each["amount"] for each in found if each["amount"]}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, service_accounts: ServiceAccounts) -> PaymentSettings:
    return PaymentSettings(
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        callers=service_accounts.write_callers(
            tmp_path / "callers", "payment", ["order-processing", "user", "catalog"]
        ),
        resolve_seconds=3600,  # tests say when
        log_access=False,
        request_timeout=60,  # a busy machine is no reason to fail
    )


@pytest.fixture
async def shop(
    settings: PaymentSettings, tmp_path: Path, service_accounts: ServiceAccounts
) -> AsyncIterator[Shop]:
    signer, gateway, clock = Signer.generate(), ModelGateway(), Clock(utc_now())
    (tmp_path / "jwks.json").write_text(signer.jwks)
    app = create_app(replace(service, setup=lambda run: assemble(run, {"test": gateway}, clock)), settings)
    runtime: Runtime[PaymentSettings] = app.state.runtime
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def client(headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=transport, base_url="http://payment", headers=headers)

    admin = {"Authorization": f"Bearer {signer.token('eve', 'payment:admin')}"}
    async with (
        app.router.lifespan_context(app),
        client(service_accounts.headers("order-processing", "payment")) as http,
        client(admin) as administrator,
        client({}) as anybody,
    ):
        yield Shop(http, administrator, anybody, runtime, gateway, clock, signer)
        await check_books(runtime.store)
