"""From a panel of durations to a trace: Prometheus, as the addon has it, keeps which requests were slow."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kindlocal.prometheus import Prometheus
from shop_chassis.testing.otlp import Collector, collector
from shop_chassis.testing.process import ServiceProcess
from shop_platform.addons import OVERLAYS
from shop_platform.panels import of_dashboard
from shop_platform.runbooks import SERVICE, dashboards

pytestmark = pytest.mark.apiserver

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROGRAM = """
import sys
from fastapi import APIRouter
from shop_chassis.command import main
from shop_chassis.service import Service

router = APIRouter()

@router.get("/work")
async def work() -> str:
    return "done"

sys.exit(main(Service("watched", routers=[router])))
"""


@pytest.fixture
def told() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture
def service(told: Collector, tmp_path: Path) -> Iterator[ServiceProcess]:
    (tmp_path / "watched.py").write_text(PROGRAM)
    told_where = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
    process = ServiceProcess("watched", tmp_path, **told_where)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def prometheus(service: ServiceProcess, tmp_path: Path) -> Iterator[httpx.Client]:
    """With the features that the addon's has."""
    documents = yaml.safe_load_all((OVERLAYS / "monitoring" / "prometheus.yaml").read_text())
    spec = next(one["spec"] for one in documents if one["kind"] == "Prometheus")
    flags = (f"--enable-feature={','.join(spec['enableFeatures'])}",)
    with (
        Prometheus(tmp_path / "prometheus", flags=flags) as watching,
        httpx.Client(base_url=watching.url, trust_env=False) as asked,
    ):
        watching.scrape("watched", f"127.0.0.1:{service.port}", namespace="shop", pod="watched-1")
        yield asked


def until(what: str, probe: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (seen := probe()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return seen


def traces(prometheus: httpx.Client, query: str) -> set[str]:
    """Of the exemplars that a panel with this query draws."""
    now = time.time()
    asked = {"query": query, "start": now - 60, "end": now + 60}
    answer = prometheus.get("/api/v1/query_exemplars", params=asked).raise_for_status().json()
    return {each["labels"]["trace_id"] for series in answer["data"] for each in series["exemplars"]}


def test_a_point_of_a_panel_names_the_trace_of_a_request(
    service: ServiceProcess, told: Collector, prometheus: httpx.Client
) -> None:
    panels = of_dashboard(dashboards("watched", "shop")[SERVICE])
    duration = next(panel for panel in panels if (panel.row, panel.title) == ("Requests", "Duration"))
    header = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    httpx.get(f"{service.url}/work", headers=header, trust_env=False).raise_for_status()
    for query in duration.queries:
        until("Prometheus has no exemplar", lambda query=query: TRACE in traces(prometheus, query))
    until("nobody was told of the span", lambda: TRACE in {span.trace_id for span in told.spans()})
