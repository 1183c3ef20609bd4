import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry
from shop_chassis.cache.memory import MemoryCache
from shop_chassis.client import ClientMetrics, ServiceClient, Unreachable
from shop_contracts.user.api import Tokens
from shop_storefront.sessions import Session, Sessions, new_id, visitor_of
from shop_storefront.tokens import Renewal, with_tokens

SOON = datetime.now(UTC) + timedelta(days=30)


class User:
    """Speaks the user service's contract of refresh tokens: each is good for one use."""

    def __init__(self) -> None:
        self.valid = "r0"
        self.used = 0
        self.ended = False
        self.down = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        if self.down:
            raise httpx.ConnectError("down")
        sent = json.loads(request.content)["refresh_token"]
        if self.ended or sent != self.valid:
            self.ended = True
            return httpx.Response(401, json={"type": "session-ended"})
        self.used += 1
        self.valid = f"r{self.used}"
        return httpx.Response(200, text=tokens(f"a{self.used}", self.valid).model_dump_json())


def tokens(access: str, refresh: str, seconds: int = 600) -> Tokens:
    return Tokens(
        access_token=access,
        expires_in=seconds,
        refresh_token=refresh,
        refresh_expires_at=SOON,
        scope="shop",
        subject="ann",
        session_id=UUID(int=1),
    )


@pytest.fixture
def user() -> User:
    return User()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(MemoryCache())


def replica(user: User, sessions: Sessions) -> Renewal:
    metrics = ClientMetrics(CollectorRegistry())
    transport = httpx.MockTransport(user)
    return Renewal(ServiceClient("user", "http://user", metrics=metrics, transport=transport), sessions)


async def expired(sessions: Sessions) -> tuple[str, Session]:
    id = new_id()
    return id, await sessions.change(id, lambda session: with_tokens(session, tokens("a0", "r0", seconds=0)))


async def test_of_many_requests_in_two_replicas_one_refreshes(user: User, sessions: Sessions) -> None:
    id, session = await expired(sessions)
    replicas = [replica(user, sessions), replica(user, sessions)]
    found = await asyncio.gather(*(replicas[n % 2].renewed(id, session) for n in range(20)))
    assert {each.access_token for each in found} == {"a1"}
    assert (user.used, user.ended) == (1, False)


async def test_a_token_that_holds_is_left_alone(user: User, sessions: Sessions) -> None:
    id, _ = await expired(sessions)
    session = await sessions.change(
        id, lambda session: session.model_copy(update={"access_until": time.time() + 60})
    )
    assert (await replica(user, sessions).renewed(id, session)).access_token == "a0"
    assert user.used == 0


async def test_a_session_that_has_ended_is_a_visitor_again(user: User, sessions: Sessions) -> None:
    id, session = await expired(sessions)
    user.ended = True
    after = await replica(user, sessions).renewed(id, session)
    assert (after.signed_in, after.refresh_token, after.visitor) == (False, "", visitor_of(id))
    assert await sessions.load(id) == after


async def test_while_the_user_service_is_down_the_session_stays(user: User, sessions: Sessions) -> None:
    id, session = await expired(sessions)
    user.down = True
    with pytest.raises(Unreachable):
        await replica(user, sessions).renewed(id, session)
    user.down = False
    assert (await replica(user, sessions).renewed(id, session)).access_token == "a1"


async def test_the_store_never_has_the_cookie(sessions: Sessions) -> None:
    cache = MemoryCache()
    id = new_id()
    await Sessions(cache).change(id, lambda session: session.model_copy(update={"name": "Ann"}))
    assert id not in repr(cache._entries)
    assert visitor_of(id) not in "".join(cache._entries)


async def test_a_session_moves_to_another_cookie_and_leaves_nothing(sessions: Sessions) -> None:
    old, new = new_id(), new_id()
    await sessions.change(old, lambda session: session.model_copy(update={"cart_count": 3}))
    moved = await sessions.move(old, new, lambda session: session.model_copy(update={"name": "Ann"}))
    assert (moved.cart_count, moved.name, moved.visitor) == (3, "Ann", visitor_of(old))
    assert await sessions.load(old) is None
    assert await sessions.load(new) == moved
