"""Order-processing as in a pod, with its neighbours on a socket of the loopback and a bus that all share."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import BaseModel
from shop_chassis.events import Event, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.order_processing.api import Order, OrderState
from shop_contracts.order_taking.events import ORDER_PLACED, OrderPlaced
from shop_order_processing.service import NEIGHBOURS, OrderProcessingSettings, service
from shop_order_processing.tables import outbox
from sqlalchemy import select
from starlette.types import ASGIApp

from .neighbours import World, placed

STREAMS = ("order-taking", "payment", "logistics", "user")


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
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a port of the loopback; gives its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, lifespan="off"))
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
class Shop:
    """What a test drives."""

    http: httpx.AsyncClient
    """Nobody in particular."""
    admin: httpx.AsyncClient
    user: httpx.AsyncClient
    """The service `user`."""
    runtime: Runtime[OrderProcessingSettings]
    bus: MemoryBus
    world: World
    signer: Signer
    accounts: ServiceAccounts

    def token(self, subject: str = "ann", scope: str = "shop") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    async def tell(self, stream: str, type: str, subject: str, data: BaseModel) -> None:
        event = Event(
            source=f"/{stream}", type=type, subject=subject, sequence=1, data=data.model_dump(mode="json")
        )
        await self.bus.publish(event.topic, event.encode(), message_id=event.id)

    async def place(self, order: OrderPlaced) -> str:
        await self.tell("order-taking", ORDER_PLACED, str(order.order_id), order)
        return str(order.order_id)

    async def order(self, id: str) -> Order | None:
        answer = await self.admin.get(f"/admin/orders/{id}")
        return Order.model_validate_json(answer.content) if answer.status_code == 200 else None

    async def until(self, id: str, what: Callable[[Order], bool] | OrderState) -> Order:
        """Waits until the order is so."""
        found: Order | None = None
        try:
            async with asyncio.timeout(30):
                while True:
                    found = await self.order(id)
                    if found and (found.state is what if isinstance(what, OrderState) else what(found)):
                        return found
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"waited in vain: {found}") from None

    async def wait(self, what: Callable[[], bool]) -> None:
        """Until it is so."""
        async with asyncio.timeout(30):
            while not what():
                await asyncio.sleep(0.01)

    async def delivered(self, **how: Any) -> str:
        """A new order that has arrived."""
        id = await self.place(placed(**how))
        await self.until(id, OrderState.CONFIRMED)
        for state in ("dispatched", "delivered"):
            self.world.carry(id, state)
        await self.until(id, OrderState.DELIVERED)
        return id

    async def events(self, id: str) -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(
                select(outbox.events).where(outbox.events.c.subject == id).order_by(outbox.events.c.position)
            )
            return [outbox.event(row) for row in rows.mappings()]

    async def pump(self) -> None:
        """Publishes what the neighbours tell."""
        while True:
            while self.world.told:
                stream, type, data = self.world.told.pop(0)
                await self.tell(stream, type, "order", data)
            await asyncio.sleep(0.01)


@pytest.fixture
def sqlite_url(migrated: Migrated, tmp_path: Path) -> str:
    """With the schema, as are all of these."""
    return migrated(service, "sqlite", tmp_path)


@pytest.fixture
def migrated_postgres_url(migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, "postgres", tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


@pytest.fixture
def pack_seconds() -> float:
    """Long: what a test wants sent, it sends."""
    return 3600.0


@pytest.fixture
async def shop(
    database_url: str, pack_seconds: float, tmp_path: Path, service_accounts: ServiceAccounts
) -> AsyncIterator[Shop]:
    signer, world, bus = Signer.generate(), World(), MemoryBus()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    for stream in STREAMS:
        await bus.ensure_stream(stream, max_age=3600)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(world.app()))
        settings = OrderProcessingSettings(
            database_url=database_url,
            auth_jwks=f"{tmp_path}/jwks.json",
            callers=service_accounts.write_callers(
                tmp_path / "callers", "order-processing", ["user", "cart"]
            ),
            log_access=False,
            request_timeout=60,  # a busy machine is no reason to fail
            pack_seconds=pack_seconds,
            **{f"{name}_url": f"{url}/{name}" for name in NEIGHBOURS},  # type: ignore[arg-type]
        )
        app = create_app(service, settings, bus=bus)
        runtime: Runtime[OrderProcessingSettings] = app.state.runtime
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        admin = {"Authorization": f"Bearer {signer.token('boss', 'order-processing:admin')}"}
        as_user = {"Authorization": f"Bearer {service_accounts.token('user', 'order-processing')}"}
        http, admins, user = [
            await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://order-processing", headers=headers)
            )
            for headers in ({}, admin, as_user)
        ]
        shop = Shop(http, admins, user, runtime, bus, world, signer, service_accounts)
        pump = asyncio.create_task(shop.pump())
        yield shop
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump
