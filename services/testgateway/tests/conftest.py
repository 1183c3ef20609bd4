from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.testing.databases import Migrated
from shop_testgateway.service import service
from shop_testgateway.settings import TestGatewaySettings
from shop_testgateway.tables import Delivery
from sqlalchemy import select

SECRET = "whsec"


@dataclass
class Merchant:
    """The gateway as a merchant sees it."""

    http: httpx.AsyncClient
    anybody: httpx.AsyncClient
    runtime: Runtime[TestGatewaySettings]
    database: Path

    async def charge(
        self, method: str = "tok_visa", *, key: str | None = None, **changes: Any
    ) -> httpx.Response:
        body = {"amount": 5900, "currency": "EUR", "method": method, "reference": "order-1"} | changes
        return await self.http.post("/v1/charges", json=body, headers=keyed(key))

    async def held(self, **changes: Any) -> dict[str, Any]:
        answer = await self.charge(**changes)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def change(
        self, charge: dict[str, Any], what: str, *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        path = f"/v1/charges/{charge['id']}/{what}"
        return await self.http.post(path, json=body or None, headers=keyed(key))

    async def faults(self, *faults: dict[str, Any]) -> None:
        answer = await self.http.put("/faults", json={"faults": list(faults)})
        assert answer.status_code == 200, answer.text

    async def hits(self) -> list[int]:
        return [fault["hits"] for fault in (await self.http.get("/faults")).json()["faults"]]

    async def charges(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.http.get("/v1/charges")).json()["items"]
        return items

    async def deliveries(self) -> list[Delivery]:
        async with self.runtime.store.session() as session:
            return list((await session.execute(select(Delivery).order_by(Delivery.id))).scalars())  # type: ignore[arg-type]


def keyed(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


@pytest.fixture
def database_url(migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, "sqlite", tmp_path)


@pytest.fixture
def settings(database_url: str) -> TestGatewaySettings:
    return TestGatewaySettings(
        database_url=database_url,
        gateway_key="merchant-key",  # type: ignore[arg-type]
        webhook_secret=SECRET,  # type: ignore[arg-type]
        fault_seed=1,
        request_timeout=60,  # a busy machine is no reason to fail
        log_access=False,
    )


@pytest.fixture
async def gateway(settings: TestGatewaySettings, database_url: str) -> AsyncIterator[Merchant]:
    app = create_app(service, settings)
    transport = httpx.ASGITransport(app)
    key = {"Authorization": "Bearer merchant-key"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=key) as http,
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as anybody,
    ):
        yield Merchant(http, anybody, app.state.runtime, Path(database_url.removeprefix("sqlite:///")))
