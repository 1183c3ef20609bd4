from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_catalog.service import service
from shop_catalog.tables import outbox
from shop_chassis.events import Event
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_contracts.catalog.api import Category, NewProduct
from shop_contracts.money import Money
from sqlalchemy import select


@dataclass
class Shop:
    """Catalog as callers and the relay see it."""

    http: httpx.AsyncClient
    admin: httpx.AsyncClient
    runtime: Runtime[Settings]
    signer: Signer

    async def events(self) -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            return [outbox.event(row) for row in rows.mappings()]

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


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    settings = Settings(database_url=database_url, auth_jwks=f"{tmp_path}/jwks.json", log_access=False)
    app = create_app(service, settings)
    assert service.migrations is not None
    await service.migrations.upgrade(app.state.runtime.store, wait=10)
    headers = {"Authorization": f"Bearer {signer.token('ann', 'catalog:admin')}"}
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as http,
        httpx.AsyncClient(
            transport=transport,
            base_url="http://catalog",
            headers=headers | {"Content-Type": "application/json"},
        ) as admin,
    ):
        yield Shop(http, admin, app.state.runtime, signer)
