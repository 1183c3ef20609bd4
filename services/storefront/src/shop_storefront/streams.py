"""Answers of neighbours handed on as they come: pictures, `/api`."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack

import httpx
import structlog
from fastapi import Request
from shop_chassis.client.connections import connections
from shop_chassis.context import current
from shop_chassis.problems import problem_response
from shop_chassis.tracing import current_traceparent
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from shop_storefront.near.clients import Neighbours

log = structlog.get_logger(__name__)

_SENT_ON = (
    "accept",
    "content-type",
    "content-length",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "last-event-id",
)
_HANDED_BACK = (
    "content-type",
    "content-length",
    "content-encoding",
    "cache-control",
    "etag",
    "location",
    "retry-after",
    "idempotent-replayed",
    "content-disposition",
    "www-authenticate",
    "x-content-type-options",
)
_MOST = 64
"""Requests under way to one neighbour; more are refused at once. So many streams besides: they stay, and
what is quick must not wait for them.
"""
_CONNECT = 2.0


class TooMuch(Exception):  # noqa: N818 - named for what it says
    """The body is longer than it may be."""


class Streams:
    """A connection pool for each neighbour, besides its client's: here nothing is repeated or understood."""

    def __init__(self, near: Neighbours, urls: Mapping[str, str]) -> None:
        self._http = {
            name: httpx.AsyncClient(
                base_url=urls[name],
                transport=connections(urls[name], 2 * _MOST, 10.0),
                timeout=httpx.Timeout(None, connect=_CONNECT),
                trust_env=False,
                follow_redirects=False,
            )
            for name in near.by_name()
        }
        self._active: Counter[tuple[str, bool]] = Counter()

    async def forward(
        self,
        request: Request,
        callee: str,
        path: str,
        *,
        headers: Mapping[str, str],
        limit: int,
        seconds: float | None = 8.0,
    ) -> Response:
        """The neighbour's answer to this request at `path`, streamed both ways.

        `headers` are added (who asks); `limit` is of the request's body in bytes; `seconds` until the answer
        begins and between two pieces of it, None: as long as it takes. Answers 413, 503, 504 itself.
        """
        length = request.headers.get("content-length")
        if length is not None and (not length.isdecimal() or int(length) > limit):
            return problem_response(413, f"a request may have {limit} bytes here")
        kind = (callee, seconds is None)
        if self._active[kind] >= _MOST:
            return problem_response(
                503, f"too many requests to {callee} are under way", headers={"Retry-After": "1"}
            )
        sent = {name: value for name, value in request.headers.items() if _goes_on(name)} | dict(headers)
        if (inherited := current()) is not None:
            sent["X-Request-Id"] = inherited.id
        if (traceparent := current_traceparent()) is not None:
            sent["traceparent"] = traceparent
        has_body = length not in (None, "0") or "transfer-encoding" in request.headers
        http = self._http[callee]
        outgoing = http.build_request(
            request.method,
            f"{path}?{query}" if (query := request.url.query) else path,
            headers=sent,
            content=_limited(request, limit) if has_body else None,
            timeout=httpx.Timeout(seconds, connect=_CONNECT),
        )
        with ExitStack() as under_way:
            self._active[kind] += 1
            under_way.callback(self._active.subtract, [kind])
            try:
                answer = await http.send(outgoing, stream=True)
            except TooMuch:
                return problem_response(413, f"a request may have {limit} bytes here")
            except httpx.TimeoutException:
                return problem_response(504, f"{callee} gave no answer in time", headers={"Retry-After": "2"})
            except httpx.RequestError as error:
                log.warning("not forwarded", callee=callee, error=str(error) or type(error).__name__)
                return problem_response(503, f"{callee} does not answer", headers={"Retry-After": "2"})
            handing_on = under_way.pop_all()

        async def done() -> None:
            handing_on.close()
            await answer.aclose()

        back = {name: value for name, value in answer.headers.items() if name in _HANDED_BACK}
        return StreamingResponse(_pieces(answer), answer.status_code, back, background=BackgroundTask(done))

    async def start(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def stop(self) -> None:
        """Closes all connections."""
        for http in self._http.values():
            await http.aclose()


def _goes_on(name: str) -> bool:
    """Signatures are those of gateways and carriers, whose reports come through here."""
    return name in _SENT_ON or name.endswith("-signature")


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    left = limit
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise TooMuch
        yield piece


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
