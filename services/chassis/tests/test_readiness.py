"""What a pod says of whether it can do its work: to the kubelet at once, to autoscalers with each scrape."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from shop_chassis import runtime
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.testing.servers import PostgresServer


class Neighbour:
    """What the service cannot do without."""

    problem: str | None = None
    hangs = False

    async def ask(self) -> str | None:
        if self.hangs:
            await asyncio.Event().wait()
        return self.problem


@pytest.fixture
def neighbour() -> Neighbour:
    return Neighbour()


@pytest.fixture
def app(neighbour: Neighbour) -> FastAPI:
    def setup(made: Runtime[Any]) -> None:
        made.ready_when("neighbour", neighbour.ask)

    return create_app(Service("needy", setup=setup), Settings())


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://needy") as client:
        yield client


async def said(client: httpx.AsyncClient) -> float | None:
    """The gauge; None where there is no series."""
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    values = [one.value for family in families for one in family.samples if one.name == "service_ready"]
    return values[0] if values else None


async def test_the_gauge_is_what_readyz_last_said(client: httpx.AsyncClient, neighbour: Neighbour) -> None:
    for problem, status, gauge in ((None, 200, 1), ("away", 503, 0), (None, 200, 1)):
        neighbour.problem = problem
        assert (await client.get("/readyz")).status_code == status
        assert await said(client) == gauge


async def test_a_pod_that_has_never_been_ready_says_nothing(
    client: httpx.AsyncClient, neighbour: Neighbour
) -> None:
    neighbour.problem = "away"
    assert await said(client) is None
    assert (await client.get("/readyz")).status_code == 503
    assert await said(client) is None


@pytest.mark.parametrize("problem", [None, "away"])
async def test_a_pod_that_is_told_to_end_says_nothing(
    problem: str | None, app: FastAPI, client: httpx.AsyncClient, neighbour: Neighbour
) -> None:
    await client.get("/readyz")
    neighbour.problem = problem
    await client.get("/readyz")
    assert await said(client) == (problem is None)
    app.state.runtime.draining = True
    assert await said(client) is None
    assert (await client.get("/readyz")).status_code == 503
    assert await said(client) is None


async def test_a_neighbour_that_hangs_is_one_that_is_away(
    client: httpx.AsyncClient, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before the kubelet, which waits for two seconds, has gone."""
    assert runtime.CHECK_SECONDS <= 2
    await client.get("/readyz")
    monkeypatch.setattr(runtime, "CHECK_SECONDS", 0.05)
    neighbour.hangs = True
    async with asyncio.timeout(5):
        answer = await client.get("/readyz")
    assert answer.json() == {"ready": False, "reasons": ["neighbour: no answer within 0.05 s"]}
    assert await said(client) == 0


@contextmanager
def paused(server: PostgresServer) -> Iterator[None]:
    """All of its processes stand still: no connection breaks, and nothing comes out of any."""
    os.kill(server.pid, signal.SIGSTOP)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    every = [server.pid, *map(int, children)]
    for each in every:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in every:
            os.kill(each, signal.SIGCONT)


@pytest.mark.postgres
async def test_a_database_that_hangs_is_noticed_by_a_pod_that_was_ready(
    postgres: PostgresServer, postgres_url: str
) -> None:
    def setup(made: Runtime[Any]) -> None:
        made.ready_when("database", made.store.problem)

    app = create_app(Service("needy", setup=setup), Settings(database_url=postgres_url))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://needy") as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        assert await said(client) == 1
        with paused(postgres):
            async with asyncio.timeout(6):  # as many as the kubelet's three tries
                assert (await client.get("/readyz")).status_code == 503
            assert await said(client) == 0
        async with asyncio.timeout(30):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        assert await said(client) == 1
