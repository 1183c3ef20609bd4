"""Connections in turn, with more who want one than there are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, Request
from shop_chassis.pool import Line
from shop_chassis.runtime import runtime_of
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.store import Store, opened
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.util import greenlet_spawn

SIZE = 2


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    async with opened(Settings(database_url=postgres_url, database_pool_size=SIZE), "test") as store:
        yield store


async def _hold(store: Store, seconds: float) -> None:
    async with store.session() as session:
        await session.execute(text(f"SELECT pg_sleep({seconds})"))


@pytest.mark.postgres
async def test_nobody_is_overtaken(store: Store) -> None:
    asked: list[int] = []
    got: list[int] = []

    async def use(number: int) -> None:
        async with store.session() as session:
            asked.append(number)
            connection = await session.connection()
            got.append(number)
            await connection.execute(text("SELECT pg_sleep(0.002)"))

    await asyncio.gather(*(store.problem() for _ in range(SIZE)))  # all connections are there
    tasks = []
    for number in range(200):
        # They come sooner than connections go round: one asks at the moment when another is given back.
        tasks.append(asyncio.create_task(use(number)))
        await asyncio.sleep(0.0005)
    await asyncio.gather(*tasks)
    assert got == asked


@pytest.mark.postgres
async def test_who_gives_up_leaves_the_line_and_loses_no_connection(store: Store) -> None:
    async def refused() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await _hold(store, 0)

    holding = [asyncio.create_task(_hold(store, 0.3)) for _ in range(SIZE)]
    await asyncio.sleep(0.1)
    await asyncio.gather(*(refused() for _ in range(5)))
    await asyncio.gather(*holding)
    async with asyncio.timeout(1):
        await asyncio.gather(*(_hold(store, 0.1) for _ in range(2 * SIZE)))


async def test_what_is_handed_over_as_somebody_gives_up_is_not_lost() -> None:
    line = Line(1)
    waiting = asyncio.create_task(greenlet_spawn(line.get))
    await asyncio.sleep(0)
    line.put_nowait("connection")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert line.get_nowait() == "connection"


@pytest.mark.postgres
async def test_a_full_pool_says_so_after_its_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.engine.sync_engine.pool, "_timeout", 0.1)
    holding = [asyncio.create_task(_hold(store, 0.5)) for _ in range(SIZE)]
    await asyncio.sleep(0.1)
    with pytest.raises(PoolTimeout, match=f"QueuePool limit of size {SIZE}"):
        await _hold(store, 0)
    await asyncio.gather(*holding)


@pytest.mark.postgres
async def test_the_caller_is_told_that_the_pod_is_busy_not_that_its_database_is_away(
    client_of: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_chassis.store.CONNECT_SECONDS", 0.1)
    router = APIRouter()

    @router.get("/held")
    async def held(request: Request) -> None:
        await _hold(runtime_of(request).store, 0.5)

    settings = Settings(database_url=postgres_url, database_pool_size=1)
    async with client_of(Service("test", routers=[router]), settings) as client:
        first, second = await asyncio.gather(*(client.get("/held") for _ in range(2)))
    assert sorted((first.status_code, second.status_code)) == [200, 503]
    told = max(first, second, key=lambda answer: answer.status_code).json()["detail"]
    assert told == "too much is asked of this pod: none of its connections was free for 0.1 s"


@pytest.mark.postgres
async def test_a_pod_with_a_long_line_is_ready(store: Store) -> None:
    # A hundred of 0.2 s: a probe at the end of the line would wait for ten seconds, and may for two.
    waiting = [asyncio.create_task(_hold(store, 0.2)) for _ in range(100)]
    await asyncio.sleep(0.1)
    assert await store.problem() is None
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
