"""The measurements. Times come from the API server's audit log wherever they can."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Iterable
from typing import Any

from shop_operator.cluster import kinds

from shop_bench.operator import audit
from shop_bench.operator.arena import AGENT, PERSON, Arena
from shop_bench.operator.crowd import FULL, LEAN, REPAIRED
from shop_bench.process import Process, Shares, cpu_seconds, memory, quiet

Row = dict[str, Any]

FULL_NAMES = tuple(f"full-{number}" for number in range(10))
PACE_SECONDS = 0.05
"""Between two repairs: longer than one takes, so that they do not wait for each other."""
PATIENCE_SECONDS = 30
"""After which a repair is taken never to come."""


def names(prefix: str, count: int) -> list[str]:
    """That many names of ShopServices."""
    return [f"{prefix}{number:04}" for number in range(count)]


async def create(arena: Arena, party: Process, agent: str, wanted: list[str]) -> Row:
    """All of them at once, until each has its children and its status."""
    shares = Shares({agent: party.pid, **arena.pids})
    mark, began = arena.size(), cpu_seconds(party.pid)
    applying = asyncio.create_task(arena.apply(wanted, LEAN))
    await arena.until_reported(agent, set(wanted), since=mark)
    cores = shares.cores()
    await applying
    await quiet(party.pid)
    found = set(wanted)
    made: dict[str, float] = {}
    calls = arena.calls(mark, agent, PERSON)
    first = min(call.begun for call in calls if call.agent == PERSON)
    own = [call for call in calls if call.agent == agent]
    for call in own:
        if call.subresource == "status" and call.name in found:
            made.setdefault(call.name, call.ended)
    seconds = max(made.values()) - first
    children = sum(1 for call in own if call.verb == "patch" and not call.subresource)
    return {
        "seconds": round(seconds, 3),
        "services_per_second": round(len(wanted) / seconds, 1),
        "children_per_second": round(children / seconds, 1),
        "children_per_service": round(children / len(wanted), 2),
        "calls": audit.counted(own),
        "cores": cores,
        "busiest": next(iter(cores)),
        "cpu_ms_per_service": round((cpu_seconds(party.pid) - began) * 1000 / len(wanted), 2),
        **memory(party.pid),
    }


async def idle(arena: Arena, operator: Process, present: list[str]) -> Row:
    """A reconcile of each that finds nothing to do."""
    await quiet(operator.pid)
    before, used, mark = _reconciles(arena), cpu_seconds(operator.pid), arena.size()
    scrape = cpu_seconds(operator.pid)
    _reconciles(arena)
    scrape = cpu_seconds(operator.pid) - scrape
    await arena.annotate(present, str(time.time()))
    await quiet(operator.pid)
    done = _reconciles(arena) - before
    own = arena.calls(mark, AGENT)
    return {
        "reconciles": done,
        "reads": sum(call.verb in ("get", "list") for call in own),
        "writes": sum(call.verb in audit.WRITES for call in own),
        "cpu_ms_per_reconcile": round(
            (cpu_seconds(operator.pid) - used - 2 * scrape) * 1000 / max(done, 1), 2
        ),
    }


async def repair(arena: Arena, crowd: list[str], rounds: int) -> list[Row]:
    """A child of each kind deleted, and one edited, again and again: how long until it is as it was."""
    mark, broken = arena.size(), []
    for number in range(rounds):
        for index, (kind, suffix) in enumerate(REPAIRED):
            for how in ("delete", "edit"):
                among = FULL_NAMES if suffix else crowd
                # Another service each time, so that no two repairs are of one and the same.
                name = among[(number * len(REPAIRED) * 2 + index * 2 + (how == "edit")) % len(among)] + suffix
                await (arena.delete if how == "delete" else arena.edit)(kind, name)
                broken.append((kind, name, how))
                await asyncio.sleep(PACE_SECONDS)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = _repaired(broken, arena.calls(mark, AGENT, PERSON))
        everything = [seconds for times in found.values() for seconds in times]
        if float("inf") not in everything or time.monotonic() > deadline:
            break
        await asyncio.sleep(1)
    rows = [{"kind": kind, "how": how, **spread(times)} for (kind, how), times in found.items()]
    return [{"kind": "all", "how": "both", **spread(everything)}, *rows]


def _repaired(
    broken: list[tuple[str, str, str]], calls: list[audit.Call]
) -> dict[tuple[str, str], list[float]]:
    """By kind and by how it was broken: seconds from the answer to that until the answer to the repair."""
    found: dict[tuple[str, str], list[float]] = {}
    for kind, name, how in broken:
        resource = kinds.of(kind).plural
        verb = "delete" if how == "delete" else "patch"
        index, cause = next(
            (i, c) for i, c in enumerate(calls)
            if (c.agent, c.verb, c.resource, c.name) == (PERSON, verb, resource, name)
        )  # fmt: skip
        calls[index] = cause._replace(agent="")
        ends = (
            call.ended
            for call in calls
            if call.agent == AGENT
            and call.verb in ("patch", "create")
            and (call.resource, call.name) == (resource, name)
            # The event may be there before the answer: a Service's address is given back in between.
            and call.begun > cause.begun
        )
        found.setdefault((kind, how), []).append(max(0.0, next(ends, float("inf")) - cause.ended))
    return found


async def restart(arena: Arena, services: int) -> Row:
    """Stopped and started again with nothing changed meanwhile."""
    mark, began = arena.size(), time.monotonic()
    with arena.operator() as operator:
        line = json.loads(await operator.said('"caught up"'))
        total = time.monotonic() - began
        used = cpu_seconds(operator.pid)
        await quiet(operator.pid)
        figures = memory(operator.pid)
    own = arena.calls(mark, AGENT)
    lists = [call.resource for call in own if call.first_page]
    return {
        "seconds_after_import": line["seconds"],
        "seconds_with_import": round(total, 3),
        "cpu_seconds": round(used, 2),
        "services": services,
        "writes": sum(call.verb in audit.WRITES for call in own),
        "reads": sum(call.verb == "get" for call in own),
        "lists": len(lists),
        "listed_twice": sorted({resource for resource in lists if lists.count(resource) > 1}),
        "pages": sum(call.verb == "list" for call in own),
        **figures,
    }


async def add_full(arena: Arena, operator: Process) -> None:
    """Those among them that have every kind of child."""
    mark = arena.size()
    await arena.apply(FULL_NAMES, FULL)
    await arena.until_reported(AGENT, set(FULL_NAMES), since=mark)
    await quiet(operator.pid)


def spread(seconds: Iterable[float]) -> Row:
    """Percentiles in milliseconds; what was never seen is counted and left out."""
    every = sorted(seconds)
    times = [1000 * one for one in every if one != float("inf")]
    if not times:
        return {"count": len(every), "missing": len(every)}
    return {
        "count": len(every),
        "missing": len(every) - len(times),
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 1),
        "max_ms": round(times[-1], 1),
    }


def _reconciles(arena: Arena) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{arena.metrics_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = "shop_operator_reconcile_duration_seconds_count"
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(found)))
