"""One run: the front page at a fixed rate, storefront on one core, all else on the others; then a browser."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from shop import demo
from shop.seed import seed_pictures
from shop_chassis.testing.browser import WIDTHS, chromium

from shop_bench.figures import Row
from shop_bench.process import pin, shares_of_memory
from shop_bench.services import load
from shop_bench.services.stage import Servers, Stage, memory_of
from shop_bench.services.wire import Connections
from shop_bench.storefront import first
from shop_bench.storefront.visitors import Visitors, asking, parts, returning, sending

RATE = 50
"""Front pages per second."""
NAME = "storefront"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    products: int | None
    """Of the demo catalogue; None for all."""
    visitors: int
    """Who come back, in turns: of most of them nothing is remembered since the last time."""
    rounds: int
    seconds: float
    """Of each load."""
    warm: float
    """Seconds before them that do not count."""


FULL = Scope(products=None, visitors=600, rounds=5, seconds=20, warm=5)
QUICK = replace(FULL, products=demo.A_FEW, visitors=20, rounds=1, seconds=3, warm=1)


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench` calls."""
    return run(QUICK if quick else FULL, tell)


def run(scope: Scope, tell: Tell) -> list[Row]:
    """All rows."""
    with (
        cores() as (own, others),
        tempfile.TemporaryDirectory(prefix="bench-storefront-") as folder,
        Servers(Path(folder)) as servers,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        Stage(Path(folder), servers) as stage,
    ):
        tell(f"{len(stage.processes)} services are up; {NAME} on core {own}, all else on {sorted(others)}")
        pin(stage.processes[NAME].pid, {own})
        with closing(stage.open(scope.products)):
            token = stage.signer.token("seed", "catalog:admin")
            tell(f"pictures: {runner.run(seed_pictures(stage.url('catalog'), token))}")
        slugs = [each.slug for each in demo.products(scope.products)]
        cookies = runner.run(returning(stage.url(NAME), slugs, scope.visitors))
        tell(f"{len(cookies)} visitors have been here")
        found = []
        for number in range(scope.rounds):
            for who, visitors in (("new", asking([])), ("returning", asking(cookies))):
                row = runner.run(_load(stage, visitors, scope))
                found.append({"row": "load", "visitor": who, "round": number + 1, **row})
                tell(f"{who} visitors, round {number + 1}: p50 {row['p50_ms']} ms, p99 {row['p99_ms']} ms, "
                     f"{row['failed']} failed")  # fmt: skip
        memory = shares_of_memory(memory_of(stage.processes[NAME]))
        # Last: playwright has an event loop of its own.
        with chromium() as browser:
            for width in WIDTHS:
                found.append({"row": "first visit", **first.visit(browser, stage.url(NAME), width)})
    return [*found, {"row": "memory", **memory}]


@contextmanager
def cores() -> Iterator[tuple[int, Set[int]]]:
    """The storefront's core and those of everybody else, where this process and all that it starts are."""
    all_of_them = os.sched_getaffinity(0)
    own = max(all_of_them)
    others = all_of_them - {own} or {own}
    os.sched_setaffinity(0, others)
    try:
        yield own, others
    finally:
        os.sched_setaffinity(0, all_of_them)


async def _load(stage: Stage, visitors: Visitors, scope: Scope) -> Row:
    url = stage.url(NAME)
    connections = Connections(url)
    before = await parts(url)
    try:
        open_load = load.at_rate(sending(visitors, connections), RATE)
        row = await load.measure(open_load, stage.clocks(NAME), warm=scope.warm, seconds=scope.seconds)
    finally:
        connections.close()
    after = await parts(url)
    return {
        "asked_per_second": RATE,
        **row,
        "parts": {outcome: round(after[outcome] - before[outcome]) for outcome in before},
    }
