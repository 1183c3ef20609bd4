"""Replicas that follow the same events answer alike: while products change, and between two formats."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from prometheus_client import CollectorRegistry
from shop_search.replica import Replica

from .world import World, replica, surroundings, until

QUERIES = ("", "lamp", "lmap", "lamp 1")


class Version:
    """The modules of a version of search."""

    def __init__(self) -> None:
        self.named = {name: each for name, each in sys.modules.items() if name.split(".")[0] == "shop_search"}

    def __getattr__(self, name: str) -> ModuleType:
        return self.named[f"shop_search.{name}"]


PRESENT = Version()


def next_version() -> Version:
    """One whose index calls its fields by other names: what it writes, this version cannot read."""
    present = Version().named
    try:
        for name in present:
            del sys.modules[name]
        schema: Any = import_module("shop_search.schema")
        schema.FORMAT += 1
        schema.STEMS = {language: f"{suffix}_stems" for language, suffix in schema.STEMS.items()}
        for name in ("replica", "search", "synonyms", "filters", "metrics"):
            import_module(f"shop_search.{name}")
        return Version()
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "shop_search"]:
            del sys.modules[name]
        sys.modules.update(present)


@asynccontextmanager
async def running(version: Version, world: World) -> AsyncIterator[Any]:
    """A replica of that version, from its start on."""
    with ThreadPoolExecutor(1) as threads:
        around = version.generation.Surroundings(
            world.bus, *world.snapshots(), version.metrics.IndexMetrics(CollectorRegistry()), threads
        )
        made = version.replica.Replica("next", around)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def answer(version: Version, replica: Any, query: str = "", after: str | None = None) -> Any:
    """A page of what it finds."""
    asked = version.search.Search(query, version.filters.Filters(), "relevance", 7, after)
    return version.search.run(replica.view, version.synonyms.load(None), asked)


async def level(*replicas: Any) -> None:
    """Returns when all have written everything that was published."""
    async with asyncio.timeout(60):
        for each in replicas:
            while any(stream.lag for stream in (await each.state()).streams):
                await asyncio.sleep(0.01)


def alike(*replicas: Any, of: tuple[Version, ...]) -> None:
    for query in QUERIES:
        one, *others = [
            answer(version, each, query).model_dump_json() for version, each in zip(of, replicas, strict=True)
        ]
        assert others == [one] * len(others), query


async def test_three_replicas_answer_alike_while_products_change() -> None:
    """At the same position, wherever each began and though one of them is built anew meanwhile."""
    rng, world = random.Random(7), World()
    for number in range(30):
        world.change(number)
    async with AsyncExitStack() as stack:
        replicas: list[Replica] = []
        for turn in range(6):
            if len(replicas) < 3:  # each begins with another snapshot
                around = await stack.enter_async_context(surroundings(world))
                replicas.append(await stack.enter_async_context(replica(around)))
            if turn == 4:
                before = replicas[0]._current
                replicas[0]._wanted.set()
                await until(lambda was=before: replicas[0]._current is not was)  # type: ignore[misc]
            for number in rng.sample(range(40), 12):
                world.change(number)
                world.restock(number)
                if rng.random() < 0.5:
                    await world.publish(rng.randint(1, 9))
            await world.publish()
            await level(*replicas)
            alike(*replicas, of=(PRESENT,) * len(replicas))
        assert answer(PRESENT, replicas[0]).total == len(world.truth())


async def test_a_version_with_another_format_takes_over_without_a_gap() -> None:
    """The old pods answer until the new one has an index of its own; pages go on at the new one."""
    world = World()
    for number in range(20):
        world.change(number)
    following = next_version()
    assert following.schema.FORMAT == PRESENT.schema.FORMAT + 1
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings(world))
        old = await stack.enter_async_context(replica(around))
        world.goes_on.clear()
        new = await stack.enter_async_context(running(following, world))
        for number in range(5):
            world.change(number)
        await world.publish()
        await level(old)
        assert new.problem() is not None, "not Ready before it has caught up"
        first = answer(PRESENT, old, "lamp")
        assert first.total == 20

        world.goes_on.set()
        await until(lambda: new.problem() is None)
        await level(old, new)
        alike(old, new, of=(PRESENT, following))
        assert (await new.state()).format == (await old.state()).format + 1
        found, page = [], first
        while True:
            found += [hit.slug for hit in page.items]
            if page.next is None:
                break
            page = answer(following, new, "lamp", page.next)
        assert sorted(found) == sorted(world.truth())
