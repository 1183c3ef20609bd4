"""One run: how many rounds of what, in which order."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

import uvloop
from shop.demo import A_FEW
from shop.local.members import MEMBERS
from shop_chassis.testing.process import ServiceProcess

from shop_bench.figures import Row
from shop_bench.process import shares_of_memory
from shop_bench.services import imports, load
from shop_bench.services.crowd import Crowd, Size, gather
from shop_bench.services.reference import PATH, SHELVES, TABLE
from shop_bench.services.routes import ROUTES, Route, fault
from shop_bench.services.stage import Reference, Servers, Stage, memory_of
from shop_bench.services.wire import Connections

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    turns: int
    """Of a process in the chassis beside one of bare FastAPI."""
    slices: int
    """Of each pair: they are loaded one after the other, a few seconds each, since what else the machine has
    to do changes from one ten seconds to the next."""
    rounds: int
    """Of all hot routes."""
    seconds: float
    """Of each load."""
    warm: float
    """Seconds before them that do not count."""
    at_a_time: int = 16
    """Requests under way at saturation."""
    settle: float = 10.0
    """Seconds after the start, until memory is looked at."""
    crowd: Size = field(default_factory=Size)


FULL = Scope(turns=7, slices=4, rounds=3, seconds=8, warm=2)
QUICK = replace(
    FULL,
    turns=2,
    slices=2,
    rounds=1,
    seconds=2,
    warm=0.5,
    settle=3,
    crowd=Size(shoppers=20, fillers=100, orders=2, products=A_FEW),
)


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench` calls."""
    return run(QUICK if quick else FULL, tell)


def run(scope: Scope, tell: Tell) -> list[Row]:
    """All rows."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-services-") as folder,
        Servers(Path(folder)) as servers,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = _chassis(Reference(Path(folder), servers), runner, scope, tell)
        with Stage(Path(folder), servers) as stage:
            found += _services(stage, runner, scope, tell)
    return found + [imports.row(member.name, member.package) for member in MEMBERS]


def _chassis(reference: Reference, runner: asyncio.Runner, scope: Scope, tell: Tell) -> list[Row]:
    """Chassis and bare take turns in going first; each turn has new processes."""
    reference.fill(TABLE)
    tokens = [reference.signer.token(f"shopper-{number}", "shop") for number in range(200)]
    found = []
    for turn in range(scope.turns):
        with ExitStack() as ends:
            processes = {party: reference.process(party) for party in reference.PARTIES}
            for process in processes.values():
                process.start(wait_for="/openapi.json")
                ends.callback(process.kill)
            for number in range(turn * scope.slices, (turn + 1) * scope.slices):
                pair = list(processes.items())
                for party, process in pair if number % 2 == 0 else reversed(pair):
                    row = runner.run(_reference(reference, process, tokens, scope))
                    found.append({"row": "reference", "party": party, "round": number + 1, **row})
                    tell(f"reference handler, turn {turn + 1}: {party}, {row['per_second']} requests/s")
    return found


async def _reference(reference: Reference, process: ServiceProcess, tokens: list[str], scope: Scope) -> Row:
    connections = Connections(process.url)
    waiting = (  # the same for both: one of them looks at the token
        connections.request("GET", PATH.format(shelf=shelf), Authorization=f"Bearer {token}")
        for shelf, token in zip(cycle(range(1, SHELVES + 1)), cycle(tokens), strict=False)
    )

    async def send() -> str:
        return fault(await connections.exchange(next(waiting)))

    saturating = load.Saturating(send, scope.at_a_time)
    clocks = reference.clocks(process)
    seconds, warm = scope.seconds / scope.slices, scope.warm / scope.slices
    try:
        return await load.measure(saturating, clocks, warm=warm, seconds=seconds)
    finally:
        connections.close()


def _services(stage: Stage, runner: asyncio.Runner, scope: Scope, tell: Tell) -> list[Row]:
    """Memory of what has only started, hot routes, memory again."""
    time.sleep(scope.settle)
    found = _memory(stage, "idle")
    tell(f"{len(found)} services are up")
    with closing(stage.open(scope.crowd.products)) as shop:
        crowd = gather(shop, stage.signer, scope.crowd)
    tell("the crowd has gathered")
    for number in range(scope.rounds):
        for route in ROUTES:
            for row in runner.run(_route(stage, route, crowd, scope)):
                found.append({**row, "round": number + 1})
                tell(f"{route.name}, round {number + 1}, {row['load']}: {row['per_second']} requests/s, "
                     f"p99 {row['p99_ms']} ms, {row['failed']} failed")  # fmt: skip
    time.sleep(scope.settle)
    return found + _memory(stage, "loaded")


async def _route(stage: Stage, route: Route, crowd: Crowd, scope: Scope) -> list[Row]:
    connections = Connections(stage.url(route.service))
    send, clocks = route.sending(crowd, connections), stage.clocks(route.service)
    loads: dict[str, load.Load] = {
        "open": load.at_rate(send, route.rate),
        "saturated": load.Saturating(send, scope.at_a_time),
    }
    try:
        return [
            {"row": "route", "route": route.name, "service": route.service, "load": name,
             "asked_per_second": route.rate if name == "open" else None,
             **await load.measure(one, clocks, warm=scope.warm, seconds=scope.seconds)}
            for name, one in loads.items()
        ]  # fmt: skip
    finally:
        connections.close()


def _memory(stage: Stage, when: str) -> list[Row]:
    return [
        {"row": "memory", "service": name, "when": when, **shares_of_memory(memory_of(process))}
        for name, process in stage.processes.items()
    ]
