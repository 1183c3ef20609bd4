import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from shop_chassis.client.errors import NotFound, Unreachable
from shop_chassis.events import Event, MemoryBus
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.notification.api import SIGNATURE_HEADER
from shop_contracts.notification.events import WORK_DUE, WorkDue
from shop_contracts.signature import sign
from shop_contracts.user import api as user
from shop_mailbox.post import Fault, Mail, Post
from shop_mailbox.server import MailServer
from shop_notification.people import People
from shop_notification.service import service
from shop_notification.settings import NotificationSettings
from shop_notification.tables import DELIVERY, INBOX_ENTRY, MESSAGE, OUTBOX
from shop_notification.unread import Watchers
from sqlalchemy import Table, select, update

from .occasions import order_event, price_drop

SECRET = "whsec"
STREAMS = ("order-processing", "user", "wishlist", "notification")


class Users:
    """The user service, as notification asks it."""

    def __init__(self) -> None:
        self.known: dict[UUID, user.User] = {}
        self.down = False
        self.asked = 0

    def add(self, name: str = "Ann Example", **preferences: Any) -> str:
        id = uuid4()
        self.known[id] = user.User(
            id=id,
            email=f"{id.hex[:12]}@shop.example",
            name=name,
            locked=False,
            preferences=user.Preferences(**preferences),
        )
        return str(id)

    def email(self, subject: str) -> str:
        return self.known[UUID(subject)].email

    async def call(self, method: str, route: str, *, path: dict[str, UUID], into: type[Any]) -> user.User:
        self.asked += 1
        if self.down:
            raise Unreachable("user", route, "no connection")
        if (found := self.known.get(path["id"])) is None:
            raise NotFound("user", route, 404, {})
        return found


@dataclass
class Shop:
    """Notification as others see it, and the mailbox that its mails go to."""

    http: httpx.AsyncClient
    runtime: Runtime[NotificationSettings]
    bus: MemoryBus
    signer: Signer
    services: ServiceAccounts
    post: Post
    users: Users
    app: Any
    _sequence: int = field(default=0)

    def headers(self, subject: str, scope: str = "shop") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.signer.token(subject, scope)}"}

    @property
    def admin(self) -> dict[str, str]:
        return self.headers("boss", "notification:admin")

    async def tell(self, event: Event) -> Event:
        """Another service publishes an event."""
        await self.bus.publish(event.topic, event.encode(), message_id=event.id)
        return event

    async def drop(self, subject: str, **changes: Any) -> Event:
        self._sequence += 1
        return await self.tell(price_drop(subject, self._sequence, **changes))

    async def order(self, type: str, subject: str, email: str, **changes: Any) -> Event:
        self._sequence += 1
        return await self.tell(order_event(type, subject, email, self._sequence, **changes))

    async def rows(self, table: Table, *where: Any) -> list[Any]:
        async with self.runtime.store.session() as session:
            return list((await session.execute(select(table).where(*where))).all())

    async def settled(self) -> None:
        """Everything that was told is decided, and what is due now is sent or failed."""

        async def nothing_left() -> bool:
            if any(self.bus._streams[stream].durables["notification"].pending for stream in STREAMS):
                return False
            now = datetime.now(UTC) + timedelta(seconds=0.5)
            waiting = await self.rows(MESSAGE, MESSAGE.c.due_at.is_not(None))
            due = await self.rows(DELIVERY, DELIVERY.c.due_at <= now)
            sending = await self.rows(DELIVERY, DELIVERY.c.state == "sending")
            return not (waiting or due or sending)

        await until(nothing_left)

    async def states(self, subject: str) -> dict[str, str]:
        """Of the only message to somebody, by channel."""
        return {row.channel: row.state for row in await self.rows(DELIVERY, DELIVERY.c.subject == subject)}

    async def inbox(self, subject: str) -> list[Any]:
        return await self.rows(INBOX_ENTRY, INBOX_ENTRY.c.subject == subject)

    def mails(self, address: str) -> list[Mail]:
        return list(self.post.mails_to(address))

    def fail(self, stage: str, how: str = "cut", **more: Any) -> None:
        self.post.faults.append(Fault.model_validate({"stage": stage, "how": how, **more}))

    async def make_due(self, table: Table = DELIVERY) -> None:
        """What waits for later is due now, as if that time had come."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        async with self.runtime.store.transaction() as session:
            await session.execute(update(table).where(table.c.due_at.is_not(None)).values(due_at=past))
        await self.wake()

    async def wake(self) -> None:
        async with self.runtime.store.transaction() as session:
            await OUTBOX.add(session, WORK_DUE, subject="work", data=WorkDue())

    async def prefers(self, subject: str, **wanted: Any) -> None:
        """Somebody sets their preferences."""
        mine = self.headers(subject)
        tag = (await self.http.get("/preferences", headers=mine)).headers["ETag"]
        answer = await self.http.put("/preferences", json=wanted, headers={**mine, "If-Match": tag})
        assert answer.status_code == 200, answer.text

    async def report(self, **said: Any) -> httpx.Response:
        """The mail provider says what became of a mail."""
        body = json.dumps(said).encode()
        signed = {SIGNATURE_HEADER: sign(SECRET, int(time.time()), body)}
        return await self.http.post("/webhooks/bounces", content=body, headers=signed)


def ending_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream of unread counts goes on as long as the token is good: here it ends at once."""

    async def once(self: Watchers, subject: str, until: float) -> AsyncIterator[str]:
        yield "event: unread\ndata: 0\n\n"

    monkeypatch.setattr(Watchers, "events", once)


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, request.param, tmp_path)


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database decides; its statements are tried on both by other tests."""


@asynccontextmanager
async def opened(
    database_url: str, folder: Path, services: ServiceAccounts, **settings: Any
) -> AsyncIterator[Shop]:
    """The service, its worker, a mail server and a user service."""
    post, users, signer = Post(), Users(), Signer.generate()
    (folder / "jwks.json").write_text(signer.jwks)
    async with AsyncExitStack() as stack:
        mailer = MailServer(post, "127.0.0.1", 0)
        await mailer.start()
        stack.push_async_callback(mailer.stop)
        given = {
            "smtp_url": f"smtp://127.0.0.1:{mailer.port}",
            "webhook_secret": SECRET,
            "storefront_url": "https://shop.example",
            "request_timeout": 60,
            "database_url": database_url,
            "auth_jwks": f"{folder}/jwks.json",
            "callers": services.write_callers(folder / "callers", "notification", ["user"]),
            "log_access": False,
        }
        bus = MemoryBus()
        for stream in STREAMS:
            await bus.ensure_stream(stream, max_age=60)
        app = create_app(service, NotificationSettings.model_validate(given | settings), bus=bus)
        app.state.runtime.get(People)._user = users
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notification")
        )
        yield Shop(http, app.state.runtime, bus, signer, services, post, users, app)


@pytest.fixture
def options() -> dict[str, Any]:
    """Settings that a test has otherwise."""
    return {}


@pytest.fixture
async def shop(
    database_url: str, tmp_path: Path, service_accounts: ServiceAccounts, options: dict[str, Any]
) -> AsyncIterator[Shop]:
    async with opened(database_url, tmp_path, service_accounts, **options) as shop:
        yield shop
