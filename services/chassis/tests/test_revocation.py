"""Sessions that have ended: which tokens that refuses, and which it does not."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter
from shop_chassis.auth import Principal, require
from shop_chassis.events import Event, MemoryBus
from shop_chassis.revocation import WINDOW, Revocations, Revoked
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.testing.clock import Clock

router = APIRouter()


@router.get("/me")
async def me(user: Annotated[Principal, require()]) -> str:
    return user.subject


SERVICE = Service("auth", routers=[router])
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def bus() -> MemoryBus:
    made = MemoryBus()
    await made.ensure_stream("user", max_age=3600)
    return made


@pytest.fixture
async def client(client_of: Any, jwks: Path, bus: MemoryBus) -> Any:
    async with client_of(SERVICE, Settings(auth_jwks=str(jwks)), bus=bus) as client:
        yield client


async def publish(bus: MemoryBus, revoked: Revoked) -> None:
    data = revoked.model_dump(mode="json")
    event = Event(source="/user", type="session.revoked", subject=revoked.subject, sequence=1, data=data)
    await bus.publish(event.topic, event.encode(), message_id=event.id)


async def status(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def refused(client: httpx.AsyncClient, token: str) -> None:
    async with asyncio.timeout(60):
        while await status(client, token) != 401:
            await asyncio.sleep(0.01)


def principal(subject: str = "ann", *, session: str | None = None, issued: datetime = NOON) -> Principal:
    return Principal(subject, frozenset(), 2.0**33, issued.timestamp(), session)


async def test_a_session_that_was_ended_is_refused_and_others_are_not(
    client: httpx.AsyncClient, bus: MemoryBus, signer: Signer
) -> None:
    first, second = signer.token("ann", sid="first"), signer.token("ann", sid="second")
    assert await status(client, first) == 200
    await publish(bus, Revoked(subject="ann", sid="first", revoked_before=datetime.now(UTC)))
    await refused(client, first)
    answer = await client.get("/me", headers={"Authorization": f"Bearer {first}"})
    assert answer.json()["detail"] == "the token is not valid: its session has ended"
    assert await status(client, second) == 200
    assert (await client.get("/readyz")).status_code == 200


async def test_all_tokens_of_somebody_end_and_the_next_login_counts(
    client: httpx.AsyncClient, bus: MemoryBus, signer: Signer
) -> None:
    before, other = signer.token("ann", sid="first"), signer.token("ben")
    await publish(bus, Revoked(subject="ann", revoked_before=datetime.now(UTC)))
    await refused(client, before)
    assert await status(client, signer.token("ann", sid="second")) == 200
    assert await status(client, other) == 200


async def test_what_was_revoked_before_the_start_is_known_and_rubbish_is_passed_over(
    client_of: Any, jwks: Path, bus: MemoryBus, signer: Signer
) -> None:
    token = signer.token("ann", sid="first")
    await bus.publish("user.session.revoked", b"{}", message_id="rubbish")
    await publish(bus, Revoked(subject="ann", sid="first", revoked_before=datetime.now(UTC)))
    async with client_of(SERVICE, Settings(auth_jwks=str(jwks)), bus=bus) as client:
        await refused(client, token)


async def test_without_a_broker_tokens_are_checked_as_ever(
    client_of: Any, jwks: Path, signer: Signer
) -> None:
    async with client_of(SERVICE, Settings(auth_jwks=str(jwks))) as client:
        assert await status(client, signer.token("ann", sid="first")) == 200


def test_it_is_forgotten_when_no_token_can_still_live() -> None:
    clock = Clock(NOON)
    revocations = Revocations(clock=lambda: clock().timestamp())
    old = [principal(session="1"), principal("ben", issued=NOON - timedelta(seconds=1))]
    revocations.add(Revoked(subject="ann", sid="1", revoked_before=NOON))
    revocations.add(Revoked(subject="ben", revoked_before=NOON))
    clock.now += timedelta(seconds=WINDOW - 1)
    revocations.add(Revoked(subject="ann", sid="2", revoked_before=clock.now))
    revocations.add(Revoked(subject="eve", revoked_before=clock.now))
    assert all(map(revocations.cover, old))
    clock.now += timedelta(seconds=2)
    revocations.add(Revoked(subject="ann", sid="3", revoked_before=clock.now))
    revocations.add(Revoked(subject="dan", revoked_before=clock.now))
    assert not any(map(revocations.cover, old))
    assert revocations.cover(principal(session="2"))


def test_events_in_the_wrong_order_leave_the_later_moment() -> None:
    revocations = Revocations(clock=NOON.timestamp)
    revocations.add(Revoked(subject="ann", revoked_before=NOON))
    revocations.add(Revoked(subject="ann", revoked_before=NOON - timedelta(seconds=5)))
    assert revocations.cover(principal(issued=NOON - timedelta(seconds=1)))
    assert not revocations.cover(principal(issued=NOON))
