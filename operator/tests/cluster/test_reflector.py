"""List + watch against a server that does what a real one rarely does: cuts streams, forgets versions."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from aiohttp import web
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api
from shop_operator.cluster.connection import Connection
from shop_operator.cluster.reflector import Reflector
from shop_operator.engine.cache import Cache

SECRET = kinds.of("Secret")


def secret(name: str, version: int) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": name, "labels": {"shopservice.dev/name": "cart"}}
    return {"metadata": {**metadata, "resourceVersion": str(version)}}


class Server:
    """Answers lists from `objects` in pages of two, and watches from `scripts`, one for each connection."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.version = 10
        self.scripts: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()
        self.watched_from: list[str] = []
        self.lists = 0
        self.expired = 0  # how often a list is too old before it is complete

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        start = int(request.query.get("continue", 0))
        self.lists += start == 0
        if start and self.expired:
            self.expired -= 1
            expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "continue is too old"}
            return web.json_response(expired, status=410)
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        if start + 2 < len(self.objects):
            metadata["continue"] = str(start + 2)
        # As the API server does it for metadata alone: no items are null.
        return web.json_response({"metadata": metadata, "items": self.objects[start : start + 2] or None})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watched_from.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        for event in await self.scripts.get():
            await response.write(json.dumps(event).encode() + b"\n")
        return response  # and the connection ends


@contextlib.asynccontextmanager
async def running(server: Server) -> AsyncIterator[Cache]:
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    cache = Cache()
    async with Api(Connection(kopf.ConnectionInfo(server=f"http://127.0.0.1:{port}"))) as api:
        reflector = Reflector(api, SECRET, cache)
        task = asyncio.create_task(reflector.run())
        await reflector.synced.wait()
        yield cache
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await runner.cleanup()


def names(cache: Cache) -> set[str]:
    return {manifest["metadata"]["name"] for manifest in cache.of_kind("Secret")}


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_lists_in_pages_then_watches_and_resumes_where_a_stream_ended() -> None:
    server = Server()
    server.objects = [secret(name, 5) for name in "abcde"]
    async with running(server) as cache:
        assert names(cache) == set("abcde")
        added = {"type": "ADDED", "object": secret("f", 11)}
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}}
        server.scripts.put_nowait([added, bookmark])
        server.scripts.put_nowait([{"type": "DELETED", "object": secret("a", 16)}])
        await until(lambda: len(server.watched_from) == 3)
        assert names(cache) == set("bcdef")
        assert server.watched_from == ["10", "15", "16"]
        assert server.lists == 1


@pytest.mark.parametrize("code", [410, 500])
async def test_a_version_that_is_gone_means_a_new_list_without_ghosts(code: int) -> None:
    server = Server()
    server.objects = [secret("stays", 5), secret("ghost", 6)]
    async with running(server) as cache:
        server.objects, server.version = [secret("stays", 5), secret("new", 20)], 30
        gone = {"kind": "Status", "code": code, "reason": "Expired", "message": "too old resource version"}
        server.scripts.put_nowait([{"type": "ERROR", "object": gone}])
        await until(lambda: len(server.watched_from) == 2)
        assert names(cache) == {"stays", "new"}
        assert server.watched_from == ["10", "30"]


async def test_a_list_that_expires_between_its_pages_is_begun_anew_and_not_in_a_hurry() -> None:
    server = Server()
    server.objects, server.expired = [secret(name, 5) for name in "abc"], 2
    began = asyncio.get_running_loop().time()
    async with running(server) as cache:
        assert names(cache) == set("abc")
        assert server.lists == 3
        assert asyncio.get_running_loop().time() - began > 0.3


async def test_a_kind_without_objects_is_a_list_too() -> None:
    async with running(Server()) as cache:
        assert names(cache) == set()


async def test_lines_longer_than_any_buffer_are_read() -> None:
    server = Server()
    async with running(server) as cache:
        big = secret("big", 11) | {"data": {"x": "y" * 1_000_000}}
        server.scripts.put_nowait([{"type": "ADDED", "object": big}])
        await until(lambda: names(cache) == {"big"})
