"""The client against callees in this process and on the loopback: answers, errors, time, repetition."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from shop_chassis import context, tracing
from shop_chassis.client import (
    BadAnswer,
    BreakerPolicy,
    BulkheadFull,
    CalleeUnavailable,
    CallRefused,
    CircuitOpen,
    ClientMetrics,
    Conflict,
    DeadlineExceeded,
    NotAllowed,
    NotFound,
    Policy,
    ServerError,
    ServiceClient,
    State,
    Unreachable,
)
from shop_chassis.client.connections import RenewedConnections
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Handler = Callable[[Request], Awaitable[Response]]
PROBLEM = {"Content-Type": "application/problem+json"}


class Product(BaseModel):
    id: str
    price: int


class Callee:
    """An application that answers as it is told and keeps the requests it got."""

    def __init__(self, *answers: Response | Handler) -> None:
        self.answers: Iterator[Response | Handler] = iter(answers)
        self.requests: list[Request] = []
        self.app = Starlette(
            routes=[Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])]
        )

    async def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        answer = next(self.answers, None) or JSONResponse({"id": "p1", "price": 5})
        return answer if isinstance(answer, Response) else await answer(request)


class Caller:
    """Makes clients and reads what they measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = ClientMetrics(self.registry)

    def client(self, callee: Callee, **options: object) -> ServiceClient:
        return ServiceClient(
            "catalog",
            "http://catalog",
            metrics=self.metrics,
            transport=httpx.ASGITransport(callee.app),
            **options,  # type: ignore[arg-type]
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"server_address": "catalog", **labels})


@pytest.fixture
def caller() -> Caller:
    return Caller()


@contextmanager
def answering(seconds: float | None) -> Iterator[None]:
    """As if in a handler whose request has so many seconds left; None for no request at all."""
    if seconds is None:
        yield
        return
    deadline = time.monotonic() + seconds
    token = context.enter(context.RequestContext("r1", deadline, authorization="Bearer t"))
    try:
        with tracing.inside(tracing.Span("a" * 32, "b" * 16, sampled=True)):
            yield
    finally:
        context.leave(token)


async def get(client: ServiceClient) -> Product:
    return await client.call("GET", "/products/{id}", path={"id": "p1"}, into=Product)


async def test_answer_is_checked_and_typed(caller: Caller) -> None:
    assert await get(caller.client(Callee())) == Product(id="p1", price=5)
    labels = {"http_request_method": "GET", "http_route": "/products/{id}", "error_type": ""}
    name = "http_client_request_duration_seconds_count"
    assert caller.value(name, http_response_status_code="200", **labels) == 1


async def test_path_parameters_cannot_leave_their_segment(caller: Caller) -> None:
    callee = Callee()
    await caller.client(callee).call("GET", "/products/{id}", path={"id": "../a?b#c/é"}, into=Product)
    assert callee.requests[0].scope["raw_path"] == b"/products/..%2Fa%3Fb%23c%2F%C3%A9"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, CallRefused),
        (400, CallRefused),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (412, Conflict),
        (422, CallRefused),
        (428, Conflict),
        (429, ServerError),
        (500, ServerError),
        (503, ServerError),
    ],
)
async def test_error_names_callee_route_and_advice(
    caller: Caller, status: int, kind: type[CallRefused | ServerError]
) -> None:
    body = {"title": "No", "detail": "because of the moon", "moon": "full"}
    callee = Callee(JSONResponse(body, status, headers=PROBLEM))
    with pytest.raises(kind) as caught:
        await get(caller.client(callee, policy=Policy(attempts=1)))
    assert type(caught.value) is kind
    assert (caught.value.callee, caught.value.route) == ("catalog", "/products/{id}")
    assert f"catalog /products/{{id}}: answered {status} (because of the moon); " in str(caught.value)
    assert caught.value.advice
    assert caught.value.problem["moon"] == "full"


@pytest.mark.parametrize("body", [b"", b"[1]", b"{not json", b"\xff"])
async def test_an_error_body_that_is_no_problem_is_no_second_error(caller: Caller, body: bytes) -> None:
    callee = Callee(Response(body, 404, headers=PROBLEM))
    with pytest.raises(NotFound, match="answered 404;") as caught:
        await get(caller.client(callee))
    assert caught.value.problem == {}


async def test_answer_that_breaks_the_contract_says_where(caller: Caller) -> None:
    callee = Callee(JSONResponse({"id": "p1", "price": "much"}))
    with pytest.raises(BadAnswer, match=r"price: Input should be a valid integer.*; compare the versions"):
        await get(caller.client(callee))


@pytest.mark.parametrize(
    ("method", "key", "said", "sent"),
    [
        ("GET", None, None, 2),
        ("PUT", None, None, 2),
        ("DELETE", None, None, 2),
        ("POST", "k-1", None, 2),
        ("POST", None, True, 2),
        ("POST", None, None, 1),
        ("GET", None, False, 1),
    ],
)
async def test_only_what_is_idempotent_is_repeated(
    caller: Caller, method: str, key: str | None, said: bool | None, sent: int
) -> None:
    callee = Callee(*[Response(status_code=503) for _ in range(9)])
    with pytest.raises(ServerError):
        await caller.client(callee).send(method, "/x", idempotency_key=key, idempotent=said)
    assert len(callee.requests) == sent
    assert caller.value("http_client_retries_total") == sent - 1
    assert {request.headers.get("Idempotency-Key") for request in callee.requests} == {key}


@pytest.mark.parametrize("status", [400, 404, 409, 500])
async def test_an_answer_that_will_not_change_is_not_asked_for_again(caller: Caller, status: int) -> None:
    callee = Callee(*[Response(status_code=status) for _ in range(9)])
    with pytest.raises((CallRefused, ServerError)):
        await get(caller.client(callee))
    assert len(callee.requests) == 1


async def test_a_passing_failure_is_not_seen_by_the_caller(caller: Caller) -> None:
    callee = Callee(Response(status_code=503, headers={"Retry-After": "0"}))
    assert (await get(caller.client(callee))).price == 5


async def test_retry_after_beyond_the_deadline_is_not_waited_for(caller: Caller) -> None:
    callee = Callee(Response(status_code=429, headers={"Retry-After": "30"}))
    began = time.monotonic()
    with pytest.raises(ServerError) as caught:
        await get(caller.client(callee))
    assert caught.value.retry_after == 30
    assert time.monotonic() - began < 5
    assert len(callee.requests) == 1


@pytest.mark.parametrize(
    ("policy", "asked", "inherited", "at_most"),
    [
        (1.0, None, None, 1.0),
        (1.0, 0.25, None, 0.25),
        (1.0, None, 0.4, 0.36),
        (1.0, 5.0, 0.4, 0.36),
        (1.0, 5.0, None, 5.0),
    ],
)
async def test_the_callee_is_told_a_deadline_that_only_shrinks(
    caller: Caller, policy: float, asked: float | None, inherited: float | None, at_most: float
) -> None:
    callee = Callee()
    client = caller.client(callee, policy=Policy(timeout=policy))
    with answering(inherited):
        await client.send("GET", "/x", timeout=asked)
    told = float(callee.requests[0].headers["X-Request-Deadline"])
    assert at_most / 2 < told <= at_most


async def test_an_upload_is_sent_as_it_is_and_has_all_the_time_there_is(caller: Caller) -> None:
    sent = []

    async def keep(request: Request) -> Response:
        sent.append((request.headers["Content-Type"], await request.body()))
        return Response(status_code=204)

    callee = Callee(keep)
    client = caller.client(callee, policy=Policy(timeout=5.0, attempt_timeout=0.5))
    await client.send("POST", "/media", upload=("image/png", b"\x89PNG\x00"))
    assert sent == [("image/png", b"\x89PNG\x00")]
    assert float(callee.requests[0].headers["X-Request-Deadline"]) > 4


async def test_each_attempt_is_told_what_is_left(caller: Caller) -> None:
    async def slow_failure(request: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(status_code=503)

    callee = Callee(slow_failure)
    await caller.client(callee).send("GET", "/x")
    first, second = (float(request.headers["X-Request-Deadline"]) for request in callee.requests)
    assert second <= first - 0.1


async def test_a_call_without_time_left_is_not_sent(caller: Caller) -> None:
    callee = Callee()
    client = caller.client(callee)
    with answering(0.0), pytest.raises(DeadlineExceeded, match="not sent, its deadline has passed"):
        await get(client)
    assert callee.requests == []
    assert caller.value("http_client_not_sent_total", reason="deadline") == 1


async def test_a_request_that_is_in_work_is_asked_for_again(caller: Caller) -> None:
    """409 with Retry-After: an earlier one with the same key is not done. It must not be taken for a no."""
    in_work = [Response(status_code=409, headers={"Retry-After": after}) for after in ("0", "30")]
    callee = Callee(*in_work[:1])
    client = caller.client(callee, policy=Policy(timeout=10))
    assert (await client.send("POST", "/orders", idempotency_key="k")).status_code == 200
    with pytest.raises(CalleeUnavailable) as caught:
        await caller.client(Callee(*in_work[1:])).send("POST", "/orders", idempotency_key="k")
    assert caught.value.retry_after == 30


async def test_context_is_passed_on_and_the_token_only_where_wanted(caller: Caller) -> None:
    callee = Callee()
    client = caller.client(callee)
    with answering(5.0):
        await client.send("GET", "/x")
        await client.send("GET", "/x", as_user=True)
    await client.send("GET", "/x", as_user=True)
    without, with_token, outside = (request.headers for request in callee.requests)
    assert (without["X-Request-Id"], without["traceparent"]) == ("r1", f"00-{'a' * 32}-{'b' * 16}-01")
    assert "Authorization" not in without
    assert with_token["Authorization"] == "Bearer t"
    assert not {"x-request-id", "traceparent", "authorization"} & set(outside)


async def test_breaker_opens_stops_sending_and_closes_again(caller: Caller) -> None:
    callee = Callee(*[Response(status_code=500) for _ in range(3)])
    policy = Policy(breaker=BreakerPolicy(minimum_calls=3, open_seconds=0.5))
    client = caller.client(callee, policy=policy)
    for _ in range(3):
        with pytest.raises(ServerError):
            await get(client)
    with pytest.raises(CircuitOpen) as caught:
        await get(client)
    assert 0 < (caught.value.retry_after or 0) <= 0.5
    assert len(callee.requests) == 3
    assert caller.value("http_client_circuit_state", state="open") == 1
    assert caller.value("http_client_circuit_state", state="closed") == 0
    assert caller.value("http_client_not_sent_total", reason="circuit_open") == 1
    await _until(lambda: client.breaker.state is State.HALF_OPEN)
    assert (await get(client)).price == 5
    assert caller.value("http_client_circuit_state", state="closed") == 1


async def test_refusals_and_short_budgets_do_not_open_the_breaker(caller: Caller) -> None:
    async def hang(request: Request) -> Response:
        await asyncio.sleep(60)
        raise AssertionError

    callee = Callee(*[Response(status_code=404) for _ in range(9)], *[hang] * 9)
    client = caller.client(callee, policy=Policy(breaker=BreakerPolicy(minimum_calls=3)))
    for _ in range(9):
        with pytest.raises(NotFound):
            await get(client)
    for _ in range(9):
        with pytest.raises(DeadlineExceeded):
            await client.send("GET", "/x", timeout=0.005)
    assert client.breaker.state is State.CLOSED


async def test_bulkhead_refuses_at_once_and_gives_places_back(caller: Caller) -> None:
    release = asyncio.Event()

    async def wait(request: Request) -> Response:
        await release.wait()
        return Response()

    callee = Callee(*[wait] * 3)
    client = caller.client(callee, policy=Policy(max_concurrent=3))
    calls = [asyncio.create_task(client.send("GET", "/x")) for _ in range(3)]
    await _until(lambda: len(callee.requests) == 3)
    assert caller.value("http_client_active_requests") == 3
    began = time.monotonic()
    with pytest.raises(BulkheadFull, match="3 calls to it are under way"):
        await get(client)
    assert time.monotonic() - began < 1
    calls.pop().cancel()
    await _until(lambda: caller.value("http_client_active_requests") == 2)
    assert (await get(client)).price == 5
    release.set()
    await asyncio.gather(*calls)
    assert caller.value("http_client_active_requests") == 0


async def test_cancelled_probe_gives_its_place_back(caller: Caller) -> None:
    reached = asyncio.Event()

    async def hang(request: Request) -> Response:
        reached.set()
        await asyncio.sleep(60)
        raise AssertionError

    callee = Callee(Response(status_code=500), hang)
    client = caller.client(callee, policy=Policy(breaker=BreakerPolicy(minimum_calls=1, open_seconds=0.01)))
    with pytest.raises(ServerError):
        await get(client)
    await _until(lambda: client.breaker.state is State.HALF_OPEN)
    probe = asyncio.create_task(get(client))
    await reached.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert (await get(client)).price == 5


@asynccontextmanager
async def _server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A TCP server on a free port of the loopback; its connections end with it."""
    open_ones: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await serve(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            open_ones.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in open_ones:
            task.cancel()


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await reader.read()


async def _one_byte_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("serve", [_never_answer, _half_an_answer, _one_byte_at_a_time])
async def test_hung_callee_costs_the_deadline_and_no_more(
    caller: Caller, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> None:
    async with _server(serve) as url:
        client = ServiceClient("catalog", url, metrics=caller.metrics)
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"catalog /x: no answer in 0\.\d+ s"):
            await client.send("GET", "/x", timeout=0.2)
        assert 0.2 <= time.monotonic() - began < 2
        await client.stop()


async def test_an_attempt_that_hangs_leaves_time_for_another(caller: Caller) -> None:
    connections = 0

    async def first_hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await reader.read()
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with _server(first_hangs) as url:
        policy = Policy(timeout=5.0, attempt_timeout=0.5)
        client = ServiceClient("catalog", url, metrics=caller.metrics, policy=policy)
        assert (await client.send("GET", "/x")).status_code == 204
        await client.stop()


async def _not_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno")


async def _not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("serve", [_not_gzip, _not_http, _hang_up])
async def test_an_answer_that_is_none_is_unreachable(
    caller: Caller, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> None:
    async with _server(serve) as url:
        client = ServiceClient("catalog", url, metrics=caller.metrics, policy=Policy(timeout=10))
        with pytest.raises(Unreachable, match="catalog /x: "):
            await client.send("GET", "/x")
        await client.stop()


async def test_nobody_listens(caller: Caller, unused_tcp_port: int) -> None:
    client = ServiceClient("catalog", f"http://127.0.0.1:{unused_tcp_port}", metrics=caller.metrics)
    with pytest.raises(Unreachable, match=r"catalog /products/{id}: .*; try later"):
        await get(client)
    await client.stop()


async def test_connections_in_steady_use_are_renewed_by_age() -> None:
    """A busy connection is never idle, so httpx alone would keep it for ever; new pods would get no call."""
    connections = 0
    now = 0.0

    async def keep_alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    transport = RenewedConnections(httpx.AsyncHTTPTransport, max_age=10.0, clock=lambda: now)
    async with _server(keep_alive) as url, httpx.AsyncClient(transport=transport) as client:
        for _ in range(5):
            await client.get(url)
        assert connections == 1, "used again while young"
        async with client.stream("GET", url) as unread:
            now = 10.0
            await client.get(url)
            assert connections == 2
            assert await unread.aread() == b"{}", "an answer under way is not cut off"
        await client.get(url)
        assert connections == 2


async def test_renewed_pools_close_when_unused() -> None:
    closed: list[int] = []

    class Transport(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.number = next(numbers)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/fails":
                raise httpx.ConnectError("no")
            return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

        async def aclose(self) -> None:
            closed.append(self.number)

    numbers = count(1)
    clock = count(0)  # every look at it finds a second passed, which is the age limit
    transport = RenewedConnections(Transport, max_age=1, clock=lambda: next(clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        async with client.stream("GET", "/"):
            with pytest.raises(httpx.ConnectError):
                await client.get("/fails")
            assert closed == []
        assert closed == [1]
        await client.get("/")
        assert closed == [1, 2]
    assert closed == [1, 2, 3]


async def test_every_unavailability_is_one_kind() -> None:
    kinds = [Unreachable, DeadlineExceeded, CircuitOpen, BulkheadFull, ServerError, BadAnswer]
    assert all(issubclass(kind, CalleeUnavailable) for kind in kinds)
    assert not issubclass(CallRefused, CalleeUnavailable)


async def _until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
