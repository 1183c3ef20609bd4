"""Every panel has something to show, and every alert something to look at.

What the chassis and the operator expose is taken from their own /metrics, given to Prometheus (`promtool test
rules`) together with the service's recording rules, and every query of every dashboard is asked there.
"""

import asyncio
import json
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from shop_chassis.client import ClientMetrics
from shop_chassis.client.breaker import State
from shop_chassis.events.metrics import ConsumerMetrics, OutboxMetrics
from shop_chassis.metrics import BUCKETS, ServerMetrics
from shop_chassis.problems import Problem
from shop_chassis.schedule import Schedule
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.tracing import Span
from shop_contracts.money import Money
from shop_contracts.order_processing import api, events
from shop_operator.api import parse
from shop_operator.api.slo import Threshold
from shop_operator.children import Context, build
from shop_operator.children.kinds import CHILD_KINDS
from shop_operator.children.objectives import le
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.queue import Queue
from shop_order_processing.metrics import SagaMetrics, TradeMetrics
from shop_order_processing.store import Counts
from shop_platform.dashboards import OF_SHOP, operator
from shop_platform.dashboards.shop import FUNNEL
from shop_platform.kind import find_tools
from shop_platform.paths import CHARTS, ROOT

promtool = find_tools().helm.with_name("promtool")
SCALED = {
    "min": 1,
    "max": 3,
    "metrics": [
        {"type": "RequestsPerSecond", "target": "20"},
        {"type": "Concurrency", "target": "4"},
        {"type": "QueueLag", "target": "10", "stream": "orders", "consumer": "catalog"},
    ],
}
SPEC = {
    "image": "shop/catalog:1",
    "ports": [{"name": "http", "port": 8080}],
    "autoscaling": SCALED,
    "database": {},
    "events": {},
    "dependsOn": [{"name": "media"}],
    "slo": {"availability": "99.9", "latency": {"threshold": "250ms", "target": "99"}},
}
SHOP = {
    "apiVersion": "shopservice.dev/v1",
    "kind": "ShopService",
    "metadata": {"name": "catalog", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
    "spec": SPEC,
}
Series = dict[str, float]


def made(kind: str, name: str) -> dict[str, Any]:
    kinds = frozenset(kind.kind for kind in CHILD_KINDS if kind.optional)
    children = build(parse(SHOP), Context(kinds=kinds, generate=lambda: "x"))
    return next(child for child in children if (child["kind"], child["metadata"]["name"]) == (kind, name))


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made("PrometheusRule", "catalog")["spec"]["groups"]
    return found


def alerts() -> list[dict[str, Any]]:
    text = (CHARTS / "shop-operator" / "files" / "alerts.yaml").read_text()
    groups: list[dict[str, Any]] = yaml.safe_load(text.replace("NAMESPACE", "shop-system"))
    return groups


def dashboards() -> dict[str, dict[str, Any]]:
    (of_service,) = made("ConfigMap", "catalog-dashboard")["data"].values()
    whole = {name: one.built() for name, one in OF_SHOP.items()}
    return {"service": json.loads(of_service), "operator": operator.built(), **whole}


def queries() -> list[tuple[str, str]]:
    """Panel and PromQL, with Grafana's variables as they are for this service."""
    found = []
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                expr = target["expr"].replace("$namespace", "shop").replace("$service", "catalog")
                found.append((f"{name}: {panel['title']}", expr.replace("$__rate_interval", "1m")))
    return found


async def of_chassis() -> str:
    """/metrics of a service that answers, fails, calls, publishes and consumes."""
    router = APIRouter()

    @router.get("/items/{number}")
    async def item(number: int) -> int:
        if number == 0:
            raise Problem(503, "there is none")
        return number

    def setup(runtime: Any) -> None:
        client, outbox = ClientMetrics(runtime.metrics), OutboxMetrics(runtime.metrics)
        client.watch("media", lambda: 1, lambda: State.OPEN)
        client.attempt("media", "GET", "/images", 0.2, 200, "")
        client.not_sent("media", "circuit_open")
        for type in ("placed", "order.placed", "order.confirmed", "order.cancelled"):
            outbox.published.labels(type).inc()
        consumed = ConsumerMetrics(runtime.metrics)
        for outcome in ("applied", "duplicate", "parked", "failed", "outage", "dead_lettered"):
            consumed.events.labels("orders", "catalog", "placed", outcome).inc()
        consumed.gaps.labels("orders", "catalog").inc()
        consumed.lag.labels("orders", "catalog").set(3)
        consumed.duration.labels("orders", "catalog", "placed").observe(0.01)
        runtime.add(Schedule("stock take", 60, asyncio.Event().wait, runtime))

    app = create_app(Service("catalog", routers=[router], setup=setup), Settings(log_access=False))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://catalog") as http:
        assert (await http.get("/items/1")).status_code == 200
        assert (await http.get("/items/0")).status_code == 503
        return (await http.get("/metrics")).text


def of_route(method: str, route: str) -> str:
    """A service that answered there once."""
    registry = CollectorRegistry()
    ServerMetrics(registry, "any", "dev").done(method, route, 200, 0.1, Span("1", "2", sampled=False))
    return generate_latest(registry).decode()


def of_orders() -> str:
    """What order-processing alone has."""
    registry = CollectorRegistry()
    sagas = SagaMetrics(registry)
    sagas.tried("order", "reserve", "forward", "done", 0.1)
    sagas.counted(Counts({("order", "running"): 1}, 0, None))
    trade, lamp = TradeMetrics(registry), Money(amount=4900, currency="EUR")
    order = api.Order.model_construct(total=lamp)
    trade.happened(events.ORDER_CONFIRMED, events.OrderEvent.model_construct(order=order))
    trade.happened(events.ORDER_REFUNDED, events.OrderRefunded.model_construct(order=order, amount=lamp))
    return generate_latest(registry).decode()


async def of_storefront() -> str:
    """/metrics of the storefront, which nobody has visited."""
    service = import_module("shop_storefront.service").service
    app = create_app(service, service.settings(log_access=False))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://storefront") as http,
    ):
        return (await http.get("/metrics")).text


def of_search() -> str:
    """What search measures of its index, before there is one."""
    registry = CollectorRegistry()
    import_module("shop_search.metrics").IndexMetrics(registry)
    return generate_latest(registry).decode()


def of_operator() -> str:
    """/metrics of an operator that knows the service, and has done a bit of everything."""
    metrics, cache, queue = Metrics(), Cache(), Queue[Key]()
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "DatabaseReady", "Reconciled")]
    conditions += [{"type": kind, "status": "False"} for kind in ("Degraded", "AutoscalingActive")]
    cache.update("ShopService", {**SHOP, "status": {"conditions": conditions}})
    deployment = made("Deployment", "catalog")
    deployment["metadata"]["resourceVersion"] = "2"
    replicas = {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}
    cache.update("Deployment", {**deployment, **replicas})
    metrics.watch(queue, cache)
    metrics.reconciles.labels("done").observe(0.002)
    metrics.observe_call("apply", "Service", 200)
    metrics.observe_call("get", "Service", 404)
    metrics.drift.labels("Service", "edited").inc()
    metrics.errors.labels("Conflict").inc()
    return generate_latest(metrics.registry).decode()


def as_scraped(text: str, **target: str) -> Series:
    """The series as Prometheus stores them; a label that they have themselves is honoured."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {**target, **sample.labels}
            inside = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(labels.items()))
            found[f"{sample.name}{{{inside}}}"] = sample.value
    return found


async def exposed() -> Series:
    pod = {"namespace": "shop", "job": "catalog", "pod": "catalog-1"}
    own = {"namespace": "shop-system", "job": "shop-operator", "pod": "shop-operator-1"}
    up = {'up{namespace="shop-system",job="shop-operator",pod="shop-operator-1"}': 1.0}
    found = {**as_scraped(await of_chassis(), **pod), **as_scraped(of_operator(), **own), **up}
    for job in ("order-taking", "order-processing"):
        found |= as_scraped(await of_chassis(), namespace="shop", job=job, pod=f"{job}-1")
    found |= as_scraped(of_orders(), namespace="shop", job="order-processing", pod="order-processing-1")
    for job, method, route in FUNNEL.values():
        found |= as_scraped(of_route(method, route), namespace="shop", job=job, pod=f"{job}-1")
    return found


def grows(series: str) -> bool:
    return series.partition("{")[0].endswith(("_total", "_count", "_sum", "_bucket"))


@pytest.mark.apiserver
def test_every_panel_has_data(tmp_path: Path) -> None:
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": name, "values": f"0+{value}x60" if grows(name) else f"{value}+0x60"}
                    for name, value in asyncio.run(exposed()).items()
                ],
                # A series that is not a number shows nothing either.
                "promql_expr_test": [
                    {
                        "expr": f"count(({expr}) == ({expr})) > bool 0",
                        "eval_time": "10m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for _, expr in queries()
                ],
            }
        ],
    }
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": rules()}))
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [promtool, "test", "rules", "tests.yaml"], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


SERIES = re.compile(
    r"\b(?:(?:shop_operator|shop_service|http_server|http_client|process|outbox|consumer|order|schedule)_\w+|up)\b"
)


async def test_queries_and_alerts_name_only_what_is_exposed() -> None:
    there = {name.partition("{")[0] for name in await exposed()}
    expressions = queries() + [
        (rule.get("alert") or rule["record"], rule["expr"])
        for group in [*rules(), *alerts()]
        for rule in group["rules"]
    ]
    for trigger in made("ScaledObject", "catalog")["spec"]["triggers"]:
        expressions.append(("autoscaler", trigger["metadata"].get("query", "")))
    named = {(where, name) for where, expr in expressions for name in SERIES.findall(expr)}
    assert len(named) > 40
    assert {(where, name) for where, name in named if name not in there} == set()


@pytest.mark.parametrize("step", FUNNEL)
def test_the_steps_of_a_shopper_are_routes_that_there_are(step: str) -> None:
    job, method, route = FUNNEL[step]
    service = import_module(f"shop_{job.replace('-', '_')}.service").service
    routes = {(each.path, verb) for part in service.routers for each in part.routes for verb in each.methods}
    assert (route, method) in routes


async def test_the_contract_names_what_is_exposed() -> None:
    contract = (ROOT / "docs" / "contracts.md").read_text()
    table = contract.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    first_columns = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    promised = {name for column in first_columns for name in re.findall(r"`(\w+)`", column)}
    texts = (await of_chassis(), await of_storefront(), of_orders(), of_search(), of_operator())
    there = {family for text in texts for family in _families(text)}
    assert len(promised) > 20
    assert promised - there == set()


def _families(text: str) -> list[str]:
    families = text_string_to_metric_families(text)
    return [f"{family.name}_total" if family.type == "counter" else family.name for family in families]


def test_every_threshold_is_a_bucket_that_the_chassis_counts() -> None:
    assert [float(le(threshold)) for threshold in Threshold.__args__] == list(BUCKETS)
