"""One run: which sizes, how many rounds, in which order."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_bench.operator import bare, rows
from shop_bench.operator.arena import AGENT, Arena
from shop_bench.operator.crowd import LEAN

Row = dict[str, Any]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Scope:
    """How much is measured: rounds of making, and of repairing and restarting within each, by size."""

    sizes: dict[int, int]
    repairs: int
    restarts: int
    crowded: int
    """At this size repairs are also measured while as many services again are made."""


FULL = Scope(sizes={10: 3, 100: 3, 1000: 3, 3000: 1}, repairs=6, restarts=3, crowded=1000)
QUICK = Scope(sizes={10: 1, 100: 1}, repairs=1, restarts=1, crowded=100)


def measure(quick: bool, tell: Tell) -> list[Row]:
    """What `shop-bench` calls."""
    return asyncio.run(run(QUICK if quick else FULL, tell))


async def run(scope: Scope, tell: Tell) -> list[Row]:
    """All rows. The operator and the bare client take turns in going first."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-operator-") as folder:
        status = await _status(Path(folder))
        for size, rounds in scope.sizes.items():
            for number in range(rounds):
                parties = [_operator(Path(folder), size, scope), _bare(Path(folder), size, status)]
                for party in parties if number % 2 == 0 else reversed(parties):
                    began = time.monotonic()
                    measured = await party
                    found += [{**row, "size": size, "round": number + 1} for row in measured]
                    tell(f"{size:5} services, round {number + 1}: {measured[0]['party']}, "
                         f"{time.monotonic() - began:.0f} s")  # fmt: skip
    return found


async def _status(folder: Path) -> Row:
    """What the operator reports of a service of the crowd; the bare client will report the same."""
    async with Arena(folder) as arena:
        with arena.operator() as operator:
            await operator.said('"started"')
            mark = arena.size()
            await arena.apply([bare.NAME], LEAN)
            await arena.until_reported(AGENT, {bare.NAME}, since=mark)
            return await arena.status_of(bare.NAME)


async def _operator(folder: Path, size: int, scope: Scope) -> list[Row]:
    crowd, more = rows.names("s", size), rows.names("t", size)
    found: list[Row] = []
    async with Arena(folder) as arena:
        with arena.operator() as operator:
            await operator.said('"started"')
            made = await rows.create(arena, operator, AGENT, crowd)
            found.append({"row": "create", "party": AGENT, **made})
            await rows.add_full(arena, operator)
            found.append({"row": "nothing to do", **await rows.idle(arena, operator, crowd)})
            repaired = await rows.repair(arena, crowd, scope.repairs)
            found += [{"row": "repair", **row} for row in repaired]
        for _ in range(scope.restarts):
            again = await rows.restart(arena, size + len(rows.FULL_NAMES))
            found.append({"row": "restart", **again})
        if size == scope.crowded:
            with arena.operator() as operator:
                await operator.said('"caught up"')
                making = asyncio.create_task(rows.create(arena, operator, AGENT, more))
                await asyncio.sleep(0.5)
                repaired = await rows.repair(arena, crowd, scope.repairs)
                during = not making.done()
                await making
            found += [{"row": "repair while others are made", "during": during, **row} for row in repaired]
    return found


async def _bare(folder: Path, size: int, status: Row) -> list[Row]:
    async with Arena(folder) as arena:
        with arena.bare(status) as client:
            await client.said("started")
            made = await rows.create(arena, client, bare.AGENT, rows.names("s", size))
            return [{"row": "create", "party": bare.AGENT, **made}]
