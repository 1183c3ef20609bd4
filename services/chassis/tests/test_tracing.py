"""What a collector is told of requests, calls and events; and that nothing is without one."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from shop_chassis import tracing
from shop_chassis.client import ClientMetrics, Policy, ServiceClient
from shop_chassis.context import current
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import Problem
from shop_chassis.runtime import Runtime, runtime_of
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.testing.otlp import Collector
from starlette.requests import Request

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CARD = "4242424242424242"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}

router = APIRouter(dependencies=[no_card_numbers()])


@router.get("/orders/{id}")
async def order(id: str) -> dict[str, str | None]:
    request = current()
    return {"trace": tracing.current_traceparent(), "request": request.id if request else None}


@router.post("/cards")
async def card(body: dict[str, str]) -> None:
    raise Problem(422, f"this is no token: {body}")


@router.get("/broken")
async def broken(request: Request) -> None:
    raise RuntimeError("password is hunter2")


@router.get("/asks/{path}")
async def asks(request: Request, path: str) -> None:
    await runtime_of(request).get(ServiceClient).send("GET", "/{path}", path={"path": path})


class Neighbour:
    """Answers 503 as often as it is told to, then 200; keeps the headers of the requests."""

    def __init__(self) -> None:
        self.failures = 0
        self.heard: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(dict(request.headers))
        return httpx.Response(503 if len(self.heard) <= self.failures else 200)


@pytest.fixture
def neighbour() -> Neighbour:
    return Neighbour()


@pytest.fixture
async def service(client_of: Any, told: Collector, neighbour: Neighbour) -> AsyncIterator[httpx.AsyncClient]:
    def setup(runtime: Runtime[Any]) -> None:
        transport = httpx.MockTransport(neighbour)
        metrics = ClientMetrics(runtime.metrics)
        client = ServiceClient(
            "catalog", "http://catalog", metrics=metrics, transport=transport, policy=Policy(attempts=2)
        )
        runtime.provide(runtime.add(client))

    settings = Settings(log_access=False, otel_exporter_otlp_endpoint=told.url, pod_name="order-1")
    async with client_of(Service("order", routers=[router], setup=setup), settings) as client:
        yield client


async def test_a_request_is_a_span_below_its_callers(service: httpx.AsyncClient, told: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "r-1"}
    answer = await service.get("/orders/secret-of-a-guest", headers=headers)
    [span] = await told.arrived(1)
    assert (span.service, span.kind, span.name) == ("order", "server", "GET /orders/{id}")
    assert (span.trace_id, span.parent_id) == (TRACE, PARENT)
    assert answer.json()["trace"] == f"00-{TRACE}-{span.span_id}-01"
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/orders/{id}",
        "http.response.status_code": 200,
        "shop.request.id": "r-1",
    }
    assert not span.failed
    assert "secret-of-a-guest" not in told.text()


async def test_what_its_caller_does_not_tell_is_not_told(service: httpx.AsyncClient, told: Collector) -> None:
    untold = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    answer = await service.get("/orders/1", headers=untold)
    assert answer.json()["trace"].startswith(f"00-{TRACE}-")
    assert answer.json()["trace"].endswith("-00")
    await service.get("/orders/2")
    [span] = await told.arrived(1)
    assert span.trace_id != TRACE
    assert span.parent_id == ""


async def test_an_error_is_told_by_its_code_and_what_was_typed_never(
    service: httpx.AsyncClient, told: Collector
) -> None:
    await service.get("/broken")
    await service.post("/cards", json={"number": CARD})
    await service.get("/nowhere", params={"card": CARD})
    found = {span.name: span for span in await told.arrived(3)}
    assert {name: span.failed for name, span in found.items()} == {
        "GET /broken": True,
        "POST /cards": False,
        "GET": False,
    }
    assert found["GET /broken"].attributes["error.type"] == "500"
    assert CARD not in told.text()
    assert "hunter2" not in told.text()


async def test_each_try_of_a_call_is_a_span_from_which_the_callee_goes_on(
    service: httpx.AsyncClient, told: Collector, neighbour: Neighbour
) -> None:
    neighbour.failures = 1
    await service.get("/asks/prices")
    spans = await told.arrived(3)
    [root] = [span for span in spans if span.kind == "server"]
    calls = [span for span in spans if span.kind == "client"]
    assert {span.name for span in calls} == {"GET /{path}"}
    assert {(span.trace_id, span.parent_id) for span in calls} == {(root.trace_id, root.span_id)}
    first, second = calls
    assert (first.failed, first.attributes["error.type"]) == (True, "503")
    assert not second.failed
    assert second.attributes["http.request.resend_count"] == 1
    assert second.attributes["server.address"] == "catalog"
    assert [headers["traceparent"] for headers in neighbour.heard] == [
        f"00-{root.trace_id}-{span.span_id}-01" for span in calls
    ]


async def test_the_trace_of_a_slow_request_is_found_from_its_metric(
    service: httpx.AsyncClient, told: Collector
) -> None:
    await service.get("/orders/1")
    [span] = await told.arrived(1)
    answer = await service.get("/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    exemplars = [
        sample.exemplar.labels
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.exemplar and sample.labels.get("http_route") == "/orders/{id}"
    ]
    assert exemplars == [{"trace_id": span.trace_id, "span_id": span.span_id}]
    assert "text/plain" in (await service.get("/metrics")).headers["content-type"]


async def test_what_waits_is_sent_before_the_service_ends(
    client_of: Any, told: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    settings = Settings(log_access=False, otel_exporter_otlp_endpoint=told.url)
    async with client_of(Service("order", routers=[router]), settings) as client:
        await client.get("/orders/1")
        assert told.spans() == []
    assert len(told.spans()) == 1


async def test_a_collector_that_is_away_disturbs_nobody(client_of: Any) -> None:
    settings = Settings(log_access=False, otel_exporter_otlp_endpoint="http://127.0.0.1:9")
    began = asyncio.get_running_loop().time()
    async with client_of(Service("order", routers=[router]), settings) as client:
        assert (await client.get("/orders/1")).status_code == 200
    assert asyncio.get_running_loop().time() - began < 10


async def test_outside_of_all_work_a_call_takes_no_trace_along(neighbour: Neighbour) -> None:
    client = ServiceClient(
        "catalog",
        "http://catalog",
        metrics=ClientMetrics(CollectorRegistry()),
        transport=httpx.MockTransport(neighbour),
    )
    await client.send("GET", "/x")
    assert "traceparent" not in neighbour.heard[0]
    await client.stop()


def test_without_a_collector_no_exporter_is_imported() -> None:
    code = (
        "import sys; from shop_chassis.service import Service, create_app;"
        "from shop_chassis.settings import Settings;"
        "import shop_chassis.events, shop_chassis.client;"
        "create_app(Service('order'), Settings());"
        "heavy = 'opentelemetry.sdk', 'opentelemetry.exporter', 'google', 'requests';"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
