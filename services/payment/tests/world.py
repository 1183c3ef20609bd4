"""What several tests of payment need: a request, and what must hold whatever has happened."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import uvicorn
from shop_chassis.service import Service
from shop_chassis.store import Store, opened
from shop_payment.books import Books
from shop_payment.service import assemble, service
from shop_payment.settings import PaymentSettings
from shop_payment.tables import AttemptRow, EntryRow, PaymentRow
from sqlalchemy import func, select
from starlette.types import ASGIApp

from .gateway_in_memory import ModelGateway


def wish(method: str = "tok_visa", amount: int = 5900) -> dict[str, Any]:
    """An authorisation."""
    return {
        "amount": {"amount": amount, "currency": "EUR"},
        "method": method,
        "customer": "ann",
        "description": "Order 1",
        "tax": {"amount": 942, "currency": "EUR"},
        "shipping": {"amount": 490, "currency": "EUR"},
    }


async def check_books(store: Store) -> None:
    """What must hold whatever has happened."""
    entry: Any = EntryRow
    attempt: Any = AttemptRow
    async with store.session() as session:
        unequal = (
            select(entry.posting_id)
            .group_by(entry.posting_id, entry.currency)
            .having(func.sum(entry.amount) != 0)
        )
        assert (await session.execute(unequal)).all() == []
        payments = (await session.execute(select(PaymentRow))).scalars().all()
        refunds = (await session.execute(select(AttemptRow).where(attempt.kind == "refund"))).scalars().all()
    currencies: dict[str, str] = {payment.order_id: payment.currency for payment in payments}
    balances = {(b.currency, b.account): b.amount for b in (await Books(store).balances()).items}
    for currency in set(currencies.values()):
        own = [payment for payment in payments if payment.currency == currency]
        assert sum(amount for (of, _), amount in balances.items() if of == currency) == 0
        assert all(0 <= payment.refunded <= payment.captured <= payment.amount for payment in own)
        taken = sum(payment.captured - payment.refunded for payment in own)
        gateways = sum(
            a for (of, account), a in balances.items() if of == currency and account[:8] == "gateway:"
        )
        assert gateways + balances.get((currency, "fees"), 0) == taken
        owed = sum(r.amount for r in refunds if currencies[r.order_id] == currency and r.state == "open")
        assert balances.get((currency, "customers"), 0) == -owed
        given = sum(r.amount for r in refunds if currencies[r.order_id] == currency and r.state != "refused")
        assert balances.get((currency, "refunds"), 0) == given


async def migrated(url: str) -> None:
    assert service.migrations is not None
    async with opened(PaymentSettings(database_url=url), "payment") as store:
        await service.migrations.upgrade(store, wait=10)


def with_a_gateway() -> Service:
    """Payment before a gateway in memory."""
    return replace(service, setup=lambda runtime: assemble(runtime, {"test": ModelGateway()}))


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, lifespan="on"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await task
