"""A person's data: shown to the service that may ask, gone with its effect recorded once the event comes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.events import Event, Events, Inbox, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.store import Store
from sqlalchemy import Column, MetaData, String, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

METADATA = MetaData()
INBOX = Inbox(METADATA)
NOTES = Table("note", METADATA, Column("subject", String(128)), Column("text", String(64)))


def setup(runtime: Runtime[Any]) -> None:
    async def export(subject: str) -> dict[str, Any]:
        async with runtime.store.session() as session:
            rows = await session.execute(select(NOTES.c.text).where(NOTES.c.subject == subject))
            notes = list(rows.scalars())
        return {"notes": notes} if notes else {}

    async def erase(session: AsyncSession, subject: str) -> None:
        await session.execute(delete(NOTES).where(NOTES.c.subject == subject))

    personal = PersonalData(export, erase)
    runtime.provide(personal)
    personal.follow(Events(runtime, "notes"), INBOX)


SERVICE = Service("notes", routers=[personal_data("user")], setup=setup)


@pytest.fixture
async def bus() -> MemoryBus:
    made = MemoryBus()
    await made.ensure_stream("user", max_age=3600)
    return made


@pytest.fixture
async def client(
    client_of: Any, bus: MemoryBus, service_accounts: ServiceAccounts, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    callers = service_accounts.write_callers(tmp_path / "callers", "notes", ["user", "cart"])
    settings = Settings(callers=callers, database_url=f"sqlite:///{tmp_path}/notes.sqlite3")
    store = Store(settings, "notes")
    async with store.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        for subject in ("ann", "ann", "ben"):
            await connection.execute(NOTES.insert().values(subject=subject, text=f"hello {subject}"))
    await store.stop()
    async with client_of(SERVICE, settings, bus=bus) as client:
        yield client


async def test_a_persons_data_is_shown_and_then_gone_and_anothers_stays(
    client: httpx.AsyncClient, bus: MemoryBus, service_accounts: ServiceAccounts
) -> None:
    async def held(subject: str) -> Any:
        answer = await client.get(
            f"/internal/personal-data/{subject}", headers=service_accounts.headers("user", "notes")
        )
        assert answer.status_code == 200
        return answer.json()

    assert await held("ann") == {"notes": ["hello ann", "hello ann"]}
    assert await held("nobody") == {}
    gone = Event(source="/user", type="erased", subject="ann", sequence=3, data={})
    for message_id in ("once", "again"):
        await bus.publish(gone.topic, gone.encode(), message_id=message_id)
    async with asyncio.timeout(60):
        while await held("ann"):
            await asyncio.sleep(0.01)
    assert await held("ben") == {"notes": ["hello ben"]}


async def test_nobody_else_may_ask(
    client: httpx.AsyncClient, service_accounts: ServiceAccounts, signer: Signer
) -> None:
    path = "/internal/personal-data/ann"
    assert (await client.get(path)).status_code == 401
    user = {"Authorization": f"Bearer {signer.token('ann', 'shop')}"}
    assert (await client.get(path, headers=user)).status_code == 401
    cart = service_accounts.headers("cart", "notes")
    assert (await client.get(path, headers=cart)).status_code == 403
