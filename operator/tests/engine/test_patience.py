"""Kopf ends the operator when a watch is refused; what it is shown instead makes it list again."""

import json
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from shop_operator.engine.patience import Backoffs, WatchResponse

GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
ADDED = {"type": "ADDED", "object": {"metadata": {"name": "cart"}, "spec": {"args": ['{"type":"ERROR"']}}}


def line(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
async def server() -> AsyncIterator[dict[str, Any]]:
    """What it answers, and `url`."""
    answer: dict[str, Any] = {"status": 200, "chunks": []}

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=answer["status"])
        await response.prepare(request)
        for chunk in answer["chunks"]:
            await response.write(chunk)
        return response

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield answer | {"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "answer": answer}
    await runner.cleanup()


async def seen(server: dict[str, Any], query: str, status: int, *chunks: bytes) -> tuple[int, list[Any]]:
    """The status and the events that Kopf sees."""
    server["answer"] |= {"status": status, "chunks": chunks}
    async with (
        aiohttp.ClientSession(response_class=WatchResponse) as session,
        session.get(server["url"] + query) as response,
    ):
        text = b"".join([chunk async for chunk in response.content.iter_chunked(1024)])
        return response.status, [json.loads(found) for found in text.splitlines()]


@pytest.mark.parametrize("status", [400, 410, 500])
async def test_a_refused_watch_has_expired(server: dict[str, Any], status: int) -> None:
    found, (event,) = await seen(server, "?watch=true", status, line(GONE | {"code": status}))
    assert (found, event["type"], event["object"]["code"]) == (200, "ERROR", 410)
    assert "too old resource version" in event["object"].pop("message")
    assert event["object"] == {"kind": "Status", "code": 410, "reason": "Expired"}


async def test_an_error_of_any_code_has_expired(server: dict[str, Any]) -> None:
    error = {"type": "ERROR", "object": GONE | {"code": 504}}
    halves = line(ADDED)[:20], line(ADDED)[20:] + line(error)
    _, events = await seen(server, "?watch=true", 200, *halves)
    assert events[0] == ADDED
    assert (events[1]["type"], events[1]["object"]["code"]) == ("ERROR", 410)
    assert len(events) == 2


@pytest.mark.parametrize(("query", "status"), [("", 410), ("?limit=500", 500), ("?watch=true", 403)])
async def test_other_refusals_are_left_to_kopf(server: dict[str, Any], query: str, status: int) -> None:
    assert await seen(server, query, status, line(GONE)) == (status, [GONE])


def test_it_never_gives_up() -> None:
    assert list(islice(Backoffs(), 7)) == [0.1, 0.5, 1, 2, 5, 10, 10]
    assert list(islice(Backoffs(), 1)) == [0.1], "each request begins with the first"
