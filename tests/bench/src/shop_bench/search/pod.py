"""A search pod with all products: what it weighs, how long it takes to be ready, how soon it shows a price.

The real service in a process of its own, on one core, with a real NATS; neighbours that know only their
snapshots.
"""

import asyncio
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic_core import from_json
from shop_chassis.events import Event
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.testing.process import ServiceProcess
from shop_chassis.testing.servers import NatsServer
from shop_contracts.catalog import events
from shop_contracts.catalog.api import Product
from shop_contracts.catalog.snapshot import SNAPSHOT, SnapshotLine
from shop_contracts.money import Money
from shop_contracts.warehouse.snapshot import SNAPSHOT as STOCK
from shop_contracts.warehouse.snapshot import StockLine

from shop_bench.figures import Row
from shop_bench.search.engines import memory
from shop_bench.search.goods import Query, categories

LOOK_EVERY = 0.01
"""Seconds between two looks whether the new price is there."""


async def measure(goods: Sequence[Product], asked: Sequence[Query], changes: int) -> list[Row]:
    """One pod's life."""
    with tempfile.TemporaryDirectory(prefix="bench-search-") as folder, neighbours(goods) as url:
        server = NatsServer(Path(folder))
        server.start()
        bus = NatsBus(server.url, name="bench")
        await bus.start()
        for stream in ("catalog", "warehouse"):
            await bus.ensure_stream(stream, max_age=3600)
        pod = ServiceProcess(
            "shop_search", Path(folder), EVENTS_URL=server.url, CATALOG_URL=url, WAREHOUSE_URL=url,
            LOG_ACCESS="false",
        )  # fmt: skip
        try:
            began = time.monotonic()
            await asyncio.to_thread(_started, pod)
            ready = time.monotonic() - began
            loaded = memory(pod.pid)
            seconds = await asyncio.to_thread(_asked, pod.port, [query.text for query in asked])
            row: Row = {"row": "pod", "products": len(goods), "ready_seconds": ready,
                        "memory_ready": loaded, "memory_after_queries": memory(pod.pid),
                        "query_seconds": seconds}  # fmt: skip
            shown = await _prices(bus, pod.port, goods, changes)
            row |= {"price_seconds": shown, "memory_after_changes": memory(pod.pid)}
            return [row]
        finally:
            pod.kill()
            await bus.stop()
            server.stop()


def _started(pod: ServiceProcess) -> None:
    pod.start(wait_for="/healthz", seconds=300)
    os.sched_setaffinity(pod.pid, {max(os.sched_getaffinity(0))})
    for thread in Path(f"/proc/{pod.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {max(os.sched_getaffinity(0))})
    while pod.status("/readyz") != 200:
        time.sleep(0.1)


def _asked(port: int, texts: Sequence[str]) -> list[float]:
    """Seconds of each, over one connection."""
    connection, seconds = HTTPConnection("127.0.0.1", port), []
    for text in texts:
        began = time.perf_counter()
        _get(connection, f"/search?limit=10&q={quote(text)}")
        seconds.append(time.perf_counter() - began)
    return seconds


def _get(connection: HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return from_json(body)


async def _prices(bus: NatsBus, port: int, goods: Sequence[Product], changes: int) -> list[float]:
    """From the publication of a price to the first result that shows it."""
    rng, connection, seconds = random.Random(3), HTTPConnection("127.0.0.1", port), []
    for number in range(changes):
        price = Money(amount=1_000_000 + number, currency="EUR")
        product = rng.choice(goods).model_copy(update={"price": price, "version": number + 2})
        told = Event(
            source="/catalog", type=events.PRODUCT_CHANGED, subject=str(product.id), sequence=number + 2,
            data=events.ProductChanged(product=product).model_dump(mode="json"),
        )  # fmt: skip
        began = time.perf_counter()
        await bus.publish(told.topic, told.encode(), message_id=told.id)
        while True:
            found = await asyncio.to_thread(_get, connection, f"/search?q={quote(product.sku)}&limit=1")
            if found["items"] and found["items"][0]["price"]["amount"] == price.amount:
                break
            await asyncio.sleep(LOOK_EVERY)
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(rng.uniform(0, 0.3))
    return seconds


@contextmanager
def neighbours(goods: Sequence[Product]) -> Iterator[str]:
    """Catalog and warehouse at one address, as far as search asks them when it starts."""
    app = FastAPI()

    async def lines() -> AsyncIterator[bytes]:
        yield SnapshotLine(categories=categories(), sequence=1).model_dump_json().encode() + b"\n"
        for start in range(0, len(goods), 500):
            piece = (
                SnapshotLine.model_construct(product=each, sequence=1) for each in goods[start : start + 500]
            )
            yield b"".join(line.model_dump_json(exclude_unset=True).encode() + b"\n" for line in piece)
        yield SnapshotLine(end=len(goods)).model_dump_json().encode() + b"\n"

    async def stock() -> AsyncIterator[bytes]:
        for number, each in enumerate(goods):
            line = StockLine.model_construct(product_id=each.id, available=number % 10, sequence=1)
            yield line.model_dump_json(exclude_unset=True).encode() + b"\n"
        yield StockLine(end=len(goods)).model_dump_json().encode() + b"\n"

    app.get(SNAPSHOT)(lambda: StreamingResponse(lines()))
    app.get(STOCK)(lambda: StreamingResponse(stock()))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
