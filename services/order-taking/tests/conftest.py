"""Order-taking, and its neighbours as small applications that speak their contracts over a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, Depends, Query
from shop_chassis.events import Event, MemoryBus
from shop_chassis.identity import internal
from shop_chassis.problems import Problem
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.tables import utc_now
from shop_chassis.testing.databases import Migrated
from shop_contracts.cart.api import Cart, Line
from shop_contracts.catalog.api import Product, ProductBatch, ProductBatchRequest
from shop_contracts.catalog.promotions import (
    CouponCheck,
    CouponDiscounts,
    CouponUseRequest,
    Discounts,
    LineDiscount,
    PriceRequest,
)
from shop_contracts.logistics.api import QuotedOption, QuoteRequest, Quotes
from shop_contracts.money import Money
from shop_contracts.order_taking.events import OrderPlaced
from shop_contracts.warehouse.api import Availability, AvailabilityList
from shop_order_taking.service import OrderTakingSettings, service
from shop_order_taking.tables import outbox
from sqlalchemy import select
from starlette.types import ASGIApp, Receive, Scope, Send

GUEST_CART = "a-guests-secret"
NEIGHBOURS = ("cart", "catalog", "warehouse", "logistics")


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"]


def address(**changes: str) -> dict[str, str]:
    return {
        "name": "Ann Example",
        "line1": "Coolsingel 40",
        "city": "Rotterdam",
        "postal_code": "3011 AD",
        "country": "NL",
    } | changes


def order(**changes: Any) -> dict[str, Any]:
    return {
        "cart_id": "me",
        "email": "ann@example.com",
        "shipping_address": address(),
        "shipping_option": "standard",
        "payment_method": "tok_visa",
    } | changes


@dataclass
class Neighbours:
    """What the four services know; each can be told to misbehave."""

    products: dict[UUID, Product] = field(default_factory=dict)
    stock: dict[UUID, int] = field(default_factory=dict)
    carts: dict[tuple[str, str], tuple[str, dict[UUID, int]]] = field(default_factory=dict)
    """By id and subject ("" for a guest's): etag and quantities."""
    promotion_off: int = 0
    """From the first line."""
    coupons: dict[str, int] = field(default_factory=dict)
    """What each takes off the first line."""
    held: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    options: dict[str, int] = field(default_factory=lambda: {"standard": 390, "express": 890})
    misbehave: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def sell(self, title: str, amount: int = 1000, **more: Any) -> UUID:
        """Puts a product on sale, with plenty of it in stock."""
        known: dict[str, Any] = {"currency": "EUR", "category": "home", "active": True, "stock": 99} | more
        id = next((each.id for each in self.products.values() if each.title == title), uuid4())
        self.products[id] = Product(
            id=id,
            sku=title.upper(),
            slug=title,
            title=title,
            category=known["category"],
            price=Money(amount=amount, currency=known["currency"]),
            active=known["active"],
            weight_grams=700,
            version=1,
            updated_at=utc_now(),
        )
        self.stock[id] = known["stock"]
        return id

    def fill(self, quantities: dict[UUID, int], cart_id: str = "me", subject: str = "ann") -> None:
        self.carts[cart_id, subject if cart_id == "me" else ""] = (f'"{uuid4()}"', quantities)

    def apps(self, settings: Callable[[str], Settings]) -> dict[str, ASGIApp]:
        routers = {name: APIRouter(dependencies=[Depends(self._before(name))]) for name in NEIGHBOURS}
        self._cart(routers["cart"])
        self._catalog(routers["catalog"])
        self._warehouse(routers["warehouse"])
        self._logistics(routers["logistics"])
        return {
            name: create_app(Service(name, routers=[router]), settings(name))
            for name, router in routers.items()
        }

    def _before(self, name: str) -> Callable[[], Awaitable[None]]:
        async def before() -> None:
            self.asked.append(name)
            if name in self.misbehave:
                await self.misbehave[name]()

        return before

    def _discount(self, amount: int, request: PriceRequest) -> list[LineDiscount]:
        first = request.lines[0]
        off = min(amount, first.unit_price.amount * first.quantity)
        discount = Money(amount=off, currency=first.unit_price.currency)
        return [LineDiscount(product_id=first.product_id, discount=discount)] if off else []

    def _cart(self, router: APIRouter) -> None:
        def key(cart_id: str, subject: str) -> tuple[str, str]:
            return cart_id, subject if cart_id == "me" else ""

        @router.get("/internal/carts/{cart_id}", dependencies=[internal("order-taking")])
        async def read(cart_id: str, subject: str) -> Cart:
            if (found := self.carts.get(key(cart_id, subject))) is None:
                raise Problem(404, "there is no such cart, or it has expired")
            etag, quantities = found
            lines = [
                # What cart shows is old: order-taking asks catalog itself.
                Line(product_id=id, title="old", quantity=quantity, unit_price=eur(1), total=eur(quantity))
                for id, quantity in quantities.items()
            ]
            return Cart(id=cart_id, lines=lines, etag=etag, as_of=utc_now(), expires_at=utc_now())

        @router.delete("/internal/carts/{cart_id}", status_code=204, dependencies=[internal("order-taking")])
        async def forget(cart_id: str, subject: str, etag: str) -> None:
            found = self.carts.get(key(cart_id, subject))
            if found is None:
                return
            if found[0] != etag:
                raise Problem(412, "the cart has changed")
            del self.carts[key(cart_id, subject)]

    def _catalog(self, router: APIRouter) -> None:
        @router.post("/products:batch")
        async def batch(request: ProductBatchRequest) -> ProductBatch:
            found = [self.products[id] for id in request.ids if id in self.products]
            return ProductBatch(items=found, missing=[id for id in request.ids if id not in self.products])

        @router.post("/promotions:price")
        async def price(request: PriceRequest) -> Discounts:
            off = self._discount(self.promotion_off, request)
            return Discounts(discounts=off, total=eur(sum(each.discount.amount for each in off)))

        @router.post("/coupons:check")
        async def check(request: CouponCheck) -> CouponDiscounts:
            code = request.code.upper()
            users = [id for id, (held, by) in self.held.items() if (held, by) == (code, request.subject)]
            if code not in self.coupons or set(users) - {request.order_id}:
                reason = "used-by-subject" if users else "unknown"
                raise Problem(422, f"{code} cannot be used", type="coupon-refused", reason=reason)
            off = self._discount(self.coupons[code], request)
            total = eur(sum(each.discount.amount for each in off))
            return CouponDiscounts(discounts=off, total=total, code=code)

        @router.put("/internal/coupon-uses/{order_id}", dependencies=[internal("order-taking")])
        async def use(order_id: UUID, request: CouponUseRequest) -> dict[str, Any]:
            assert not request.final
            wanted = (request.code, request.subject)
            if self.held.setdefault(order_id, wanted) != wanted:
                raise Problem(409, "the order uses another one", type="different-request")
            return {"order_id": order_id, "state": "held"}

    def _warehouse(self, router: APIRouter) -> None:
        @router.get("/availability")
        async def available(id: list[UUID] = Query()) -> AvailabilityList:  # noqa: B008
            items = [Availability(product_id=each, available=self.stock.get(each, 0)) for each in id]
            return AvailabilityList(items=items)

    def _logistics(self, router: APIRouter) -> None:
        @router.post("/quotes")
        async def quote(request: QuoteRequest) -> Quotes:
            if request.postal_code == "nowhere":
                raise Problem(422, "no carrier takes that to nowhere", type="not-deliverable")
            weight = sum(line.quantity * line.weight_grams for line in request.lines)
            today = utc_now().date()
            return Quotes(
                options=[
                    QuotedOption(
                        id=id,
                        title=id,
                        carrier="paketpost",
                        price=Money(amount=price + weight // 5000, currency=request.currency),
                        earliest=today,
                        latest=today,
                    )
                    for id, price in self.options.items()
                ]
            )


@dataclass
class Shop:
    """Order-taking as shoppers, administrators and the relay see it."""

    http: httpx.AsyncClient
    runtime: Runtime[OrderTakingSettings]
    bus: MemoryBus
    signer: Signer
    accounts: ServiceAccounts
    around: Neighbours

    def token(self, subject: str = "ann", scope: str = "shop") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    @property
    def admin(self) -> dict[str, str]:
        return self.token("boss", "order-taking:admin")

    async def preview(self, subject: str = "ann", **changes: Any) -> httpx.Response:
        wanted = {"cart_id": "me", "shipping_address": address()} | changes
        return await self.http.post("/orders:preview", json=wanted, headers=self.token(subject))

    async def order(self, key: str = "key-1", subject: str = "ann", **changes: Any) -> httpx.Response:
        headers = self.token(subject, "guest" if subject.startswith("guest:") else "shop")
        return await self.http.post(
            "/orders", json=order(**changes), headers=headers | {"Idempotency-Key": key}
        )

    async def events(self) -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(outbox.events).order_by(outbox.events.c.position))
            return [outbox.event(row) for row in rows.mappings()]

    async def placed(self) -> list[OrderPlaced]:
        return [OrderPlaced.model_validate(event.data) for event in await self.events()]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are the test runner's."""
        yield


@asynccontextmanager
async def serving(
    apps: dict[str, ASGIApp], *, names: Sequence[str] = NEIGHBOURS
) -> AsyncIterator[dict[str, str]]:
    """The applications behind one port of the loopback, each below its name; gives their URLs.

    They may come later: their settings need the URLs.
    """

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        name, _, rest = scope["path"][1:].partition("/")
        await apps[name](scope | {"path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(dispatch, log_config=None, timeout_graceful_shutdown=1, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.002)
    try:
        yield {name: f"http://127.0.0.1:{listener.getsockname()[1]}/{name}" for name in names}
    finally:
        server.should_exit = True
        await task


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


PATIENT = 60.0
"""Seconds for a neighbour that answers: a busy machine must not look like an outage."""


@pytest.fixture
def patience() -> dict[str, float]:
    """Seconds for each neighbour."""
    return dict.fromkeys(NEIGHBOURS, PATIENT)


@pytest.fixture
async def shop(
    database_url: str, tmp_path: Path, patience: dict[str, float], service_accounts: ServiceAccounts
) -> AsyncIterator[Shop]:
    signer, around, bus = Signer.generate(), Neighbours(), MemoryBus()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    await bus.ensure_stream("user", max_age=3600)

    def known(name: str, callers: list[str]) -> Path:
        return service_accounts.write_callers(tmp_path / "callers" / name, name, callers)

    def neighbour(name: str) -> Settings:
        return Settings(callers=known(name, ["order-taking"]), log_access=False)

    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(serving(around.apps(neighbour)))
        settings = OrderTakingSettings.model_validate(
            {f"{name}_url": url for name, url in urls.items()}
            | {f"{name}_timeout": seconds for name, seconds in patience.items()}
            | {
                "database_url": database_url,
                "auth_jwks": f"{tmp_path}/jwks.json",
                "callers": known("order-taking", ["user", "cart"]),
                "identity_tokens": service_accounts.write_tokens(
                    tmp_path / "identity", "order-taking", NEIGHBOURS
                ),
                "log_access": False,
                "request_timeout": 10 * PATIENT,
            }
        )
        app = create_app(service, settings, bus=bus)
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://order-taking")
        )
        yield Shop(http, app.state.runtime, bus, signer, service_accounts, around)
