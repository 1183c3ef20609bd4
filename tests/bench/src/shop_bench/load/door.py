"""How one shopper reaches the services: on own connections, every request timed, checked and noted."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from shop_faults.journal import Journal, Line
from shop_journeys.api import Api

from shop_bench.load.checks import fault, route
from shop_bench.load.samples import ARRIVAL, LEFT, Request

TIMEOUT = 10.0
"""Seconds, from when a request is sent."""
Note = Callable[[Request], None]


@dataclass(frozen=True)
class Shop:
    """Where the services are, and where what is seen of them goes."""

    services: Mapping[str, str]
    """URL by name; what is not listed can be had through the storefront's public API."""
    note: Note
    journal: Journal | None = None
    """Everything that changes something, and the orders that are looked at: as tests/faults has it."""

    def url(self, service: str) -> str:
        """Raises KeyError for a service that there is no way to."""
        if service in self.services:
            return self.services[service]
        return f"{self.services['storefront']}/api/{service}"


class Door:
    """Of one shopper, who is due at a time, and again after each thought.

    Latency counts from then: a generator that is late, or a connection that is long in coming, is in it.
    """

    def __init__(
        self,
        shop: Shop,
        who: str,
        visit: str,
        due: float,
        *,
        inner: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`due` in Unix seconds; `inner` sends in place of real connections."""
        self._shop, self._who, self._visit = shop, who, visit
        self._inner = inner or httpx.HTTPTransport(verify=_certificates())
        self._clock, self._sleep = clock, sleep
        self._due: float | None = due
        self._wrong = False
        self._http: dict[str, httpx.Client] = {}
        shop.note(Request(due, clock() - due, "", ARRIVAL, visit))

    def api(self, service: str, token: str | None = None) -> Api:
        """A service, for anybody or for the owner of a token."""
        if service not in self._http:
            url = self._shop.url(service)
            way = _Way(self, service, urlsplit(url).path.rstrip("/"))
            self._http[service] = httpx.Client(base_url=url, transport=way, timeout=TIMEOUT, trust_env=False)
        # Who is asked to come later goes: to ask again would be load that nobody planned.
        return Api(self._http[service], token, patience=0)

    def think(self, seconds: float) -> None:
        """The next request is due so much later than the answer that was just seen."""
        self._due = self._clock() + seconds
        self._sleep(seconds)

    def left(self, why: str) -> None:
        """The visit ended early. What is in the samples already is not told twice."""
        if not self._wrong:
            self._tell(Request(self._clock(), 0.0, "", LEFT, self._visit, why))

    def close(self) -> None:
        """Gives up all connections."""
        self._inner.close()

    def send(self, request: httpx.Request, service: str, path: str) -> httpx.Response:
        """Sends it, and looks at what comes back. `path` is as the service knows it."""
        due, self._due = (self._clock() if self._due is None else self._due), None
        sent = json.loads(request.content) if request.content else None
        line = self._asked(request, service, path, sent)
        name = f"{request.method} {route(path)}"
        try:
            response = self._inner.handle_request(request)
            content = response.read()
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            self._tell(Request(due, self._clock() - due, service, name, self._visit, why))
            if self._shop.journal and line:
                self._shop.journal.unanswered(line, type(error).__name__)
            raise
        seconds = self._clock() - due  # what checking costs is not the shop's
        body = _decoded(response, content)
        if self._shop.journal and line:
            self._shop.journal.answered(line, response.status_code, body)
        query = dict(httpx.QueryParams(request.url.query))
        wrong = fault(service, request.method, path, query, sent, response.status_code, body)
        self._tell(Request(due, seconds, service, name, self._visit, wrong))
        return response

    def _tell(self, request: Request) -> None:
        self._wrong = self._wrong or bool(request.error)
        self._shop.note(request)

    def _asked(self, request: httpx.Request, service: str, path: str, sent: Any) -> Line | None:
        worth_it = request.method != "GET" or service == "order-processing"
        if self._shop.journal is None or not worth_it:
            return None
        key = request.headers.get("Idempotency-Key")
        return self._shop.journal.asked(self._who, service, request.method, path, key=key, body=sent)


class _Way(httpx.BaseTransport):
    """A client's way through the door, to one service."""

    def __init__(self, door: Door, service: str, prefix: str) -> None:
        self._door, self._service, self._prefix = door, service, prefix

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(self._prefix)
        return self._door.send(request, self._service, path)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes longer than a visit's requests."""
    return ssl.create_default_context()


def _decoded(response: httpx.Response, content: bytes) -> Any:
    """The JSON of an answer; None where it is something else, such as a page."""
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None
