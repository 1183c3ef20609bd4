import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import BaseModel, HttpUrl
from shop_chassis.events import Event, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.catalog.api import Image, Product
from shop_contracts.catalog.events import PRICE_CHANGED, PRODUCT_CHANGED, PriceChanged, ProductChanged
from shop_contracts.money import Money
from shop_contracts.warehouse.events import STOCK_CHANGED, StockChanged
from shop_contracts.wishlist.events import PRICE_DROPPED, PriceDropped
from shop_wishlist.service import WishlistSettings, service
from shop_wishlist.tables import outbox
from sqlalchemy import select

NOWHERE = HttpUrl("http://127.0.0.1:9")
"""Nobody listens there: catalog and cart are down unless a test has them."""


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"]


@dataclass
class Catalog:
    """What catalog has, and the events that it tells of it."""

    products: dict[UUID, Product] = field(default_factory=dict)
    sequences: dict[UUID, int] = field(default_factory=dict)

    def sell(self, title: str, amount: int = 4900, **more: Any) -> tuple[UUID, list[Event]]:
        """A new product, and what is told."""
        id = uuid4()
        self.products[id] = Product(
            id=id,
            sku=title.upper(),
            slug=title,
            title=title.title(),
            category="home",
            price=euros(amount),
            images=[Image(url=f"/media/{title}.webp", alt=title)],
            version=1,
            updated_at=datetime.now(UTC),
            **more,
        )
        return id, [self._changed(id)]

    def change(self, id: UUID, **changes: Any) -> list[Event]:
        self.products[id] = self.products[id].model_copy(update=changes)
        return [self._changed(id)]

    def reprice(self, id: UUID, amount: int) -> list[Event]:
        """Both events of it, in their order."""
        before = self.products[id]
        self.products[id] = before.model_copy(update={"price": euros(amount)})
        changed = PriceChanged(
            product_id=id,
            sku=before.sku,
            slug=before.slug,
            title=before.title,
            old=before.price,
            new=euros(amount),
        )
        return [self._event(id, PRICE_CHANGED, changed), self._changed(id)]

    def _changed(self, id: UUID) -> Event:
        return self._event(id, PRODUCT_CHANGED, ProductChanged(product=self.products[id]))

    def _event(self, id: UUID, type: str, data: BaseModel) -> Event:
        self.sequences[id] = self.sequences.get(id, 0) + 1
        return Event(
            source="/catalog",
            type=type,
            subject=str(id),
            sequence=self.sequences[id],
            data=data.model_dump(mode="json"),
        )


@dataclass
class Shop:
    """Wishlist as people, its neighbours and the relay see it."""

    app: Any
    runtime: Runtime[WishlistSettings]
    bus: MemoryBus
    signer: Signer
    accounts: ServiceAccounts
    catalog: Catalog

    def client(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://wishlist", headers=headers
        )

    def person(self, subject: str, scope: str = "shop") -> httpx.AsyncClient:
        """Wishlist as somebody uses it who is signed in."""
        return self.client(Authorization=f"Bearer {self.signer.token(subject, scope)}")

    def service(self, name: str) -> httpx.AsyncClient:
        return self.client(**self.accounts.headers(name, "wishlist"))

    async def sell(self, title: str, amount: int = 4900, **more: Any) -> UUID:
        """A product that wishlist has heard of."""
        id, told = self.catalog.sell(title, amount, **more)
        await self.hear(*told)
        return id

    async def reprice(self, id: UUID, amount: int) -> None:
        await self.hear(*self.catalog.reprice(id, amount))

    async def stock(self, id: UUID, available: int, sequence: int) -> None:
        data = StockChanged(product_id=id, available=available).model_dump(mode="json")
        await self.hear(
            Event(source="/warehouse", type=STOCK_CHANGED, subject=str(id), sequence=sequence, data=data)
        )

    async def erase(self, subject: str) -> None:
        await self.hear(Event(source="/user", type="erased", subject=subject, sequence=1, data={}))

    async def hear(self, *events: Event) -> None:
        """The events are published one after the other, and wishlist has heard them."""
        for event in events:
            await self.bus.publish(event.topic, event.encode(), message_id=event.id)
            stream = event.source.removeprefix("/")
            subscription = await self.bus.subscribe(stream, "wishlist", [f"{stream}.>"])
            async with asyncio.timeout(60):
                while await subscription.lag():
                    await asyncio.sleep(0.002)

    async def events(self, *types: str) -> list[Event]:
        """What was told, oldest first."""
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            found = [outbox.event(row) for row in rows.mappings()]
        return [event for event in found if not types or event.type in types]

    async def drops(self) -> list[PriceDropped]:
        return [PriceDropped.model_validate(event.data) for event in await self.events(PRICE_DROPPED)]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database decides; its statements are tried on both by other tests."""


@pytest.fixture
def settings(database_url: str, tmp_path: Path, service_accounts: ServiceAccounts) -> WishlistSettings:
    return WishlistSettings(
        catalog_url=NOWHERE,
        cart_url=NOWHERE,
        request_timeout=60,  # a busy machine must not look like an outage
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        callers=service_accounts.write_callers(tmp_path / "callers", "wishlist", ["user", "cart"]),
        log_access=False,
    )


@pytest.fixture
async def shop(
    settings: WishlistSettings, tmp_path: Path, service_accounts: ServiceAccounts
) -> AsyncIterator[Shop]:
    signer, bus = Signer.generate(), MemoryBus()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    for stream in ("catalog", "warehouse", "user"):
        await bus.ensure_stream(stream, max_age=60)
    app = create_app(service, settings, bus=bus)
    async with app.router.lifespan_context(app):
        yield Shop(app, app.state.runtime, bus, signer, service_accounts, Catalog())
