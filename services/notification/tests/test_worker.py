"""The worker as a process of its own, on NATS and PostgreSQL, killed and started again."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from shop_chassis.command import main
from shop_chassis.events import Event
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.testing.servers import NatsServer, free_ports
from shop_contracts.notification.api import Channels, Kinds, Preferences
from shop_mailbox.post import Post
from shop_mailbox.server import MailServer
from shop_notification.service import service
from shop_notification.tables import DELIVERY, INBOX_ENTRY, PERSON, PREFERENCE
from sqlalchemy import select

from .occasions import price_drop


async def until(condition: Any, seconds: float = 100) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


class Worker:
    """`python -m shop_notification serve`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_ports(1)[0]
        self.environment = os.environ | environment | {"PORT": str(self.port), "LISTEN_ADDRESS": "127.0.0.1"}
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "shop_notification", "serve"]
            self.process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out)

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
            return str(answer.read().decode())

    async def ready(self) -> bool:
        with suppress(OSError):
            await asyncio.to_thread(self.get, "/readyz")
            return True
        return False


@pytest.fixture
async def environment(postgres_url: str, nats_server: NatsServer) -> dict[str, str]:
    return {"DATABASE_URL": postgres_url, "EVENTS_URL": nats_server.url, "DRAIN_SECONDS": "0"}


@pytest.fixture
async def store(environment: dict[str, str]) -> AsyncIterator[Store]:
    store = Store(Settings(database_url=environment["DATABASE_URL"]), "notification")
    assert service.migrations
    await service.migrations.upgrade(store, wait=10)
    yield store
    await store.stop()


@pytest.fixture
def worker(environment: dict[str, str], store: Store, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(environment, tmp_path / "worker.log")
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[NatsBus]:
    bus = NatsBus(nats_server.url, name="wishlist")
    await bus.start()
    await bus.ensure_stream("wishlist", max_age=3600)
    yield bus
    await bus.stop()


async def rows_of(store: Store, table: Any) -> list[Any]:
    async with store.session() as session:
        return list((await session.execute(select(table))).all())


async def send(bus: NatsBus, event: Event, copy: str = "") -> None:
    await bus.publish(event.topic, event.encode(), message_id=event.id + copy)


@pytest.mark.nats
@pytest.mark.postgres
async def test_each_watcher_gets_one_mail_and_one_entry_while_workers_and_broker_are_killed(
    environment: dict[str, str], store: Store, bus: NatsBus, nats_server: NatsServer, tmp_path: Path
) -> None:
    post = Post()
    mailer = MailServer(post, "127.0.0.1", 0)
    await mailer.start()
    more = {
        "SMTP_URL": f"smtp://127.0.0.1:{mailer.port}",
        "LEASE_SECONDS": "5",
        "MAILS_PER_DAY": "1000",
        "WEBHOOK_SECRET": "whsec",
    }
    workers = [Worker(environment | more, tmp_path / f"worker-{number}.log") for number in (1, 2)]
    watchers = [str(UUID(int=number, version=4)) for number in range(1, 21)]
    for watcher in watchers:
        await know(store, watcher)
    drops = [price_drop(watcher, number) for number in range(1, 8) for watcher in watchers]

    async def publish() -> None:
        for number, event in enumerate(drops):
            for copy in ("", "-again") if number % 4 == 0 else ("",):
                while True:
                    try:
                        await send(bus, event, copy)
                        break
                    except Exception:  # the broker is down: the relay of a real publisher tries again, too
                        await asyncio.sleep(0.1)

    async def arrived(count: int) -> None:
        async def enough() -> bool:
            return len(post.mails) >= count

        await until(enough)

    async def over() -> bool:
        rows = await rows_of(store, DELIVERY)
        return len(rows) == len(drops) and all(row.due_at is None for row in rows)

    first, second = workers
    try:
        first.start()
        second.start()
        publishing = asyncio.create_task(publish())
        await arrived(15)
        first.end(signal.SIGKILL)
        await arrived(30)
        nats_server.kill()
        first.start()
        nats_server.start()
        await arrived(60)
        second.end(signal.SIGKILL)
        nats_server.kill()
        nats_server.start()
        second.start()
        await publishing
        await until(over)
        assert first.end(signal.SIGTERM) == 0
    finally:
        for worker in workers:
            worker.end(signal.SIGKILL)
        await mailer.stop()
    entries = await rows_of(store, INBOX_ENTRY)
    assert sorted(each.subject for each in entries) == sorted(watchers * 7)
    mailed = [mail.message_id for mail in post.mails]
    assert len(set(mailed)) == len(mailed), "a mail was sent twice"
    for row in await rows_of(store, DELIVERY):
        # A worker that was killed within the moment between a mail's end and its answer leaves it unknown.
        assert row.state in ("sent", "unknown")
        assert row.state == "unknown" or any(str(row.id) in each for each in mailed)


async def know(store: Store, subject: str) -> None:
    """Somebody wants mails and entries about prices."""
    wanted = Preferences(channels=Channels(email=Kinds(price_drop=True), inbox=Kinds(price_drop=True)))
    now = datetime.now(UTC)
    person = {
        "subject": subject,
        "email": f"{subject}@mail.example",
        "name": "",
        "preferences": {},
        "orders": 0,
    }
    chosen = {"subject": subject, "document": wanted.model_dump(mode="json"), "version": 1, "updated_at": now}
    async with store.transaction() as session:
        await session.execute(PERSON.insert().values(person))
        await session.execute(PREFERENCE.insert().values(chosen))


@pytest.mark.nats
@pytest.mark.postgres
async def test_an_idle_worker_costs_next_to_nothing(worker: Worker) -> None:
    worker.start()
    await until(worker.ready)
    assert worker.process is not None
    stat = Path(f"/proc/{worker.process.pid}/stat")

    def cpu_seconds() -> float:
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    await asyncio.sleep(2)  # the start is not what is measured
    before = cpu_seconds()
    await asyncio.sleep(10)
    assert cpu_seconds() - before < 0.1


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_migrations_lead_to_the_tables(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = (
        f"sqlite:///{tmp_path}/n.sqlite" if database == "sqlite" else request.getfixturevalue("postgres_url")
    )
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(service, ["migrate"]) == 0
    assert main(service, ["migrate"]) == 0
    store = Store(Settings(database_url=url), "notification")

    async def differences() -> list[Any]:
        assert service.migrations
        return await service.migrations.differences(store)

    assert asyncio.run(differences()) == []
