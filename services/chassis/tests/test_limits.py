"""Rate limits: how many pass, whose they are, and where they are counted."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from shop_chassis.limits import Limits, Rate, limited, take
from shop_chassis.problems import Problem
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.testing.servers import RedisServer

router = APIRouter()


@router.post("/login/{name}", dependencies=[limited(per_minute=6, burst=3)])
async def login(name: str) -> str:
    return name


@router.get("/else", dependencies=[limited(per_minute=6, burst=1, by=lambda request: request.url.query)])
async def something_else() -> None:
    pass


SERVICE = Service("limits", routers=[router])


@pytest.fixture
async def client(client_of: Any, jwks: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(SERVICE, Settings(auth_jwks=str(jwks), trusted_proxies=1)) as client:
        yield client


async def passes(client: httpx.AsyncClient, **headers: str) -> bool:
    answer = await client.post("/login/x", headers=headers)
    assert answer.status_code in (200, 429)
    return answer.status_code == 200


async def test_a_burst_passes_and_then_one_by_one(client: httpx.AsyncClient) -> None:
    assert [await passes(client) for _ in range(5)] == [True, True, True, False, False]
    refused = await client.post("/login/y")  # the route counts, not its path
    assert refused.status_code == 429
    assert refused.json()["type"] == "too-many-requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert (await client.get("/else")).status_code == 200


async def test_everybody_has_a_bucket(client: httpx.AsyncClient, signer: Signer) -> None:
    for who in ("ann", "ben"):
        headers = {"Authorization": f"Bearer {signer.token(who)}"}
        assert [await passes(client, **headers) for _ in range(4)] == [True, True, True, False]
        # Another token of the same user is no other bucket.
        assert not await passes(client, Authorization=f"Bearer {signer.token(who, 'shop')}")
    assert await passes(client)


async def test_a_bad_token_is_no_new_bucket(client: httpx.AsyncClient) -> None:
    others = [Signer.generate().token(name) for name in ("ann", "ben", "cat", "dan")]
    given = [f"Bearer {token}" for token in others]
    assert [await passes(client, Authorization=each) for each in given] == [True, True, True, False]


async def test_the_address_is_what_the_trusted_proxy_says(client: httpx.AsyncClient) -> None:
    """What came before it is what the caller says of itself."""
    for number in range(3):
        assert await passes(client, **{"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.7"})
    assert not await passes(client, **{"X-Forwarded-For": "10.0.0.9, 203.0.113.7"})
    assert await passes(client, **{"X-Forwarded-For": "203.0.113.8"})


async def test_a_network_of_ipv6_is_one_address(client: httpx.AsyncClient) -> None:
    given = [f"2001:db8:0:1::{number}" for number in range(4)]
    passed = [await passes(client, **{"X-Forwarded-For": each}) for each in given]
    assert passed == [True, True, True, False]
    assert await passes(client, **{"X-Forwarded-For": "2001:db8:0:2::1"})


async def test_without_a_trusted_proxy_nobody_says_who_they_are(client_of: Any) -> None:
    async with client_of(SERVICE, Settings()) as client:
        given = [await passes(client, **{"X-Forwarded-For": f"203.0.113.{number}"}) for number in range(4)]
    assert given == [True, True, True, False]


async def test_a_route_may_have_its_own_idea_of_who_asks(client: httpx.AsyncClient) -> None:
    got = [(await client.get("/else", params=name)).status_code for name in ("a", "b", "a")]
    assert got == [200, 200, 429]


RATE = Rate(per_minute=30, burst=4)


@given(st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_the_burst_and_what_time_allows(pauses: Sequence[float]) -> None:
    now, full_at, passed = 1e9, 0.0, []
    for pause in pauses:
        now += pause
        full_at, wait = take(full_at, now, RATE)
        if wait:
            assert take(full_at, now + wait + 1e-3, RATE)[1] == 0  # so long, and not longer
            assert take(full_at, now + wait - 1e-3, RATE)[1] > 0
        else:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            allowed = RATE.burst + (passed[last] - begin) / RATE.interval
            assert last - first + 1 <= allowed + 1e-3


@given(st.lists(st.floats(2.001, 60), max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(pauses: Sequence[float]) -> None:
    now, full_at = 1e9, 0.0
    for pause in pauses:
        now += pause
        full_at, wait = take(full_at, now, RATE)
        assert wait == 0


async def count(limits: Limits, tries: int) -> int:
    passed = 0
    for _ in range(tries):
        try:
            await limits.take("login", "ann", RATE)
        except Problem:
            continue
        passed += 1
    return passed


@pytest.mark.redis
async def test_replicas_count_together_and_alone_while_redis_is_down(redis_server: RedisServer) -> None:
    settings = Settings(cache_url=redis_server.url)
    first, second = (Limits(settings, clock=lambda: 1e9) for _ in range(2))
    assert [await count(first, 3), await count(second, 3), await count(first, 3)] == [3, 1, 0]
    redis_server.kill()
    assert [await count(first, 5), await count(second, 5)] == [4, 4]
    redis_server.start()
    assert await count(first, 1) == 0
    await first.stop()
    await second.stop()
