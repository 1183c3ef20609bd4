"""A running cart and, as its callee, an application that speaks catalog's contract over a real socket."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import Depends, FastAPI, HTTPException
from shop_cart.domain import StoredCart
from shop_cart.service import CartSettings, service
from shop_chassis.events import Event, MemoryBus
from shop_chassis.problems import Problem, install
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts
from shop_contracts.catalog.api import Product, ProductBatch, ProductBatchRequest
from shop_contracts.catalog.promotions import (
    COUPON_REFUSED,
    CouponCheck,
    CouponDiscounts,
    Discounts,
    LineDiscount,
    PricedLine,
    PriceRequest,
)
from shop_contracts.money import Money, sum_of
from starlette.types import ASGIApp

Token = Callable[..., dict[str, str]]


def quantities(answer: httpx.Response) -> dict[str, int]:
    """What a cart holds, by title."""
    assert answer.status_code < 300, answer.text
    return {line["title"]: line["quantity"] for line in answer.json()["lines"]}


def quantities_of(cart: StoredCart) -> dict[str, int]:
    """What a stored cart holds, by title."""
    return {line.title: line.quantity for line in cart.lines}


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are the test runner's."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """The application on a port of the loopback; gives its URL."""
    listener = socket.create_server(("127.0.0.1", port))
    server = _Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, lifespan="on"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class CatalogStandIn:
    """Answers as catalog's contract says; can be told to misbehave."""

    products: dict[UUID, Product] = field(default_factory=dict)
    subjects: list[str | None] = field(default_factory=list)
    """For whom coupons were checked."""
    misbehave: Callable[[], Awaitable[None]] | None = None
    """Runs before each answer."""
    silent_about_discounts: bool = False
    """Answers about products alone."""
    percent_off: int = 0
    """On everything."""
    coupons: dict[str, int] = field(default_factory=dict)
    """What they take off each line; an order below this in all is refused."""

    def sell(
        self,
        title: str,
        amount: int = 1000,
        currency: str = "EUR",
        *,
        active: bool = True,
        available: int | None = None,
    ) -> str:
        """Put a product on sale, or change it."""
        known = {product.title: product.id for product in self.products.values()}
        id = known.get(title) or uuid4()
        self.products[id] = Product(
            id=id,
            sku="X-1",
            slug="x",
            title=title,
            category="c",
            price=Money(amount=amount, currency=currency),
            active=active,
            available=available,
            version=1,
            updated_at=datetime.now(UTC),
        )
        return str(id)

    def app(self) -> FastAPI:
        app = FastAPI()

        async def behave() -> None:
            if self.misbehave:
                await self.misbehave()

        def discounts(request: PriceRequest, off: Callable[[PricedLine], int]) -> dict[str, Any]:
            if self.silent_about_discounts:
                raise HTTPException(503)
            lines = [
                LineDiscount(product_id=line.product_id, discount=Money(amount=amount, currency="EUR"))
                for line in request.lines
                if (amount := off(line))
            ]
            return {"discounts": lines, "total": sum_of([line.discount for line in lines], "EUR")}

        @app.post("/promotions:price", dependencies=[Depends(behave)])
        async def price(request: PriceRequest) -> Discounts:
            percent = self.percent_off
            return Discounts(
                **discounts(request, lambda line: line.unit_price.amount * line.quantity * percent // 100)
            )

        @app.post("/coupons:check", dependencies=[Depends(behave)])
        async def check(request: CouponCheck) -> CouponDiscounts:
            self.subjects.append(request.subject)
            off = self.coupons.get(request.code, 0)
            if not off or sum(line.unit_price.amount for line in request.lines) < off:
                raise Problem(422, f"{request.code} cannot be used", type=COUPON_REFUSED)
            return CouponDiscounts(code=request.code, **discounts(request, lambda _line: off))

        install(app)

        @app.post("/products:batch", dependencies=[Depends(behave)])
        async def batch(request: ProductBatchRequest) -> ProductBatch:
            found = [self.products[id] for id in request.ids if id in self.products]
            return ProductBatch(items=found, missing=[id for id in request.ids if id not in self.products])

        return app


@dataclass
class Shop:
    """What a test drives: the cart by HTTP, and the catalog behind it."""

    cart: httpx.AsyncClient
    settings: CartSettings
    catalog: CatalogStandIn
    token: Token
    bus: MemoryBus
    service_accounts: ServiceAccounts

    def service(self, name: str) -> dict[str, str]:
        """The headers of another service."""
        return self.service_accounts.headers(name, "cart")

    async def erased(self, subject: str) -> None:
        """User tells that somebody has gone, and cart has heard it."""
        event = Event(source="/user", type="erased", subject=subject, sequence=1, data={"subject": subject})
        await self.bus.publish(event.topic, event.encode(), message_id=event.id)
        subscription = await self.bus.subscribe("user", "cart", [event.topic])
        async with asyncio.timeout(60):
            while await subscription.lag():
                await asyncio.sleep(0.005)

    @asynccontextmanager
    async def catalog_that(self, misbehave: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Catalog does this before each answer."""
        self.catalog.misbehave = misbehave
        try:
            yield
        finally:
            self.catalog.misbehave = None

    async def new_cart(self) -> str:
        return str((await self.cart.post("/carts")).raise_for_status().json()["id"])

    async def add(self, cart: str, product: str, quantity: int = 1, **headers: str) -> httpx.Response:
        body = {"product_id": product, "quantity": quantity}
        return await self.cart.post(f"/carts/{cart}/lines", json=body, headers=headers)


@pytest.fixture(scope="session")
def signing_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def jwks(signing_key: ec.EllipticCurvePrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the public half."""
    key = jwt.algorithms.ECAlgorithm.to_jwk(signing_key.public_key(), as_dict=True)
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps({"keys": [key | {"kid": "k", "alg": "ES256"}]}))
    return path


@pytest.fixture
def token(signing_key: ec.EllipticCurvePrivateKey) -> Token:
    """Makes the Authorization of a user."""

    def headers(user: str, scope: str = "") -> dict[str, str]:
        claims = {"sub": user, "scope": scope, "iss": "shop", "aud": "shop", "exp": time.time() + 600}
        return {"Authorization": f"Bearer {jwt.encode(claims, signing_key, 'ES256', headers={'kid': 'k'})}"}

    return headers


@asynccontextmanager
async def running(settings: CartSettings, bus: MemoryBus | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Cart as in a pod, and a client of it."""
    app = create_app(service, settings, bus=bus)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://cart") as cart,
    ):
        yield cart


@pytest.fixture
def cache_url() -> str:
    """Overridden where a Redis is wanted."""
    return "memory://"


@pytest.fixture
def catalog_timeout() -> float:
    """Long where catalog answers: a busy machine must not look like an outage."""
    return 10.0


@pytest.fixture
def settings_for(
    cache_url: str, catalog_timeout: float, jwks: Path, tmp_path: Path, service_accounts: ServiceAccounts
) -> Callable[[str], CartSettings]:
    """Cart's settings with catalog at a URL."""
    callers = service_accounts.write_callers(
        tmp_path / "callers", "cart", ["order-taking", "wishlist", "user", "catalog"]
    )
    return lambda url: CartSettings(
        catalog_url=url,  # type: ignore[arg-type]
        catalog_timeout=catalog_timeout,
        cache_url=cache_url,
        auth_jwks=str(jwks),
        callers=callers,
        log_access=False,
        request_timeout=60,
    )


@pytest.fixture
async def shop(
    settings_for: Callable[[str], CartSettings], token: Token, service_accounts: ServiceAccounts
) -> AsyncIterator[Shop]:
    catalog, bus = CatalogStandIn(), MemoryBus()
    await bus.ensure_stream("user", max_age=60)
    async with serving(catalog.app()) as url, running(settings_for(url), bus) as cart:
        yield Shop(cart, settings_for(url), catalog, token, bus, service_accounts)


@pytest.fixture
async def second_replica(shop: Shop) -> AsyncIterator[Shop]:
    """Another pod of the same service, on the same cache."""
    async with running(shop.settings, shop.bus) as cart:
        yield replace(shop, cart=cart)


@pytest.fixture(name="serving")
def serving_fixture() -> Callable[[ASGIApp], AbstractAsyncContextManager[str]]:
    return serving


@pytest.fixture
def cart_on(
    settings_for: Callable[[str], CartSettings],
) -> Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """Cart with catalog at a URL."""
    return lambda url: running(settings_for(url))
