"""Jobs that one replica runs: turns, failures, and who goes on when it dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from shop_chassis import schedule
from shop_chassis.runtime import Runtime
from shop_chassis.schedule import Schedule
from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.testing.servers import PostgresServer

Job = Callable[[], Awaitable[None]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(schedule, "GRACE_SECONDS", 0.05)


@asynccontextmanager
async def replica(url: str, *jobs: Job, every: float = 0.01) -> AsyncIterator[Runtime[Any]]:
    settings = Settings(database_url=url)
    runtime: Runtime[Any] = Runtime(settings, Store(settings, "test"), CollectorRegistry())
    for number, job in enumerate(jobs):
        runtime.add(Schedule(f"job {number}", every, job, runtime))
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/test.db"


class Turns:
    """A job that remembers its turns; `fails` and `goes_on` say how they end."""

    def __init__(self) -> None:
        self.begun = self.ended = self.cancelled = 0
        self.fails = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def __call__(self) -> None:
        assert self.begun == self.ended + self.cancelled, "two turns at a time"
        self.begun += 1
        try:
            await self.goes_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ended += 1
        if self.fails:
            raise RuntimeError("no luck")


def runs(runtime: Runtime[Any], outcome: str, name: str = "job 0") -> float | None:
    return runtime.metrics.get_sample_value("schedule_runs_total", {"name": name, "outcome": outcome})


async def test_a_job_runs_again_and_again_and_a_failure_stops_neither_it_nor_others(sqlite: str) -> None:
    good, bad = Turns(), Turns()
    bad.fails = True
    async with replica(sqlite, good, bad) as runtime:
        await until(lambda: good.ended >= 3 and bad.ended >= 3)
        assert await runtime.problems() == []
    # Of a turn that ends as the service does it may not be heard any more how.
    assert runs(runtime, "done") in (good.ended - 1, good.ended)
    assert runs(runtime, "failed", "job 1") in (bad.ended - 1, bad.ended)
    assert (runs(runtime, "failed"), runs(runtime, "done", "job 1")) == (0, 0)


async def test_turns_do_not_overlap_and_the_end_interrupts_them(sqlite: str) -> None:
    turns = Turns()
    turns.goes_on.clear()
    async with replica(sqlite, turns) as runtime:
        await until(lambda: turns.begun)
        await asyncio.sleep(0.05)  # several turns' time
        assert runs(runtime, "done") == 0
    assert (turns.begun, turns.cancelled) == (1, 1)


async def test_a_job_that_is_nearly_done_is_let_end(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "GRACE_SECONDS", 30)
    turns = Turns()
    turns.goes_on.clear()
    async with replica(sqlite, turns, every=60):
        await until(lambda: turns.begun)
        asyncio.get_running_loop().call_later(0.05, turns.goes_on.set)
    assert (turns.ended, turns.cancelled) == (1, 0)


async def test_all_jobs_of_a_service_share_one_lock(sqlite: str) -> None:
    async with replica(sqlite, Turns(), Turns(), Turns()) as runtime:
        assert len([each for each in runtime._components if isinstance(each, schedule.Leader)]) == 1


async def test_a_job_that_cancels_itself_has_its_next_turn(sqlite: str) -> None:
    turns = 0

    async def job() -> None:
        nonlocal turns
        turns += 1
        raise asyncio.CancelledError

    async with replica(sqlite, job):
        await until(lambda: turns >= 2)


@pytest.mark.postgres
async def test_one_of_several_replicas_runs_a_job_and_another_goes_on(postgres_url: str) -> None:
    turns = [Turns() for _ in range(3)]
    async with AsyncExitStack() as stack:
        replicas = []
        for each in turns:
            replicas.append(AsyncExitStack())
            await stack.enter_async_context(replicas[-1])
            await replicas[-1].enter_async_context(replica(postgres_url, each))
        await until(lambda: sum(each.ended for each in turns) >= 20)
        [leader] = [number for number, each in enumerate(turns) if each.begun]
        await replicas[leader].aclose()
        before = turns[leader].begun
        await until(lambda: sum(each.begun for each in turns) >= before + 20)
        assert turns[leader].begun == before
        assert len([each for each in turns if each.begun]) == 2


@pytest.mark.postgres
async def test_a_replica_that_loses_the_lock_stops_its_job(postgres: PostgresServer) -> None:
    first, second = Turns(), Turns()
    first.goes_on.clear()
    url = postgres.new_database()
    database = url.rpartition("/")[2]
    async with replica(url, first) as runtime:
        await until(lambda: first.begun)
        async with replica(url, second):
            await asyncio.sleep(0.2)  # four tries to get the lock
            assert second.begun == 0
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database "
                f"WHERE locktype = 'advisory' AND d.datname = '{database}'"
            )
            await until(lambda: first.cancelled)
            first.goes_on.set()
            await until(lambda: first.ended + second.ended >= 3)
        assert (await runtime.problems()) == []
