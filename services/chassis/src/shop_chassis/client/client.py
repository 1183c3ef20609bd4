"""The client for calls between services.

    catalog = ServiceClient("catalog", "http://catalog.shop.svc:80", metrics=metrics)
    product = await catalog.call("GET", "/products/{product_id}", path={"product_id": "…"}, into=Product)

Every call has a deadline, which the callee is told; nothing here waits longer. What may be repeated is, with
jitter and inside the deadline; a callee that fails is left alone for a while; one that hangs holds a bounded
number of calls.
"""

import asyncio
import json
import math
import random
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from shop_chassis.client import errors
from shop_chassis.client.breaker import Breaker, BreakerPolicy
from shop_chassis.client.connections import connections
from shop_chassis.client.metrics import ClientMetrics
from shop_chassis.context import current
from shop_chassis.identity import IdentityTokens, NoIdentity
from shop_chassis.runtime import Runtime
from shop_chassis.tracing import Span, current_span

T = TypeVar("T")

INTERNAL = "/internal/"
"""Routes that take a service's token; no other is shown one."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""RFC 9110, section 9.2.2."""

_IN_WORK = 409
"""With Retry-After it speaks of a request with the same Idempotency-Key that is not done: no refusal."""

_PASSING = frozenset({_IN_WORK, 429, 502, 503, 504})
"""Answers after which the same request may succeed a moment later."""

_FIRST_PAUSE = 0.02
"""Seconds; the pause after attempt n is random below this times 2^n (full jitter)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one callee is called."""

    timeout: float = 1.0
    """Seconds for a whole call, its repetitions and pauses included."""
    attempt_timeout: float | None = None
    """Seconds for one attempt; None gives an attempt all that is left."""
    attempts: int = 2
    """At most so many for calls that may be repeated; others have one."""
    max_concurrent: int = 32
    """Calls under way at once; more are refused at once."""
    connection_max_age: float = 10.0
    """Seconds after which a connection takes no new call, so that new pods get their share."""
    fair_budget: float = 0.1
    """A call that had fewer seconds than this says nothing about the callee when they run out."""
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class ServiceClient:
    """Calls one other service. One per callee and process; safe for concurrent use."""

    def __init__(
        self,
        callee: str,
        base_url: str,
        *,
        metrics: ClientMetrics,
        policy: Policy | None = None,
        identity: IdentityTokens | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`identity` is shown to the callee's internal routes.

        `transport` replaces the network, with an application in this process for example.
        """
        self.callee = callee
        self._identity = identity
        self.policy = policy or Policy()
        self.breaker = Breaker(self.policy.breaker)
        self._metrics = metrics
        self._active = 0
        if transport is None:
            transport = connections(base_url, self.policy.max_concurrent, self.policy.connection_max_age)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            timeout=None,  # each attempt is bounded as a whole, connecting included
            trust_env=False,
            headers={"Accept": "application/json, application/problem+json"},
        )
        metrics.watch(callee, lambda: self._active, lambda: self.breaker.state)

    async def call(self, method: str, route: str, *, into: type[T], **request: Any) -> T:
        """As `send`, and the body of the answer checked against the type of the contract.

        Raises also `BadAnswer` when the body does not fit.
        """
        response = await self.send(method, route, **request)
        try:
            return cast(T, _adapter(cast(Any, into)).validate_json(response.content))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise errors.BadAnswer(
                self.callee,
                route,
                f"its answer is not what the contract says: {where}: {first['msg']}",
                "compare the versions of the contract on both sides",
            ) from error

    async def send(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, object] | None = None,
        params: Mapping[str, Any] | None = None,
        body: BaseModel | None = None,
        upload: tuple[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - told to the callee too
        idempotent: bool | None = None,
        idempotency_key: str | None = None,
        as_user: bool = False,
    ) -> httpx.Response:
        """Send a request and return the answer, which is below 300.

        `route` is the callee's template, `path` fills it in; `upload` is a body that is no JSON: media type
        and bytes, and each attempt at it has all the time that is left; `timeout` shortens or extends the
        policy's, but never beyond the deadline of the request that this call is made for. Repeated is what is
        idempotent by its method, by `idempotent` (a POST that only asks, say) or by an `idempotency_key`.
        `as_user` passes on the user's token, which no internal route takes.

        Raises `CalleeUnavailable` (also for not sending at all) or `CallRefused`, or one of their kinds;
        ValueError for an internal route `as_user`.
        """
        outgoing = dict(headers or {})
        left = self.policy.timeout if timeout is None else timeout
        inherited = current()
        if inherited is not None:
            outgoing["X-Request-Id"] = inherited.id
            # A tenth is kept for what the caller does with the answer, or without one.
            left = min(left, 0.9 * inherited.time_left())
            if as_user and inherited.authorization is not None:
                outgoing["Authorization"] = inherited.authorization
        if route.startswith(INTERNAL):
            if as_user:
                raise ValueError(f"{self.callee} {route}: internal routes take the token of a service alone")
            outgoing |= self._identified(route)
        if idempotency_key is not None:
            outgoing["Idempotency-Key"] = idempotency_key
        content: str | bytes | None = None
        if upload is not None:
            outgoing["Content-Type"], content = upload
        elif body is not None:
            content = body.model_dump_json(exclude_unset=True)
            outgoing["Content-Type"] = "application/json"
        request = self._http.build_request(
            method,
            route.format_map({name: quote(str(value), safe="") for name, value in (path or {}).items()}),
            params=params,
            content=content,
            headers=outgoing,
        )
        if idempotent is None:
            idempotent = method in _IDEMPOTENT or idempotency_key is not None
        attempt_timeout = self.policy.attempt_timeout if upload is None else None
        with self._place(route):
            return await self._attempts(request, route, time.monotonic() + left, idempotent, attempt_timeout)

    async def lines(self, route: str, *, silence: float = 30.0) -> AsyncGenerator[bytes, None]:
        """GET an answer that may be longer than memory, line by line as it comes; it has no deadline.

        Nothing is repeated. It is broken off after `silence` seconds in which nothing came. Raises as `send`,
        also while it is read.
        """
        headers = self._identified(route) if route.startswith(INTERNAL) else {}
        request = self._http.build_request("GET", route, headers=headers, timeout=silence)
        rest = b""
        with self._place(route):
            try:
                response = await self._http.send(request, stream=True)
                try:
                    if response.status_code >= 300:
                        await response.aread()
                        self._accept(response, route)
                    async for part in response.aiter_bytes():
                        *whole, rest = (rest + part).split(b"\n")
                        for line in whole:
                            yield line
                finally:
                    await response.aclose()
            except httpx.TimeoutException as cause:
                raise errors.DeadlineExceeded(self.callee, route, f"silent for {silence:g} s") from cause
            except httpx.RequestError as cause:
                reason = str(cause) or type(cause).__name__
                raise errors.Unreachable(self.callee, route, reason) from cause
        if rest:
            yield rest

    def _identified(self, route: str) -> dict[str, str]:
        if self._identity is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._identity.token()}"}
        except NoIdentity as error:
            self._metrics.not_sent(self.callee, "no_identity")
            advice = "name it in dependsOn of this service"
            raise errors.NotIdentified(self.callee, route, f"not sent, {error}", advice) from error

    def fell_back(self, found: bool) -> None:
        """For `LastGood`: an answer was remembered for a failed call, or none was."""
        self._metrics.fallback(self.callee, found=found)

    async def start(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def stop(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    @contextmanager
    def _place(self, route: str) -> Iterator[None]:
        """The bulkhead: a place among the calls that may be under way, or `BulkheadFull`."""
        if self._active >= self.policy.max_concurrent:
            self._metrics.not_sent(self.callee, "bulkhead_full")
            raise errors.BulkheadFull(
                self.callee, route, f"not sent, {self._active} calls to it are under way", "try later"
            )
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    async def _attempts(
        self,
        request: httpx.Request,
        route: str,
        deadline: float,
        idempotent: bool,
        attempt_timeout: float | None,
    ) -> httpx.Response:
        # A loop of our own: the libraries look at the clock before the pause, so that the pause can outlast
        # the deadline.
        for number in count(1):
            try:
                return await self._attempt(request, route, deadline, number, attempt_timeout)
            except errors.CalleeUnavailable as error:
                pause = max(error.retry_after or 0.0, random.uniform(0, _FIRST_PAUSE * 2**number))
                late = time.monotonic() + pause >= deadline
                if late or not idempotent or not _may_pass(error) or number >= self.policy.attempts:
                    raise
            await asyncio.sleep(pause)
            self._metrics.retry(self.callee)
        raise AssertionError("unreachable")

    async def _attempt(
        self,
        request: httpx.Request,
        route: str,
        deadline: float,
        number: int,
        attempt_timeout: float | None,
    ) -> httpx.Response:
        budget = deadline - time.monotonic()
        if attempt_timeout is not None:
            budget = min(budget, attempt_timeout)
        if budget < 0.001:
            self._metrics.not_sent(self.callee, "deadline")
            raise errors.DeadlineExceeded(
                self.callee, route, "not sent, its deadline has passed", "give the request more time"
            )
        permit = self.breaker.admit()
        if permit is None:
            self._metrics.not_sent(self.callee, "circuit_open")
            raise errors.CircuitOpen(
                self.callee,
                route,
                "not sent, its recent calls failed",
                "try later",
                retry_after=self.breaker.retry_after(),
            )
        # Rounded down: the callee must give up before its caller does.
        request.headers["X-Request-Deadline"] = f"{math.floor(budget * 1000) / 1000:.3f}"
        span = self._span(request, route, number)
        began = time.monotonic()
        status: int | None = None
        error = "cancelled"
        succeeded: bool | None = None
        try:
            async with asyncio.timeout(budget):
                response = await self._http.send(request)
            status = response.status_code
            error = str(status) if status >= 400 else ""
            if status != 504 or budget >= self.policy.fair_budget:
                succeeded = status < 500
        except TimeoutError as cause:
            error = "timeout"
            succeeded = False if budget >= self.policy.fair_budget else None
            raise errors.DeadlineExceeded(self.callee, route, f"no answer in {budget:.3f} s") from cause
        except httpx.RequestError as cause:
            error = type(cause).__name__
            succeeded = False
            raise errors.Unreachable(self.callee, route, str(cause) or error) from cause
        finally:
            self.breaker.record(permit, succeeded)
            elapsed = time.monotonic() - began
            self._metrics.attempt(self.callee, request.method, route, elapsed, status, error)
            if span is not None and span.told:
                if status is not None:
                    span.note({"http.response.status_code": status})
                if error:
                    span.fail(error)
                span.end()
        return self._accept(response, route)

    def _span(self, request: httpx.Request, route: str, number: int) -> Span | None:
        """Of one attempt, by OpenTelemetry's conventions for HTTP clients; the callee's will be below it."""
        span = current_span()
        if span is None:
            return None
        if span.told:
            span = span.child(f"{request.method} {route}", "client", {
                "http.request.method": request.method, "server.address": self.callee, "url.template": route,
                **({"http.request.resend_count": number - 1} if number > 1 else {}),
            })  # fmt: skip
        request.headers["traceparent"] = span.traceparent
        return span

    def _accept(self, response: httpx.Response, route: str) -> httpx.Response:
        status = response.status_code
        if status < 300:
            return response
        problem = _problem(response)
        later = _retry_after(response)
        if status >= 500 or status == 429 or (status == _IN_WORK and later is not None):
            raise errors.ServerError(self.callee, route, status, problem, later)
        raise errors.refusal(self.callee, route, status, problem)


def callee(
    runtime: Runtime[Any],
    name: str,
    url: object,
    *,
    policy: Policy | None = None,
    internal: bool = True,
) -> ServiceClient:
    """How a service's `setup` gets the client of another one: it stops with the service, is measured with it,
    and shows its identity to internal routes, unless it has no business there.

    `url` is turned into text; settings have it as HttpUrl.
    """
    metrics = runtime.shared(ClientMetrics, lambda: ClientMetrics(runtime.metrics))
    identity = IdentityTokens.of(runtime.settings, name) if internal else None
    return runtime.add(ServiceClient(name, str(url), metrics=metrics, policy=policy, identity=identity))


def _may_pass(error: errors.CalleeUnavailable) -> bool:
    if isinstance(error, errors.ServerError):
        return error.status in _PASSING
    return isinstance(error, errors.Unreachable | errors.DeadlineExceeded)


def _problem(response: httpx.Response) -> dict[str, Any]:
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return {}
    try:
        problem = json.loads(response.content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of Retry-After; its other form, a date, is not worth parsing between services."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


@lru_cache(maxsize=256)
def _adapter(into: Any) -> TypeAdapter[Any]:
    return TypeAdapter(into)
