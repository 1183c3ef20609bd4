"""How the engine runs: what it counts, when it tries again, when it is well."""

import asyncio
import time
from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.engine import START_SECONDS, STUCK_SECONDS, Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.reconcile import Incomplete
from shop_operator.settings import Settings
from structlog.testing import capture_logs

from ..support.memory import MemoryApi
from ..support.world import PORTS, World, running


@pytest.mark.parametrize(
    ("error", "reason", "at_least"),
    [
        (ApiError(429, "TooManyRequests", "slow down", 7.0), "TooManyRequests", 7.0),
        (ApiError(0, "", "no answer"), "0", 0.0),
        (Incomplete("Service cart: wrong"), "Incomplete", 0.0),
    ],
)
async def test_why_a_reconcile_failed_is_counted_and_the_server_is_given_the_time_it_asks_for(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, at_least: float
) -> None:
    async def failing(key: Any) -> float | None:
        raise error

    put_off: list[Any] = []
    real = world.engine.queue.failed

    def failed(key: Any, **given: float) -> float:
        put_off.append((str(key), given))
        return real(key, **given)

    monkeypatch.setattr(world.engine.reconciler, "reconcile", failing)
    monkeypatch.setattr(world.engine.queue, "failed", failed)
    world.apply()
    await world.until(lambda: put_off)
    await world.quiet()
    assert put_off[0] == ("shop/cart", {"at_least": at_least})
    assert world.counted("shop_operator_errors_total", reason=reason) == len(put_off)
    seconds = "shop_operator_reconcile_duration_seconds"
    assert world.counted(f"{seconds}_count", outcome="failed") == len(put_off)
    assert world.counted(f"{seconds}_count", outcome="done") == 0
    assert 0 <= world.counted(f"{seconds}_sum", outcome="failed") < 5


async def test_a_service_that_only_waits_for_time_is_looked_at_again_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[float | None] = [None, 0.0, 0.01]
    asked: list[str] = []

    async def waiting(key: Any) -> float | None:
        asked.append(str(key))
        return answers.pop()

    monkeypatch.setattr(world.engine.reconciler, "reconcile", waiting)
    world.apply()
    await world.until(lambda: not answers)
    assert asked == ["shop/cart"] * 3


async def test_services_are_asked_for_when_their_definition_is_there_and_served(world: World) -> None:
    answers: list[Any] = [True, ApiError(503, "", "not now"), False]

    async def serves(kind: Any) -> bool:
        assert kind.kind == "ShopService"
        answer = answers.pop()
        if isinstance(answer, ApiError):
            raise answer
        return bool(answer)

    served = asyncio.create_task(world.engine.served())
    await world.quiet()
    assert not served.done()
    world.api.serves = serves  # type: ignore[method-assign]
    world.api.install("ShopService")
    before = time.monotonic()
    await asyncio.wait_for(served, 20)
    assert answers == []
    assert time.monotonic() - before >= 0.2
    assert world.engine._served_at is not None
    assert world.engine._served_at >= before


async def test_it_is_well_for_as_long_as_a_list_or_a_reconcile_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api: Any = MemoryApi()
    engine = Engine(api, Settings(), Metrics(), "test")
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    engine._served_at = 1000.0 - START_SECONDS
    engine.check()
    engine.services_listed()
    engine.queue._clock = lambda: STUCK_SECONDS
    engine.queue._in_work["cart"] = 0.0  # type: ignore[index]
    engine.check()


async def test_when_all_that_was_there_at_the_start_is_looked_at_it_is_said_once() -> None:
    with capture_logs() as said:
        async with running(MemoryApi()) as world:
            world.apply(ports=PORTS)
            await world.quiet()
            world.apply(ports=PORTS, replicas=2)
            await world.quiet()
    events = [line["event"] for line in said]
    assert (events.count("started"), events.count("caught up")) == (1, 1)
    assert events.index("started") < events.index("created") < events.index("caught up")
