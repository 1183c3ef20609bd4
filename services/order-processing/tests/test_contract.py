"""Against the neighbours themselves, and the test gateway behind payment: fails when a side drifts from the
contract between them.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from shop_catalog.service import service as catalog
from shop_chassis.client import BreakerPolicy, ClientMetrics, Policy, ServiceClient
from shop_chassis.events import Event, MemoryBus
from shop_chassis.identity import IdentityTokens
from shop_chassis.service import create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.store import Store, opened
from shop_contracts.logistics.events import ShipmentChanged
from shop_contracts.order_processing.api import OrderState, ReturnLine, ReturnRequest
from shop_logistics.service import LogisticsSettings
from shop_logistics.service import service as logistics
from shop_logistics.tables import outbox as parcels
from shop_order_processing.case import Case, cancel, request_return
from shop_order_processing.engine import LEASE_SECONDS
from shop_payment.service import service as payment
from shop_payment.settings import PaymentSettings
from shop_testgateway.service import service as gateway
from shop_testgateway.settings import TestGatewaySettings
from shop_warehouse.service import service as warehouse
from sqlalchemy import select

from .conftest import serving
from .neighbours import LAMP, World, placed
from .test_engine import Pod

HERE = {"state": "delivered"}
PATIENT = Policy(timeout=60, breaker=BreakerPolicy(minimum_calls=10**9))
"""Time flies here: a busy machine must not look like an outage."""
GATEWAY: dict[str, Any] = {"gateway_key": SecretStr("key"), "gateway_timeout": 30}
COUPON = {"title": "Ten off", "rule": {"type": "percentage", "percent": 10}, "limit": 1}


@dataclass
class Real:
    """Order-processing's engine among real neighbours."""

    pod: Pod
    admin: dict[str, httpx.AsyncClient]
    internal: dict[str, httpx.AsyncClient]
    parcels: Store

    async def place(self, **how: Any) -> UUID:
        order = placed(**how)
        if order.coupon:
            use = {"code": order.coupon, "subject": order.subject, "final": False}
            (
                await self.internal["catalog"].put(f"/internal/coupon-uses/{order.order_id}", json=use)
            ).raise_for_status()
        await self.pod.place(order)
        return order.order_id

    async def run(self, order: UUID, *, rests: OrderState | None = None) -> Case:
        """Until it is so, or nothing is left to do; what logistics tells is heard."""
        heard = 0
        while True:

            async def there() -> bool:
                return rests is not None and (await self.pod.orders.known(order)).state is rests

            await self.pod.run(order, there)
            events = await self._told()
            if len(events) == heard:
                return await self.pod.orders.known(order)
            handlers = {on.type: on.handler for on in self.pod.handlers.of_shipments}
            for event in events[heard:]:
                if event.type != "return.received":
                    ShipmentChanged.model_validate(event.data)
                async with self.pod.transaction() as session:
                    await handlers[event.type](session, event)
            heard = len(events)

    async def _told(self) -> list[Event]:
        async with self.parcels.session() as session:
            rows = await session.execute(select(parcels.events).order_by(parcels.events.c.position))
            return [parcels.event(row) for row in rows.mappings()]

    async def available(self) -> int:
        answer = await self.admin["warehouse"].get("/availability", params={"id": str(LAMP)})
        return int(answer.json()["items"][0]["available"])

    async def uses(self) -> list[str]:
        items = (await self.admin["catalog"].get("/admin/coupons/TEN/uses")).json()["items"]
        return [use["state"] for use in items]

    async def advance(self, order: UUID, *states: str) -> None:
        for state in states:
            path = f"/admin/shipments/{order}:advance"
            (await self.admin["logistics"].post(path, json={"state": state})).raise_for_status()


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[str]:
    """The test gateway, on a port."""
    settings = TestGatewaySettings(
        database_url=f"sqlite:///{folder}/gateway.db", gateway_key=GATEWAY["gateway_key"], log_access=False
    )
    app = create_app(gateway, settings)
    assert gateway.migrations is not None
    await gateway.migrations.upgrade(app.state.runtime.store, wait=10)
    async with app.router.lifespan_context(app), serving(app) as url:
        yield url


@pytest.fixture
async def real(tmp_path: Path, sqlite_url: str, service_accounts: ServiceAccounts) -> AsyncIterator[Real]:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    services: list[tuple[Any, Any]] = [
        (warehouse, Settings),
        (catalog, Settings),
        (logistics, LogisticsSettings),
        (payment, PaymentSettings),
    ]
    folder = service_accounts.write_tokens(
        tmp_path / "identity", "order-processing", [service.name for service, _ in services]
    )
    metrics = ClientMetrics(CollectorRegistry())
    admin, internal, callees, stores = {}, {}, {}, {}
    async with AsyncExitStack() as stack:
        gateway_url = await stack.enter_async_context(_gateway(tmp_path))
        for service, settings_of in services:
            name, bus = service.name, MemoryBus()
            for stream in ("user", "warehouse"):
                await bus.ensure_stream(stream, max_age=3600)
            settings = settings_of(
                database_url=f"sqlite:///{tmp_path}/{name}.db",
                auth_jwks=f"{tmp_path}/jwks.json",
                callers=service_accounts.write_callers(tmp_path / name, name, ["order-processing"]),
                log_access=False,
                request_timeout=60,  # a busy machine is no reason to fail
                **({"testgateway_url": gateway_url} | GATEWAY if service is payment else {}),
            )
            app = create_app(service, settings, bus=bus)
            await service.migrations.upgrade(app.state.runtime.store, wait=10)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            tokens = {"Authorization": f"Bearer {signer.token('boss', f'{name}:admin')}"}
            for made, headers in (
                (admin, tokens),
                (internal, service_accounts.headers("order-processing", name)),
            ):
                made[name] = await stack.enter_async_context(
                    httpx.AsyncClient(transport=transport, base_url=f"http://{name}", headers=headers)
                )
            identity = IdentityTokens(folder, name)
            callees[name] = ServiceClient(
                name,
                f"http://{name}",
                metrics=metrics,
                policy=PATIENT,
                transport=transport,
                identity=identity,
            )
            stores[name] = app.state.runtime.store
        place = {"title": "Rotterdam", "country": "NL"}
        (await admin["warehouse"].put("/admin/warehouses/rotterdam", json=place)).raise_for_status()
        goods = {"on_hand": 3}
        (await admin["warehouse"].put(f"/admin/stock/rotterdam/{LAMP}", json=goods)).raise_for_status()
        (await admin["catalog"].put("/admin/coupons/TEN", json=COUPON)).raise_for_status()

        own = Settings(database_url=sqlite_url)
        store = await stack.enter_async_context(opened(own, "order-processing"))
        pod = Pod(store, World())
        pod.engine._clients = callees
        yield Real(pod, admin, internal, stores["logistics"])


async def test_delivered_and_sent_back(real: Real) -> None:
    order = await real.place(lines={LAMP: 2}, coupon="TEN")
    case = await real.run(order)
    assert case.state is OrderState.SHIPPED
    assert case.warehouse == "rotterdam"
    assert case.shipment is not None
    assert case.shipment.tracking_number
    assert await real.uses() == ["final"]
    assert await real.available() == 1
    await real.advance(order, "in_transit", "delivered")
    assert (await real.run(order)).state is OrderState.DELIVERED

    wish = ReturnRequest(lines=[ReturnLine(product_id=LAMP, quantity=2)])
    async with real.pod.transaction() as session:
        await real.pod.orders.change(
            session, order, lambda case, now: request_return(case, uuid4(), wish, now)
        )
    case = await real.run(order)
    assert (case.returns[0].state, bool(case.returns[0].label_url)) == ("labelled", True)
    await real.admin["logistics"].post(f"/admin/returns/{case.returns[0].id}:advance", json=HERE)
    case = await real.run(order)
    assert (case.state, case.returns[0].state) == (OrderState.RETURNED, "refunded")
    assert await real.available() == 3


async def test_cancelled_after_payment(real: Real) -> None:
    order = await real.place(coupon="TEN")
    await real.run(order, rests=OrderState.CONFIRMED)
    async with real.pod.transaction() as session:
        await real.pod.orders.change(session, order, lambda case, now: cancel(case, "twice", now))
    case = await real.run(order)
    assert case.state is OrderState.CANCELLED
    assert case.payment is not None
    assert (case.payment.state, case.payment.refunded) == ("refunded", case.total)
    paid = (await real.internal["payment"].get(f"/internal/payments/{order}")).json()
    assert (paid["state"], paid["refunded"]) == ("refunded", case.total.model_dump())
    assert (await real.available(), await real.uses()) == (3, ["released"])


async def test_refused_and_undone(real: Real) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"lines": {LAMP: 4}}, "out-of-stock"),
        ({"country": "AQ"}, "not-deliverable"),
        ({"method": "tok_insufficient"}, "insufficient_funds"),
    ]
    for how, reason in refusals:
        order = await real.place(**how, coupon="TEN")
        case = await real.run(order)
        assert (case.state, case.reason) == (OrderState.CANCELLED, reason)
        assert await real.available() == 3
        assert set(await real.uses()) == {"released"}


async def test_what_has_left_stays_sent(real: Real) -> None:
    order = await real.place()
    await real.run(order, rests=OrderState.CONFIRMED)
    held = await real.pod.orders.take(1, worker="idle", lease=LEASE_SECONDS)
    assert held == []  # it is being packed
    await real.advance(order, "dispatched")
    async with real.pod.transaction() as session:
        await real.pod.orders.change(session, order, lambda case, now: cancel(case, "too late", now))
    case = await real.run(order)
    assert case.state is OrderState.SHIPPED
    assert case.cancellation is not None
    assert case.cancellation.refused == "already-dispatched"


async def test_tombstones_refuse_what_comes_late(real: Real) -> None:
    order = uuid4()
    for callee, method, path in (
        ("warehouse", "DELETE", f"/internal/reservations/{order}"),
        ("logistics", "DELETE", f"/internal/shipments/{order}"),
        ("payment", "POST", f"/internal/payments/{order}:void"),
    ):
        answer = await real.internal[callee].request(method, path)
        assert answer.status_code == 200, answer.text
    async with real.pod.store.transaction() as session:
        await real.pod.orders.place(session, placed(id=order))
    case = await real.run(order)
    assert (case.state, case.reason) == (OrderState.CANCELLED, "released")
