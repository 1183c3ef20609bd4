"""What happens to every request before and after the application: one pure ASGI layer.

It answers health and metrics itself, gives the request its context (id, trace, deadline), measures and logs
it, and turns what the application did not catch into an answer.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from prometheus_client.exposition import choose_encoder
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_chassis import context, tracing
from shop_chassis.context import RequestContext
from shop_chassis.metrics import METHODS, ServerMetrics
from shop_chassis.problems import problem_response
from shop_chassis.runtime import Runtime
from shop_chassis.settings import Settings
from shop_chassis.store import first_line, outage, unavailable
from shop_chassis.tracing import Span

log = structlog.get_logger("access")
errors = structlog.get_logger(__name__)

HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
_STREAMING = "__streaming__"

H = TypeVar("H", bound=Callable[..., Any])


def streaming(handler: H) -> H:
    """Marks a handler whose answer goes on and on: it has no deadline, and its requests are not measured.

    Written below the decorator of the route. A caller cannot ask for it.
    """
    setattr(handler, _STREAMING, True)
    return handler


@dataclass(frozen=True, slots=True)
class Stream:
    """A route of such a handler."""

    path: re.Pattern[str]
    methods: frozenset[str]

    def is_asked(self, scope: Scope) -> bool:
        """Whether the request is one of this route."""
        return scope["method"] in self.methods and self.path.match(scope["path"]) is not None


def streams_of(app: FastAPI) -> tuple[Stream, ...]:
    """The streaming routes of an application that has all its routes."""
    return tuple(
        Stream(route.path_regex, frozenset(route.methods or ()))
        for route in iter_route_contexts(app.routes)
        if getattr(route.endpoint, _STREAMING, False)
    )


class Edge:
    """Wraps the application of one service."""

    def __init__(
        self,
        app: ASGIApp,
        runtime: Runtime[Settings],
        metrics: ServerMetrics,
        streams: Iterable[Stream] = (),
    ) -> None:
        self._app = app
        self._streams = tuple(streams)
        self._runtime = runtime
        self._metrics = metrics
        self._log_access = runtime.settings.log_access
        self._longest = runtime.settings.request_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in HEALTH:
            response = await self._health(scope)
            await response(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _health(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return problem_response(405, headers={"Allow": "GET, HEAD"})
        match scope["path"]:
            case "/healthz":
                return PlainTextResponse("ok\n")
            case "/readyz":
                problems = await self._runtime.problems()
                body = {"ready": not problems, "reasons": problems}
                return JSONResponse(body, 503 if problems else 200)
            case _:
                # OpenMetrics, which has exemplars, for whom that can be.
                accept = _headers(scope["headers"], _ACCEPT).get(b"accept", b"").decode("latin-1")
                encode, media_type = choose_encoder(accept)
                return Response(encode(self._runtime.metrics), media_type=media_type)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        headers = _headers(scope["headers"])
        stream = any(each.is_asked(scope) for each in self._streams)
        parent = tracing.parse(headers.get(b"traceparent", b"").decode("latin-1"))
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._runtime.tracer.begin(method, "server", parent)
        request = _context(headers, span.trace_id, began, math.inf if stream else self._longest)
        answer = _Answer(send, request.id, self._runtime)
        token, place = context.enter(request), tracing.enter(span)
        if not stream:
            self._metrics.requests.inc()
            self._metrics.in_flight.change(+1)
        try:
            await self._run(scope, receive, answer, request)
        finally:
            if not stream:
                self._metrics.in_flight.change(-1)
            seconds = time.monotonic() - began
            if not stream:
                self._metrics.done(method, _route(scope), answer.status, seconds, span)
            if self._log_access:
                log.info(
                    "request",
                    method=scope["method"],
                    route=_route(scope) or "unmatched",
                    status=answer.status,
                    ms=round(seconds * 1000, 1),
                )
            if span.told:
                _tell(span, method, _route(scope), answer.status, request.id)
            tracing.leave(place)
            context.leave(token)

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer", request: RequestContext) -> None:
        limit = None if math.isinf(request.deadline) else request.time_left()
        try:
            async with asyncio.timeout(limit) as timeout:
                await self._app(scope, receive, answer)
        except Exception as error:
            if timeout.expired() and isinstance(error, TimeoutError):
                problem = problem_response(504, f"no answer within {limit:.2g} s, the time this request had")
            elif unavailable(error):
                errors.warning("database unavailable", route=_route(scope), error=first_line(error))
                problem = problem_response(503, outage(error), headers={"Retry-After": "2"})
            else:
                errors.exception("request failed", method=scope["method"], route=_route(scope))
                problem = problem_response(500, "an error inside the service; its log has the X-Request-Id")
            if answer.status_sent:
                raise  # the server breaks the half-sent answer off
            await problem(scope, receive, answer)


class _Answer:
    """`send`, with what every answer carries."""

    def __init__(self, send: Send, request_id: str, runtime: Runtime[Settings]) -> None:
        self._send = send
        self._request_id = request_id
        self._runtime = runtime
        self.status = 499
        """As nginx has it: until there is an answer, the caller has gone."""
        self.status_sent = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.status_sent = True
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode("ascii"))]
            if self._runtime.draining:
                headers.append((b"connection", b"close"))
            message["headers"] = headers
        await self._send(message)


def _route(scope: Scope) -> str:
    """The pattern that matched, empty for none. Not the path: ids in it can be secrets, as a cart's is."""
    return str(getattr(scope.get("route"), "path", ""))


def _tell(span: Span, method: str, route: str, status: int, request_id: str) -> None:
    """By OpenTelemetry's conventions for HTTP servers; without url.path, for the same reason as `_route`."""
    span.note({
        "http.request.method": method, "http.response.status_code": status, "shop.request.id": request_id,
    })  # fmt: skip
    if route:
        span.note({"http.route": route}, name=f"{method} {route}")
    if status >= 500:
        span.fail(str(status))
    span.end()


_WANTED = frozenset({b"authorization", b"traceparent", b"x-request-id", b"x-request-deadline"})
_ACCEPT = frozenset({b"accept"})


def _headers(raw: Iterable[tuple[bytes, bytes]], wanted: frozenset[bytes] = _WANTED) -> dict[bytes, bytes]:
    return {name: value for name, value in raw if name in wanted}


def _context(headers: dict[bytes, bytes], trace_id: str, now: float, longest: float) -> RequestContext:
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    authorization = headers.get(b"authorization")
    return RequestContext(
        id=given if _REQUEST_ID.fullmatch(given) else trace_id,
        deadline=now + min(longest, _seconds(headers.get(b"x-request-deadline"))),
        authorization=authorization.decode("latin-1") if authorization else None,
    )


def _seconds(header: bytes | None) -> float:
    """Infinity where there is none, or no number."""
    try:
        seconds = float(header or b"inf")
    except ValueError:
        return math.inf
    return math.inf if math.isnan(seconds) else max(0.0, seconds)
