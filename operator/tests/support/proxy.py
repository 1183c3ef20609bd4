"""A proxy between one operator and the API server, in which a test can see, cut and falsify every call.

The operator speaks plain HTTP to it. What happens to a call is decided by `on_call`, which may forward it,
answer in the server's place, or end the connection; what happens to a watch by `on_watch`, which turns the
events that the server sent into those that the operator sees. Both pass everything on unless replaced.
"""

import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web
from kindlocal.apiserver import ApiServer

READS = {"get", "list", "watch"}
# Of what the operator sends, all that the API server looks at.
PASSED_ON = ("Accept", "Authorization", "Content-Type", "User-Agent")


@dataclass(frozen=True)
class Call:
    """One request of the operator."""

    verb: str
    resource: str
    name: str
    subresource: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def write(self) -> bool:
        return self.verb not in READS

    def __str__(self) -> str:
        """What it is for: without what differs from one life to the next in the names of Events and Jobs."""
        told = self.verb == "create" and self.resource == "events"
        name = json.loads(self.body)["reason"] if told else re.sub("-[0-9a-f]{8}$", "-<hash>", self.name)
        return f"{self.verb} {'/'.join(filter(None, (self.resource, name, self.subresource)))}"


@dataclass(frozen=True)
class Answer:
    """What comes back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @classmethod
    def error(cls, status: int, reason: str, message: str, **headers: str) -> Self:
        """A Status object, as the API server sends it."""
        return cls(status, json.dumps(failure(status, reason, message)).encode(), headers)


class Reset(Exception):  # noqa: N818 - what happens, not what is wrong
    """The connection ends here, without a word."""


Forward = Callable[[], Awaitable[Answer]]
OnCall = Callable[[Call, Forward], Awaitable[Answer]]
Event = dict[str, Any]
OnWatch = Callable[[Call, AsyncIterator[Event]], AsyncIterator[Event]]


def failure(status: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": status, "reason": reason, "message": message,
    }  # fmt: skip


async def forwarded(call: Call, forward: Forward) -> Answer:
    return await forward()


async def all_events(call: Call, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        yield event


class Proxy:
    """Use as an async context manager; `url` is for the operator."""

    url: str

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.on_call: OnCall = forwarded
        self.on_watch: OnWatch = all_events
        self.calls: list[Call] = []
        """Every call so far, in the order in which they came; watches too."""
        self.in_flight = 0
        """Calls that are not answered yet; watches apart."""
        self.seen: dict[str, int] = {}
        """The latest resourceVersion of each resource that a watch has shown to the operator."""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            connector = aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context(cafile=self._server.ca))
            timeout = aiohttp.ClientTimeout(total=None)
            self._session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)
            )
            # A call ends with the operator that made it.
            runner = web.ServerRunner(
                web.Server(self._handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.write]

    async def forward(self, call: Call) -> Answer:
        """Ask the API server itself."""
        method = {"create": "POST", "delete": "DELETE"}.get(call.verb, "GET" if not call.write else "PATCH")
        async with self._session.request(
            method, self._server.url + call.path, params=call.query, headers=call.headers,
            data=call.body or None,
        ) as response:  # fmt: skip
            kept = {name: response.headers[name] for name in ("Retry-After",) if name in response.headers}
            return Answer(response.status, await response.read(), kept)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = await _call(request)
        self.calls.append(call)
        try:
            if call.verb == "watch":
                return await self._watch(call, request)
            self.in_flight += 1
            try:
                answer = await self.on_call(call, lambda: self.forward(call))
            finally:
                self.in_flight -= 1
        except Reset:
            assert request.transport
            request.transport.abort()
            return web.Response()
        return web.Response(
            status=answer.status, body=answer.body, headers=answer.headers, content_type="application/json"
        )

    async def _watch(self, call: Call, request: web.BaseRequest) -> web.StreamResponse:
        async with self._session.get(
            self._server.url + call.path, params=call.query, headers=call.headers
        ) as source:

            async def connected() -> Answer:
                return Answer(source.status, b"" if source.ok else await source.read(), {})

            answer = await self.on_call(call, connected)
            response = web.StreamResponse(status=answer.status)
            response.content_type = "application/json"
            await response.prepare(request)
            if answer.status != 200:
                await response.write(answer.body)
                return response
            async for event in self.on_watch(call, _events(source)):
                try:
                    await response.write(json.dumps(event).encode() + b"\n")
                except ConnectionError:  # the operator has gone
                    break
                version = event["object"].get("metadata", {}).get("resourceVersion", "0")
                self.seen[call.resource] = max(int(version), self.seen.get(call.resource, 0))
            return response


async def _events(source: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    rest = b""
    async for chunk in source.content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield json.loads(line)


async def _call(request: web.BaseRequest) -> Call:
    query = dict(request.query)
    body = await request.read()
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]  # api/v1/…, apis/<group>/<version>/…
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    resource, name, subresource = [*parts, "", "", ""][:3]
    match request.method:
        case "GET" if query.get("watch") in ("1", "true"):
            verb = "watch"
        case "GET":
            verb = "get" if name else "list"
        case "POST":
            verb, name = "create", json.loads(body)["metadata"].get("name", "")
        case "PATCH":
            verb = "apply" if "apply-patch" in request.headers.get("Content-Type", "") else "patch"
        case "DELETE":
            verb = "delete"
        case other:
            raise AssertionError(f"the operator is not known to send {other} {request.path}")
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    return Call(verb, resource, name, subresource, request.path, query, headers, body)
