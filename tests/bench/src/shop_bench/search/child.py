"""One engine in a process of its own, on one core; asked by lines of JSON on its standard input.

{"load": 100000}        {"seconds": …, "memory": …, "disk": …}
{"search": ["…", …]}    {"seconds": […], "cpu_seconds": […], "found": [[…], …]}
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from shop_bench.search import engines
from shop_bench.search.engines import memory
from shop_bench.search.goods import categories, products

ENGINES: dict[str, type[engines.Engine]] = {
    kind.name: kind
    for kind in (
        engines.Shop,
        engines.Fts5,
        engines.Fts5Trigrams,
        engines.Postgres,
        engines.PostgresTitles,
        engines.PostgresWords,
    )
}


async def answer(engine: engines.Engine, asked: dict[str, Any]) -> dict[str, Any]:
    """What the parent wants to know."""
    if "load" in asked:
        goods = list(products(asked["load"]))
        before, began = memory(), time.perf_counter()
        await engine.load(goods, categories())
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "memory": memory() - before + engine.apart(), "disk": engine.size()}
    seconds_each, used, found = [], [], []
    for text in asked["search"]:
        began, used_before = time.perf_counter(), time.process_time() + engine.cpu_apart()
        ids = await engine.search(text)
        seconds_each.append(time.perf_counter() - began)
        used.append(time.process_time() + engine.cpu_apart() - used_before)
        found.append([str(id) for id in ids])
    return {"seconds": seconds_each, "cpu_seconds": used, "found": found}


async def main(name: str) -> None:
    """Until the input ends."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # servers that it starts share the core
    engine = ENGINES[name]()
    try:
        for line in sys.stdin:
            print(json.dumps(await answer(engine, json.loads(line))), flush=True)
    finally:
        await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
