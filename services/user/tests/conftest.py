"""The user service as its callers and the relay see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from shop_chassis.events import Event
from shop_chassis.runtime import Runtime
from shop_chassis.service import create_app
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.databases import Migrated
from shop_contracts.user import events as told
from shop_user import api_services
from shop_user.passwords import Passwords
from shop_user.service import UserSettings, service
from shop_user.tables import OUTBOX
from sqlalchemy import select

CHEAP_KIB = 64
PASSWORD = "correct horse battery"
HOME = {
    "name": "Ann Example",
    "line1": "Lindenallee 12",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
    "phone": "+49 30 901820",
}
VISA = {"gateway": "test", "token": "tok_visa", "brand": "visa", "last4": "4242", "expires": "2030-12"}
CALLERS = [*api_services.CALLERS, "storefront", "cart"]


@dataclass
class Shopper:
    """Somebody who is signed in."""

    http: httpx.AsyncClient
    """Sends the access token."""
    email: str
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.tokens["subject"])


@dataclass
class Shop:
    """What a test drives."""

    http: httpx.AsyncClient
    runtime: Runtime[UserSettings]
    signer: Signer
    services: ServiceAccounts
    app: Any

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://user", headers=headers
        )

    def admin(self) -> httpx.AsyncClient:
        return self.client(self.signer.token("0198f0a0-0000-7000-8000-0000000000ad", "shop user:admin"))

    async def events(self, type: str | None = None) -> list[Event]:
        async with self.runtime.store.session() as session:
            rows = await session.execute(select(OUTBOX.events).order_by(OUTBOX.events.c.position))
            found = [OUTBOX.event(row) for row in rows.mappings()]
        return [event for event in found if type in (None, event.type)]

    async def mails(self, to: str) -> list[told.MailRequested]:
        mails = [told.MailRequested(**event.data) for event in await self.events(told.MAIL_REQUESTED)]
        return [mail for mail in mails if mail.to == to]

    async def revoked(self) -> list[told.SessionRevoked]:
        return [told.SessionRevoked(**event.data) for event in await self.events(told.SESSION_REVOKED)]

    async def register(self, email: str, password: str = PASSWORD, **more: str) -> str:
        """The token of the mail."""
        body = {"email": email, "password": password, **more}
        answer = await self.http.post("/register", json=body)
        assert answer.status_code == 202, answer.text
        return (await self.mails(email))[-1].data["token"]

    async def account(self, email: str = "ann@example.com", password: str = PASSWORD, **more: str) -> None:
        token = await self.register(email, password, **more)
        answer = await self.http.post("/verify", json={"token": token})
        assert answer.status_code == 204, answer.text

    async def login(self, email: str = "ann@example.com", password: str = PASSWORD) -> httpx.Response:
        return await self.http.post("/login", json={"email": email, "password": password})

    async def shopper(self, email: str = "ann@example.com", **more: str) -> Shopper:
        """Registers, verifies and signs in."""
        await self.account(email, **more)
        return await self.signed_in(email)

    async def signed_in(self, email: str = "ann@example.com", password: str = PASSWORD) -> Shopper:
        answer = await self.login(email, password)
        assert answer.status_code == 200, answer.text
        return Shopper(self.client(answer.json()["access_token"]), email, answer.json())

    async def refresh(self, token: str) -> httpx.Response:
        return await self.http.post("/refresh", json={"refresh_token": token})

    def caller(self, name: str) -> dict[str, str]:
        return self.services.headers(name, "user")


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test asks for another one."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def database_url(database: str, migrated: Migrated, tmp_path: Path) -> str:
    return migrated(service, "postgres" if database == "postgres" else "sqlite", tmp_path)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, services: ServiceAccounts) -> UserSettings:
    signer = Signer.generate()
    (tmp_path / "jwks.json").write_text(signer.jwks)
    (tmp_path / "private.pem").write_text(signer.pem)
    return UserSettings(
        database_url=database_url,
        auth_jwks=f"{tmp_path}/jwks.json",
        auth_private_key=tmp_path / "private.pem",
        callers=services.write_callers(tmp_path / "callers", "user", CALLERS),
        log_access=False,
        request_timeout=60,  # tests run beside others
    )


@pytest.fixture
def services() -> ServiceAccounts:
    return ServiceAccounts()


@pytest.fixture
async def shop(
    settings: UserSettings, services: ServiceAccounts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    # What passwords cost is the subject of tests/test_passwords.py alone.
    monkeypatch.setattr("shop_user.service.Passwords", partial(Passwords, memory_kib=CHEAP_KIB))
    app = create_app(service, settings)
    assert settings.auth_private_key is not None
    signer = Signer(settings.auth_private_key.read_text())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://user") as http,
    ):
        yield Shop(http, app.state.runtime, signer, services, app)
