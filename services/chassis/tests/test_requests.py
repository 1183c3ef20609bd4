"""What every request gets: errors as problems, an id, a trace, a deadline, a place in the metrics."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, Field
from shop_chassis.context import current
from shop_chassis.edge import streaming
from shop_chassis.metrics import InFlight
from shop_chassis.problems import Problem
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.tracing import current_traceparent, parse
from starlette.responses import StreamingResponse

router = APIRouter()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Wanted(BaseModel):
    count: int = Field(ge=1)


@router.get("/items/{number}")
async def item(number: int) -> dict[str, int]:
    return {"number": number}


@router.post("/items")
async def order(wanted: Wanted) -> Wanted:
    return wanted


@router.get("/context")
async def context() -> dict[str, Any]:
    request = current()
    assert request is not None
    return {"id": request.id, "trace": current_traceparent(), "left": request.time_left()}


@router.get("/gone")
async def gone() -> None:
    raise Problem(410, "it was here", headers={"X-Why": "age"}, since=2024)


@router.get("/broken")
async def broken() -> None:
    raise RuntimeError("password is hunter2")


@router.get("/slow")
async def slow(seconds: float = 30) -> None:
    await asyncio.sleep(seconds)


@router.get("/half")
async def half() -> StreamingResponse:
    async def body() -> Any:
        yield b"begun"
        raise RuntimeError("in the middle")

    return StreamingResponse(body())


@router.get("/streams/{number}")
@streaming
async def stream(request: Request) -> StreamingResponse:
    async def body() -> Any:
        await asyncio.sleep(0.1)
        yield b"data: 1\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


SERVICE = Service("requests", routers=[router])


@pytest.fixture
async def client(client_of: Any) -> Any:
    async with client_of(SERVICE, Settings(log_access=False)) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("DELETE", "/items", 405, "Method Not Allowed"),
        ("GET", "/items/x", 422, "path.number: Input should be a valid integer"),
        ("POST", "/items", 422, "body: Field required"),
        ("GET", "/gone", 410, "it was here"),
        ("GET", "/broken", 500, "log has the X-Request-Id"),
    ],
)
async def test_errors_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, words: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert words in problem.get("detail", problem["title"])


async def test_invalid_fields_are_named_one_by_one(client: httpx.AsyncClient) -> None:
    problem = (await client.post("/items", json={"count": 0})).json()
    assert problem["errors"] == [
        {"where": "body.count", "problem": "Input should be greater than or equal to 1"}
    ]


async def test_members_and_headers_of_a_problem_are_sent(client: httpx.AsyncClient) -> None:
    answer = await client.get("/gone")
    assert answer.json()["since"] == 2024
    assert answer.headers["x-why"] == "age"
    assert (await client.delete("/items")).headers["allow"] == "POST"


async def test_the_inside_of_the_service_is_not_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert "hunter2" not in answer.text
    assert answer.headers["x-request-id"]


async def test_an_error_after_the_start_breaks_the_answer_off(client: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        await client.get("/half")


async def test_ids_and_traces_are_continued(client: httpx.AsyncClient) -> None:
    headers = {"X-Request-Id": "abc-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = await client.get("/context", headers=headers)
    assert answer.json()["id"] == answer.headers["x-request-id"] == "abc-1"
    # This service tells of no span, so those after it are its caller's.
    assert answer.json()["trace"] == headers["traceparent"]


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "Zeile\u00e4"])
async def test_a_bad_request_id_is_replaced(client: httpx.AsyncClient, bad: str) -> None:
    answer = await client.get("/context", headers=[(b"x-request-id", bad.encode())])
    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    "bad",
    [
        "",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE[:-1]}+-00f067aa0ba902b7-01",
    ],
)
def test_a_bad_traceparent_is_none(bad: str) -> None:
    assert parse(bad) is None


def test_a_later_version_of_traceparent_is_read() -> None:
    span = parse(f"01-{TRACE}-00f067aa0ba902b7-01-more")
    assert span
    assert (span.trace_id, span.span_id, span.sampled) == (TRACE, "00f067aa0ba902b7", True)


async def test_the_callers_deadline_holds(client: httpx.AsyncClient) -> None:
    answer = await client.get("/slow", headers={"X-Request-Deadline": "0.05"})
    assert answer.status_code == 504
    assert "no answer within 0.05 s" in answer.json()["detail"]
    left = (await client.get("/context", headers={"X-Request-Deadline": "3"})).json()["left"]
    assert 2 < left <= 3


@pytest.mark.parametrize("bad", ["", "soon", "nan", "-1e999"])
async def test_a_bad_deadline_does_no_harm(client: httpx.AsyncClient, bad: str) -> None:
    assert (await client.get("/context", headers={"X-Request-Deadline": bad})).status_code in (200, 504)


async def test_the_service_has_a_deadline_of_its_own(client_of: Any) -> None:
    async with client_of(SERVICE, Settings(request_timeout=0.05)) as client:
        answer = await client.get("/slow", headers={"X-Request-Deadline": "60"})
    assert answer.status_code == 504


async def test_a_stream_has_no_deadline_and_no_other_route_is_one(client_of: Any) -> None:
    headers = {"Accept": "text/event-stream", "X-Request-Deadline": "60"}
    async with client_of(SERVICE, Settings(request_timeout=0.05)) as client:
        assert (await client.get("/streams/1")).status_code == 200
        assert (await client.get("/slow", headers=headers)).status_code == 504
        assert (await client.post("/streams/1")).status_code == 405
        found = await samples(client)
    assert found["http_server_requests_total{}"] == 2


async def test_errors_are_counted_from_zero(client: httpx.AsyncClient) -> None:
    name = "http_server_errors_total{}"
    assert (await samples(client))[name] == 0
    for path in ("/broken", "/items/1", "/nowhere", "/gone"):
        await client.get(path)
    await client.get("/slow", headers={"X-Request-Deadline": "0.01"})
    assert (await samples(client))[name] == 2


async def samples(client: httpx.AsyncClient) -> dict[str, float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in families
        for sample in family.samples
    }


async def test_all_metrics_exist_before_the_first_request(client: httpx.AsyncClient) -> None:
    found = await samples(client)
    assert found["http_server_requests_total{}"] == 0
    assert found["http_server_active_request_seconds_total{}"] == 0
    assert found["http_server_active_requests{}"] == 0
    assert found["process_resident_memory_bytes{}"] > 0
    assert any(name.startswith("build_info") for name in found)


async def test_requests_are_counted_by_template_and_health_is_not(client: httpx.AsyncClient) -> None:
    for path in ("/items/1", "/items/2", "/nowhere", "/other", "/healthz", "/readyz", "/metrics"):
        await client.get(path)
    assert (await client.get("/streams/1")).text == "data: 1\n\n"
    found = await samples(client)
    assert found["http_server_requests_total{}"] == 4
    duration = 'http_server_request_duration_seconds_count{"http_request_method": "GET", '
    assert found[duration + '"http_response_status_code": "200", "http_route": "/items/{number}"}'] == 2
    assert found[duration + '"http_response_status_code": "404", "http_route": ""}'] == 2
    assert not [name for name in found if "stream" in name or "healthz" in name]


async def test_methods_that_do_not_exist_are_one_series(client: httpx.AsyncClient) -> None:
    for method in ("BREW", "WHEN"):
        await client.request(method, "/items")
    names = [name for name in await samples(client) if "duration_seconds_count" in name]
    assert len(names) == 1
    assert "_OTHER" in names[0]


async def test_the_integral_grows_while_requests_hang(client: httpx.AsyncClient) -> None:
    """Three requests that do not end within the measurement: concurrency is 3, whatever was finished."""
    hanging = [asyncio.create_task(client.get("/slow")) for _ in range(3)]
    while (await samples(client))["http_server_active_requests{}"] != 3:
        await asyncio.sleep(0)
    clock = asyncio.get_running_loop().time
    before, began = await samples(client), clock()
    await asyncio.sleep(0.3)
    after, ended = await samples(client), clock()
    name = "http_server_active_request_seconds_total{}"
    assert (after[name] - before[name]) / (ended - began) == pytest.approx(3, rel=0.2)
    assert after["http_server_requests_total{}"] == 3
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert (await samples(client))["http_server_active_requests{}"] == 0


def test_the_integral_is_that_of_a_step_function() -> None:
    now = [0.0]
    flight = InFlight(lambda: now[0])

    def read() -> float:
        return next(iter(flight.collect())).samples[0].value

    flight.change(+1)
    now[0] = 2.0
    flight.change(+1)
    now[0] = 2.5
    assert read() == 3.0
    flight.change(-1)
    flight.change(-1)
    now[0] = 100.0
    assert read() == 3.0


async def test_the_api_document_says_how_errors_look(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    invalid = document["paths"]["/items"]["post"]["responses"]["422"]["content"]
    assert list(invalid) == ["application/problem+json"]
    assert {"ProblemDetails", "InvalidField"} <= set(document["components"]["schemas"])
