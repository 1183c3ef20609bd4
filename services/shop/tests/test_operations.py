"""`shop saga` and `shop dlq`: what they show and do, and how they find the shop."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Body
from shop.cli import main
from shop.keys import write
from shop.letters import AtBroker
from shop.local import console
from shop.local.addresses import Addresses, file_of, find
from shop.text import ago, table
from shop_chassis.auth import require
from shop_chassis.events import Bus, Event, MemoryBus
from shop_chassis.events.deadletter import bury
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.problems import Problem
from shop_chassis.server import listen, serving
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.testing.servers import NatsServer
from shop_contracts.order_processing.api import (
    AFTER_PIVOT,
    Decision,
    Saga,
    SagaDetail,
    SagaLogEntry,
    SagaPage,
)

NOW = datetime.now(UTC)
router = APIRouter(prefix="/admin", dependencies=[require("order-processing:admin")])


def saga(number: int, **changes: Any) -> Saga:
    made = Saga(
        id=UUID(int=number),
        kind="order",
        order_id=UUID(int=100 + number),
        about=UUID(int=100 + number),
        state="open",
        step="authorise",
        direction="forward",
        attempts=7,
        failures=7,
        waiting=False,
        stuck=number == 1,
        reason="payment: no answer\nwithin 2 s",
        since=datetime.now(UTC) - timedelta(minutes=5),
        created_at=NOW,
    )
    return made.model_copy(update=changes)


def sagas() -> list[Saga]:
    """As they are now: a run can take longer than what is said of their age."""
    return [saga(number) for number in range(1, 121)]


@router.get("/sagas")
async def list_sagas(stuck: bool = False, limit: int = 20, after: int = 0) -> SagaPage:
    found = [each for each in sagas() if each.stuck or not stuck]
    more = after + limit < len(found)
    return SagaPage(items=found[after : after + limit], next=str(after + limit) if more else None)


@router.get("/sagas/{id}")
async def read_saga(id: UUID) -> SagaDetail:
    entry = SagaLogEntry(
        at=NOW, step="reserve", direction="forward", outcome="done", attempt=1, worker="pod-1"
    )
    return SagaDetail(**sagas()[id.int - 1].model_dump(), log=[entry])


@router.post("/sagas/{id}:retry", status_code=202)
async def retry_saga(id: UUID, why: Annotated[Decision, Body()]) -> SagaDetail:
    return SagaDetail(**saga(id.int, stuck=False, waiting=True, step=why.reason).model_dump(), log=[])


@router.post("/sagas/{id}:compensate", status_code=202)
async def compensate_saga(id: UUID, why: Annotated[Decision, Body()]) -> SagaDetail:
    if id.int == 2:
        raise Problem(409, "the money may have been taken", type=AFTER_PIVOT)
    return SagaDetail(**saga(id.int, direction="back").model_dump(), log=[])


@asynccontextmanager
async def answering(
    service: Service, signer: Signer, folder: Path, bus: Bus | None = None
) -> AsyncIterator[str]:
    (folder / "public.json").write_text(signer.jwks)
    settings = Settings(auth_jwks=str(folder / "public.json"), log_access=False)
    listener = listen("127.0.0.1", 0)
    async with serving(create_app(service, settings, bus=bus), settings, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer.generate()


@pytest.fixture
async def orders(signer: Signer, tmp_path: Path) -> AsyncIterator[str]:
    async with answering(Service("order-processing", routers=[router]), signer, tmp_path) as url:
        yield url


@pytest.fixture
def shop(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command beside the services of this test."""

    async def run(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, arguments)
        told = capsys.readouterr()
        return code, told.out if code == 0 else told.err

    return run


@pytest.fixture
def at(orders: str, signer: Signer) -> list[str]:
    return ["--url", orders, "--token", signer.token("ann", "order-processing:admin")]


async def test_sagas_are_listed_over_all_pages_or_only_the_stuck(shop: Any, at: list[str]) -> None:
    code, all_of_them = await shop("saga", "list", "--limit", "110", *at)
    assert code == 0
    assert len(all_of_them.splitlines()) == 1 + 110
    _, stuck = await shop("saga", "list", "--stuck", *at)
    head, row = stuck.splitlines()
    assert head.split() == ["SAGA", "KIND", "ORDER", "STANDS", "ATTEMPTS", "SINCE", "REASON"]
    assert row.startswith(f"{UUID(int=1)}  order  {UUID(int=101)}  at authorise (stuck)  7")
    assert row.endswith("5 min  payment: no answer within 2 s")


async def test_a_saga_is_shown_retried_and_compensated(shop: Any, at: list[str]) -> None:
    id = str(UUID(int=1))
    code, shown = await shop("saga", "show", id, *at)
    assert code == 0
    assert f"saga   {id}, order of order {UUID(int=101)}" in shown
    assert "reserve  forward    done" in shown
    code, retried = await shop("saga", "retry", id, "--reason", "capture", *at)
    assert (code, retried.rpartition(": ")[2]) == (0, "at capture (waiting)\n")
    code, turned = await shop("saga", "compensate", id, *at)
    assert (code, turned.rpartition(": ")[2]) == (0, "undoing authorise (stuck)\n")
    refused = await shop("saga", "compensate", str(UUID(int=2)), *at)
    assert refused == (1, "shop saga: 409 the money may have been taken\n")


async def test_a_local_shop_is_found_by_its_folder(
    shop: Any, orders: str, signer: Signer, tmp_path: Path
) -> None:
    write(signer, tmp_path / "keys")
    here = Addresses(services={"order-processing": orders}, private_key=tmp_path / "keys/private.pem")
    file_of(tmp_path).write_text(here.model_dump_json())
    code, listed = await shop("saga", "list", "--stuck", "--dir", str(tmp_path))
    assert (code, str(UUID(int=1)) in listed) == (0, True)
    refused = await shop("dlq", "list", "--dir", str(tmp_path))
    assert refused == (1, f"shop dlq: the shop in {tmp_path} has no console\n")
    gone = here.model_copy(update={"services": {"order-processing": "http://127.0.0.1:1"}})
    file_of(tmp_path).write_text(gone.model_dump_json())  # as a power cut leaves it
    assert find(tmp_path) is None


KUBECTL = """#!/bin/sh
case "$*" in
  "get secret shop-auth -n shop -o json") cat {secret} ;;
  "port-forward -n shop service/order-processing :80")
    echo "Forwarding from 127.0.0.1:{port} -> 8080"; exec sleep 60 ;;
  *) echo "error: unexpected $*" >&2; exit 1 ;;
esac
"""


async def test_else_it_is_that_of_the_cluster(
    shop: Any, orders: str, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"data": {"private.pem": _base64(signer.pem), "jwks.json": _base64(signer.jwks)}}
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(secret=tmp_path / "secret.json", port=orders.rpartition(":")[2]))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    nowhere = ["--dir", str(tmp_path / "nowhere")]
    code, listed = await shop("saga", "list", "--stuck", *nowhere)
    assert (code, str(UUID(int=1)) in listed) == (0, True)
    refused = await shop("dlq", "list", *nowhere)
    assert refused == (1, "shop dlq: error: unexpected port-forward -n nats service/nats :4222\n")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def dead(bus: Bus) -> Event:
    """An event that two consumers gave up."""
    await bus.ensure_stream("catalog", max_age=3600)
    event = Event(source="/catalog", type="price.changed", subject="p1", sequence=1, data={"x": 1})
    await bus.publish(event.topic, event.encode(), message_id=event.id)
    for consumer in ("notification", "search"):
        subscription = await bus.subscribe("catalog", consumer, ["catalog.>"])
        [delivery] = await subscription.fetch(1)
        await bury(bus, delivery, consumer=consumer, reason="ValueError: no", tries=10)
        await subscription.close()
    return event


async def test_dead_letters_of_a_local_shop_are_listed_shown_and_replayed(
    shop: Any, signer: Signer, tmp_path: Path
) -> None:
    bus = MemoryBus()
    event = await dead(bus)
    async with answering(console.service, signer, tmp_path, bus) as url:
        code, listed = await shop("dlq", "list", "--url", url)
        assert (code, [line.split()[0] for line in listed.splitlines()]) == (0, ["NUMBER", "1", "2"])
        _, one = await shop("dlq", "list", "--consumer", "search", "--url", url)
        assert one.splitlines()[1].split()[3:] == [
            "catalog.price.changed",
            "search",
            "10",
            "ValueError:",
            "no",
        ]
        code, shown = await shop("dlq", "show", "2", "--url", url)
        assert (code, shown.splitlines()[-1]) == (0, event.encode().decode())
        replayed = await shop("dlq", "replay", "1", "--url", url)
        assert replayed == (0, "1: catalog.price.changed published again\n")
        assert [stored.body for stored in await bus.browse("catalog")] == [event.encode()] * 2
        refused = await shop("dlq", "replay", "1", "--url", url)
        assert refused == (1, "shop dlq: 404 there is no dead letter 1 (any more)\n")
        assert (await shop("dlq", "replay", "--url", url))[0] == 1
        assert (await shop("dlq", "replay", "--consumer", "search", "--url", url))[0] == 0
        assert await shop("dlq", "list", "--url", url) == (0, "none\n")


@pytest.mark.nats
async def test_dead_letters_of_a_broker(shop: Any, nats_server: NatsServer) -> None:
    bus = NatsBus(nats_server.url, name="test")
    await bus.start()
    try:
        await dead(bus)
        code, listed = await shop("dlq", "list", "--broker", nats_server.url)
        *_, head, first, second = listed.splitlines()  # before it are log lines of this test's own bus
        assert (code, head.split()[0], first.split()[0], second.split()[0]) == (0, "NUMBER", "1", "2")
        assert (await shop("dlq", "replay", "2", "--broker", nats_server.url))[0] == 0
        assert len(await bus.browse("catalog")) == 2
        [left] = await asyncio.to_thread(AtBroker(nats_server.url).all, None)
        assert (left.number, left.consumer) == (1, "notification")
    finally:
        await bus.stop()


def test_tables_are_as_wide_as_they_need() -> None:
    assert table(("A", "LONG"), [("xyz", "a\nb"), ("", "c")]) == "A    LONG\nxyz  a b\n     c"


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86_400 * 3, "3 d")]
)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), now=NOW) == said
