"""A service as a process: it answers, and it goes away without failing a request."""

import asyncio
import os
import signal
import socket
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from shop_chassis.command import main
from shop_chassis.service import Service
from shop_chassis.testing.process import ServiceProcess

SERVICE = """
    import asyncio, sys
    from fastapi import APIRouter
    from shop_chassis.command import main
    from shop_chassis.service import Service

    router = APIRouter()

    @router.get("/work")
    async def work(seconds: float = 0.02) -> str:
        await asyncio.sleep(seconds)
        return "done"

    if __name__ == "__main__":
        sys.exit(main(Service("sample", routers=[router])))
"""


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[ServiceProcess]:
    (tmp_path / "sample.py").write_text(textwrap.dedent(SERVICE))
    process = ServiceProcess("sample", tmp_path, DRAIN_SECONDS="1.5", LOG_ACCESS="false")
    yield process
    process.kill()


async def test_no_request_fails_while_a_pod_goes_away(sample: ServiceProcess) -> None:
    """Clients that do what a balancer does: they turn away once readiness is off, or are told to close."""
    sample.environment["DRAIN_SECONDS"] = "5"  # a busy machine sees late that readiness is off
    sample.start()
    statuses: list[int] = []
    turned_away = asyncio.Event()

    async def watch_readiness() -> None:
        async with httpx.AsyncClient(base_url=sample.url) as probe:
            while (await probe.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.05)
            assert (await probe.get("/readyz")).json() == {"ready": False, "reasons": ["shutting down"]}
            assert (await probe.get("/healthz")).status_code == 200
            await asyncio.sleep(0.5)  # an endpoint controller is not that quick: requests keep coming
            turned_away.set()

    async def load() -> None:
        async with httpx.AsyncClient(base_url=sample.url, timeout=20) as client:
            while not turned_away.is_set():
                statuses.append((await client.get("/work")).status_code)

    async def long_request() -> None:
        async with httpx.AsyncClient(base_url=sample.url, timeout=20) as client:
            answer = await client.get("/work", params={"seconds": 6})  # longer than the drain
            statuses.append(answer.status_code)

    async with asyncio.TaskGroup() as group:
        group.create_task(watch_readiness())
        for _ in range(8):
            group.create_task(load())
        while len(statuses) < 50:
            await asyncio.sleep(0.01)
        group.create_task(long_request())
        await asyncio.sleep(0.2)  # it has to be under way
        before = len(statuses)
        sample.terminate()
    assert len(statuses) > before + 10
    assert set(statuses) == {200}
    assert await asyncio.to_thread(sample.wait) == 0


async def test_while_draining_connections_are_given_up(sample: ServiceProcess) -> None:
    sample.start()
    async with httpx.AsyncClient(base_url=sample.url) as client:
        assert "connection" not in (await client.get("/work")).headers
        sample.terminate()
        while (await client.get("/work")).headers.get("connection") != "close":
            await asyncio.sleep(0.01)
    assert await asyncio.to_thread(sample.wait) == 0
    assert sample.status("/healthz") is None


def test_a_second_sigterm_ends_the_drain(sample: ServiceProcess) -> None:
    sample.environment["DRAIN_SECONDS"] = "600"
    sample.start()
    sample.terminate()
    while sample.status("/readyz") != 503:
        pass
    sample.terminate()
    assert sample.wait() == 0


def test_sigint_ends_at_once(sample: ServiceProcess) -> None:
    sample.environment["DRAIN_SECONDS"] = "600"
    sample.start()
    os.kill(sample.pid, signal.SIGINT)
    assert sample.wait() == 0


def test_logs_are_json_lines_with_the_request(sample: ServiceProcess) -> None:
    sample.environment["LOG_ACCESS"] = "true"
    sample.start()
    sample.get("/work?token=secret")
    sample.terminate()
    assert sample.wait() == 0
    requests = [entry for entry in sample.logged() if entry["event"] == "request"]
    assert [entry["route"] for entry in requests] == ["/work"]
    assert requests[0].keys() >= {"timestamp", "level", "service", "request_id", "trace_id", "status", "ms"}
    assert "secret" not in sample.log.read_text()


def test_a_taken_port_is_one_clear_line(sample: ServiceProcess) -> None:
    with socket.create_server(("127.0.0.1", sample.port)):
        done = sample.run("serve")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"sample serve: cannot listen on 127.0.0.1:{sample.port}: Address already in use; "
        "set PORT to a free one"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "http", "PORT: Input should be a valid integer"),
        ("DRAIN_SECONDS", "-1", "DRAIN_SECONDS: Input should be greater than or equal to 0"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_bad_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(Service("sample"), ["serve"]) == 1
    assert capsys.readouterr().err.startswith(f"sample serve: {said}")


def test_a_service_without_a_database_has_nothing_to_migrate(sample: ServiceProcess) -> None:
    done = sample.run("migrate")
    assert (done.returncode, done.stdout) == (0, "sample has no database: nothing to migrate\n")
