"""Everything that the shop holds about somebody: handed over, and forgotten."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from shop_chassis.client import ClientMetrics, Policy, ServiceClient
from shop_chassis.erasure import PersonalData, personal_data
from shop_chassis.identity import IdentityTokens
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_contracts.user.events import ERASED, MAIL_REQUESTED
from shop_user.personal import People
from shop_user.service import HOLDERS, UserSettings
from shop_user.sessions import Sessions
from shop_user.tables import ACCOUNT, ATTEMPTS, METADATA, OUTBOX
from sqlalchemy import delete, select

from .conftest import HOME, VISA

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""What the database decides is tested on each of them."""


def holder(name: str, callers: Path, held: dict[str, Any]) -> FastAPI:
    """A service that holds personal data, as the chassis makes one."""

    async def export(subject: str) -> dict[str, Any]:
        return held.get(subject, {})

    async def erase(_session: Any, _subject: str) -> None:
        raise AssertionError("only asked here")

    def setup(runtime: Runtime[Any]) -> None:
        runtime.provide(PersonalData(export, erase))

    return create_app(Service(name, routers=[personal_data("user")], setup=setup), Settings(callers=callers))


@pytest.fixture
def neighbours(shop: Any, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What others hold, by subject: cart answers, payment hangs, logistics fails, order-taking refuses."""
    accounts, held = shop.services, {"cart": {}, "order-taking": {}}
    tokens = accounts.write_tokens(
        tmp_path / "tokens", "user", ["cart", "payment", "logistics", "order-taking"]
    )
    apps = {
        name: holder(name, accounts.write_callers(tmp_path / name, name, callers), held[name])
        for name, callers in (("cart", ["user"]), ("order-taking", ["storefront"]))
    }
    apps["payment"], apps["logistics"] = FastAPI(), FastAPI()

    @apps["payment"].get("/internal/personal-data/{subject}")
    async def hang(subject: str) -> None:
        await asyncio.Event().wait()

    @apps["logistics"].get("/internal/personal-data/{subject}")
    async def fail(subject: str) -> None:
        raise RuntimeError("broken")

    metrics = ClientMetrics(CollectorRegistry())
    clients = {
        name: ServiceClient(
            name,
            f"http://{name}",
            metrics=metrics,
            policy=Policy(timeout=0.5),
            identity=IdentityTokens(tokens, name),
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        )
        for name, app in apps.items()
    }
    runtime = shop.runtime
    runtime.provide(People(runtime.store, runtime.get(Sessions), clients))
    return held


@both
async def test_an_export_holds_what_is_here_and_elsewhere_and_says_what_is_missing(
    shop: Any, neighbours: dict[str, dict[str, Any]]
) -> None:
    ann = await shop.shopper(name="Ann")
    await ann.http.post("/me/addresses", json={"address": HOME})
    await ann.http.post("/me/payment-methods", json=VISA)
    neighbours["cart"][ann.id] = {"lines": [{"title": "Lamp"}]}
    answer = await ann.http.get("/me/export")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    export = answer.json()
    assert export["subject"] == ann.id
    assert set(export["data"]) == {"user", "cart"}
    assert export["data"]["cart"] == {"lines": [{"title": "Lamp"}]}
    own = export["data"]["user"]
    assert [account["email"] for account in own["account"]] == ["ann@example.com"]
    assert [address["address"]["city"] for address in own["addresses"]] == ["Berlin"]
    assert [method["last4"] for method in own["payment_methods"]] == ["4242"]
    assert len(own["sessions"]) == 1
    assert {each["service"] for each in export["unanswered"]} == {"payment", "logistics", "order-taking"}
    assert all(each["reason"] for each in export["unanswered"])
    assert not re.search(r"argon2|tok_visa|password", answer.text)


async def test_a_guest_can_ask_too(shop: Any, neighbours: dict[str, dict[str, Any]]) -> None:
    guest = (await shop.http.post("/guests")).json()
    neighbours["cart"][guest["subject"]] = {"lines": []}
    export = (await shop.client(guest["access_token"]).get("/me/export")).json()
    assert export["data"]["cart"] == {"lines": []}
    assert len(export["data"]["user"]["sessions"]) == 1


def test_every_holder_has_a_setting() -> None:
    assert {f"{name.replace('-', '_')}_url" for name in HOLDERS} <= set(UserSettings.model_fields)


async def everything(shop: Any) -> str:
    """All that is stored, apart from mails that are still to be sent."""
    async with shop.runtime.store.session() as session:
        tables = [table for table in METADATA.sorted_tables if table is not OUTBOX.events]
        rows = [(await session.execute(select(table))).all() for table in tables]
        told = await session.execute(
            select(OUTBOX.events).where(
                (OUTBOX.events.c.type != MAIL_REQUESTED) | OUTBOX.events.c.published_at.is_not(None)
            )
        )
        return str([*rows, told.all()])


@both
async def test_who_goes_is_forgotten_and_can_come_back(shop: Any) -> None:
    ann = await shop.shopper("ann@example.com", name="Ann Example")
    await ann.http.post("/me/addresses", json={"address": HOME})
    await ann.http.post("/me/payment-methods", json=VISA)
    await shop.http.post("/password-reset", json={"email": "ann@example.com"})
    reset = (await shop.mails("ann@example.com"))[-1].data["token"]
    async with asyncio.timeout(20):
        while "published_at=None" in await unpublished(shop):
            await asyncio.sleep(0.02)
    assert (await ann.http.delete("/me")).status_code == 204
    left = await everything(shop)
    for trace in ("ann@example.com", "Ann Example", "Lindenallee", "tok_visa", "argon2"):
        assert trace not in left, trace
    [erased] = await shop.events(ERASED)
    assert (erased.subject, erased.data["subject"]) == (ann.id, ann.id)
    assert (await shop.revoked())[-1].subject == ann.id
    assert (await shop.refresh(ann.tokens["refresh_token"])).status_code == 401
    assert (await shop.login()).status_code == 401
    new = {"token": reset, "password": "another long password"}
    assert (await shop.http.post("/password-reset:confirm", json=new)).status_code == 422
    # The account is not there; and as soon as the event is round, the token is refused.
    assert (await ann.http.get("/me")).status_code in (401, 404)
    assert (await ann.http.delete("/me")).status_code in (401, 404)
    assert len(await shop.events(ERASED)) == 1
    async with shop.runtime.store.transaction() as session:
        await session.execute(delete(ATTEMPTS))
    again = await shop.shopper("ann@example.com")
    assert again.id != ann.id
    assert (await again.http.get("/me/addresses")).json() == {"items": []}


async def unpublished(shop: Any) -> str:
    async with shop.runtime.store.session() as session:
        rows = await session.execute(select(OUTBOX.events.c.published_at))
        return str([f"published_at={row.published_at}" for row in rows])


@both
async def test_erasing_signing_in_and_resetting_at_once_leaves_nobody_signed_in(shop: Any) -> None:
    """No deadlock, whatever meets whatever; and one erasure, after which nobody is in."""
    for number in range(3):
        email = f"ann{number}@example.com"
        ann = await shop.shopper(email)
        await shop.http.post("/password-reset", json={"email": email})
        reset = (await shop.mails(email))[-1].data["token"]
        calls = [
            shop.http.post("/password-reset", json={"email": email}),
            ann.http.delete("/me"),
            shop.login(email),
            shop.http.post("/password-reset", json={"email": email}),
            shop.http.post("/password-reset:confirm", json={"token": reset, "password": "another long one"}),
            shop.refresh(ann.tokens["refresh_token"]),
            ann.http.delete("/me"),
            shop.http.post("/register", json={"email": email, "password": "another long one"}),
        ]
        answers = await asyncio.gather(*calls)
        assert max(answer.status_code for answer in answers) < 500
        assert len(await shop.events(ERASED)) == number + 1
        for answer in answers:
            if answer.status_code == 200:
                assert (await shop.refresh(answer.json()["refresh_token"])).status_code == 401
    async with shop.runtime.store.session() as session:
        assert set((await session.execute(select(ACCOUNT.c.email))).scalars()) == {None}


async def test_a_guest_goes(shop: Any) -> None:
    guest = (await shop.http.post("/guests")).json()
    assert (await shop.client(guest["access_token"]).delete("/me")).status_code == 204
    [erased] = await shop.events(ERASED)
    assert erased.subject == guest["subject"]
    assert (await shop.refresh(guest["refresh_token"])).status_code == 401
