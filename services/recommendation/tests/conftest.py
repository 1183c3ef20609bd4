import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from shop_contracts.cart.events import CART_UPDATED, CartUpdated
from shop_contracts.catalog.api import Category, Product
from shop_contracts.catalog.events import CATEGORY_CHANGED, PRODUCT_CHANGED, CategoryChanged, ProductChanged
from shop_contracts.money import Money
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from shop_contracts.recommendation.api import VISITOR
from shop_contracts.storefront.events import PAGE_VIEWED, PageViewed
from shop_contracts.user.events import ERASED
from shop_recommendation.service import service
from shop_recommendation.serving import Serving
from shop_recommendation.settings import RecommendationSettings
from shop_recommendation.train import train

STREAMS = ("catalog", "storefront", "cart", "order-taking", "user", "recommendation")
VISITORS = [f"browser-{number:012}" for number in range(40)]


@dataclass
class Shop:
    """The service as shoppers, neighbours and the broker see it."""

    http: httpx.AsyncClient
    runtime: Runtime[RecommendationSettings]
    bus: MemoryBus
    signer: Signer
    accounts: ServiceAccounts
    _sequences: dict[str, int] = field(default_factory=dict)

    def token(self, subject: str, scope: str = "shop") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    async def tell(
        self, stream: str, type: str, subject: str, data: Any, at: datetime | None = None
    ) -> Event:
        """Another service publishes an event, and this one has heard it."""
        sequence = self._sequences[subject] = self._sequences.get(subject, 0) + 1
        event = Event(
            source=f"/{stream}",
            type=type,
            subject=subject,
            sequence=sequence,
            time=at or datetime.now(UTC),
            data=data if isinstance(data, dict) else data.model_dump(mode="json"),
        )
        await self.again(event)
        return event

    async def again(self, event: Event) -> None:
        """The same event is delivered, once more perhaps."""
        await self.bus.publish(event.topic, event.encode(), message_id=event.id)
        stream = event.topic.partition(".")[0]
        subscription = await self.bus.subscribe(stream, "recommendation", [f"{stream}.>"])
        async with asyncio.timeout(20):
            while await subscription.lag():
                await asyncio.sleep(0.005)

    async def category(self, slug: str, parent: str | None = None) -> None:
        told = CategoryChanged(category=Category(slug=slug, title=slug.title(), parent=parent))
        await self.tell("catalog", CATEGORY_CHANGED, "categories", told)

    async def product(self, title: str, *, id: UUID | None = None, **changes: Any) -> UUID:
        """Catalog tells of a product, or of another state of it."""
        id = id or uuid4()
        state = {
            "id": id,
            "sku": "X-1",
            "slug": title.lower().replace(" ", "-"),
            "title": title,
            "category": "lighting",
            "price": Money(amount=4900, currency="EUR"),
            "version": 1,
            "updated_at": datetime.now(UTC),
        }
        product = Product.model_validate(state | changes)
        await self.tell("catalog", PRODUCT_CHANGED, str(id), ProductChanged(product=product))
        return id

    async def view(
        self, product: UUID | None, visitor: str, subject: str | None = None, at: datetime | None = None
    ) -> None:
        at = at or datetime.now(UTC)
        view = PageViewed(subject=subject, visitor=visitor, product_id=product, page="product", at=at)
        await self.tell("storefront", PAGE_VIEWED, str(uuid4()), view)

    async def cart(self, products: Sequence[UUID], user: str | None, cart: str = "digest") -> None:
        told = CartUpdated(cart=user or cart, user=user, quantities=dict.fromkeys(products, 1))
        await self.tell("cart", CART_UPDATED, told.cart, told)

    async def order(self, products: Sequence[UUID], subject: str, at: datetime | None = None) -> Event:
        placed = order_placed(products, subject, at or datetime.now(UTC))
        return await self.tell("order-taking", ORDER_PLACED, placed["order_id"], placed)

    async def erased(self, subject: str) -> None:
        told = {"subject": subject, "erased_at": datetime.now(UTC).isoformat()}
        await self.tell("user", ERASED, subject, told)

    async def train(self) -> str:
        """A job trains a model, and this replica uses it."""
        said = await train(self.runtime.settings)
        await self.runtime.get(Serving).load()
        return said

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        answer = await self.http.get(path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def shown(
        self, path: str, headers: dict[str, str] | None = None, **query: Any
    ) -> dict[str, tuple[str, str | None]]:
        """What is recommended, in order: by id the kind of reason and the title that it names."""
        items = (await self.get(path, headers, **query))["items"]
        assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)
        return {item["product_id"]: (item["reason"]["kind"], item["reason"]["title"]) for item in items}


def order_placed(products: Sequence[UUID], subject: str, at: datetime) -> dict[str, Any]:
    """An order with one piece of each."""
    eur = {"amount": 4900, "currency": "EUR"}
    nothing = {"amount": 0, "currency": "EUR"}
    address = {
        "name": "Ann Example",
        "line1": "Coolsingel 40",
        "city": "Rotterdam",
        "postal_code": "3011 AD",
        "country": "NL",
    }
    lines = [
        {
            "product_id": str(product),
            "sku": "X-1",
            "title": "X",
            "quantity": 1,
            "unit_price": eur,
            "discount": nothing,
            "tax": nothing,
            "total": eur,
            "weight_grams": 500,
        }
        for product in products
    ]
    total = {"amount": 4900 * len(products), "currency": "EUR"}
    body = {
        "order_id": str(uuid4()),
        "subject": subject,
        "email": "ann@shop.example",
        "shipping_address": address,
        "billing_address": address,
        "shipping_option": "standard",
        "payment_method": "tok_visa",
        "locale": "en",
        "placed_at": at.isoformat(),
        "lines": lines,
        "subtotal": total,
        "discount": nothing,
        "shipping": nothing,
        "shipping_tax": nothing,
        "tax": nothing,
        "total": total,
        "prices_include_tax": True,
    }
    return OrderPlaced.model_validate(body).model_dump(mode="json")


def as_visitor(number: int = 0) -> dict[str, str]:
    return {VISITOR: VISITORS[number]}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database decides; its statements are tried on both by other tests."""


@pytest.fixture
def settings(database_url: str, tmp_path: Path, service_accounts: ServiceAccounts) -> Callable[[Signer], Any]:
    def make(signer: Signer) -> RecommendationSettings:
        (tmp_path / "jwks.json").write_text(signer.jwks)
        return RecommendationSettings(
            database_url=database_url,
            remember_seconds=0,
            auth_jwks=f"{tmp_path}/jwks.json",
            callers=service_accounts.write_callers(tmp_path / "callers", "recommendation", ["user"]),
            request_timeout=60,
            log_access=False,
        )

    return make


@pytest.fixture
async def shop(
    settings: Callable[[Signer], RecommendationSettings],
    service_accounts: ServiceAccounts,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    monkeypatch.setattr("shop_recommendation.suggesting.COUNTED_SECONDS", 0)  # each answer counts anew
    signer, bus = Signer.generate(), MemoryBus()
    for stream in STREAMS:
        await bus.ensure_stream(stream, max_age=60)
    app = create_app(service, settings(signer), bus=bus)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://recommendation", timeout=60) as http,
    ):
        yield Shop(http, app.state.runtime, bus, signer, service_accounts)
