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
from shop_chassis.brokermetrics import STREAMS, BrokerMetrics
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
from shop_platform.dashboards.panels import EXEMPLARY
from shop_platform.dashboards.service import CONTAINED
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
    "database": {"storage": "1Gi"},
    "cache": {"persistence": "AppendOnly", "storage": "256Mi"},
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
POSTGRES = """
pg_up 1
pg_stat_database_xact_commit{datname="catalog"} 100
pg_stat_database_xact_rollback{datname="catalog"} 2
pg_stat_database_blks_hit{datname="catalog"} 900
pg_stat_database_blks_read{datname="catalog"} 10
pg_stat_database_numbackends{datname="catalog"} 4
pg_stat_activity_count{datname="catalog",state="idle"} 4
pg_stat_activity_max_tx_duration{datname="catalog",state="active"} 0.1
pg_database_size_bytes{datname="catalog"} 8000000
"""
REDIS = """
redis_up 1
redis_commands_processed_total 100
redis_keyspace_hits_total 90
redis_keyspace_misses_total 10
redis_evicted_keys_total 0
redis_expired_keys_total 3
redis_connected_clients 4
redis_memory_used_bytes 1000000
redis_memory_max_bytes 67108864
redis_instance_info{maxmemory_policy="noeviction"} 1
redis_aof_last_write_status 1
"""
CONTAINERS = """
container_cpu_usage_seconds_total{namespace="shop",pod="catalog-7d9f8c6b5-x2x4z",container="app"} 10
container_memory_working_set_bytes{namespace="shop",pod="catalog-db-0",container="postgres"} 50000000
"""
"""Of postgres_exporter 0.11.1 and redis_exporter 1.45.0 and a kubelet, what is looked at."""
BROKER: dict[str, dict[str, Any]] = {
    "/varz": {
        "connections": 12, "mem": 2e7, "slow_consumers": 0,
        "in_msgs": 100, "out_msgs": 250, "in_bytes": 5000, "out_bytes": 9000,
    },
    STREAMS: {
        "storage": 700, "config": {"max_storage": 1000}, "api": {"errors": 0},
        "account_details": [{"stream_detail": [{
            "name": "dlq", "state": {"messages": 2, "bytes": 200, "last_seq": 9},
            "consumer_detail": [{
                "name": "mail", "config": {"durable_name": "mail"},
                "num_pending": 3, "num_ack_pending": 1, "num_redelivered": 0,
            }],
        }]}],
    },
}  # fmt: skip
"""What NATS tells of itself."""


def made(kind: str, name: str) -> dict[str, Any]:
    kinds = frozenset(kind.kind for kind in CHILD_KINDS if kind.optional)
    children = build(parse(SHOP), Context(kinds=kinds, generate=lambda: "x"))
    return next(child for child in children if (child["kind"], child["metadata"]["name"]) == (kind, name))


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made("PrometheusRule", "catalog")["spec"]["groups"]
    return found


def alerts(file: str = "shop-operator/files/alerts.yaml") -> list[dict[str, Any]]:
    """The rules that a chart brings."""
    namespace = "shop" if file.startswith("shop/") else "shop-system"
    text = (CHARTS / file).read_text().replace("NAMESPACE", namespace)
    groups: list[dict[str, Any]] = yaml.safe_load(text)
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
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as http,
    ):
        assert (await http.get("/items/1")).status_code == 200
        assert (await http.get("/items/0")).status_code == 503
        assert (await http.get("/readyz")).status_code == 200
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


def of_broker() -> str:
    """/metrics of the process that asks the broker."""
    registry = CollectorRegistry()
    registry.register(BrokerMetrics(BROKER.__getitem__))
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
    for job, text in (("catalog-db", POSTGRES), ("catalog-cache", REDIS), ("broker-metrics", of_broker())):
        found |= as_scraped(text, namespace="shop", job=job, pod=f"{job}-0")
        found[f'up{{namespace="shop",job="{job}",pod="{job}-0"}}'] = 1.0
    found |= as_scraped(CONTAINERS, job="containers")
    for job in ("order-taking", "order-processing"):
        found |= as_scraped(await of_chassis(), namespace="shop", job=job, pod=f"{job}-1")
    found |= as_scraped(of_orders(), namespace="shop", job="order-processing", pod="order-processing-1")
    for job, method, route in FUNNEL.values():
        found |= as_scraped(of_route(method, route), namespace="shop", job=job, pod=f"{job}-1")
    return found


COUNTED = ("_total", "_count", "_sum", "_bucket", "_commit", "_rollback", "_blks_hit", "_blks_read")


def grows(series: str) -> bool:
    name = series.partition("{")[0]
    return name.endswith(COUNTED) and name != "pg_stat_activity_count"


@pytest.mark.apiserver
def test_every_panel_has_data(tmp_path: Path) -> None:
    tests = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "5s",  # as pods are scraped: some windows are of 15 s
                "input_series": [
                    {"series": name, "values": f"0+{value}x180" if grows(name) else f"{value}+0x180"}
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
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [*rules(), *alerts()]}))
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [promtool, "test", "rules", "tests.yaml"], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


SERIES = re.compile(
    r"\b(?:(?:shop_operator|shop_service|service|http_server|http_client|process|outbox|consumer|order"
    r"|schedule|pg|redis|nats|container)_\w+|up)\b"
)


async def test_queries_and_alerts_name_only_what_is_exposed() -> None:
    there = {name.partition("{")[0] for name in await exposed()}
    expressions = queries() + [
        (rule.get("alert") or rule["record"], rule["expr"])
        for group in [*rules(), *alerts(), *alerts("shop/alerts.yaml")]
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
    texts = (
        *(await of_chassis(), await of_storefront()),
        *(of_orders(), of_search(), of_operator(), of_broker()),
    )
    there = {family for text in texts for family in _families(text)}
    assert len(promised) > 20
    assert promised - there == set()


def _families(text: str) -> list[str]:
    families = text_string_to_metric_families(text)
    return [f"{family.name}_total" if family.type == "counter" else family.name for family in families]


def test_panels_of_durations_lead_to_traces_and_no_others_ask_for_exemplars() -> None:
    targets = [
        (panel["title"], EXEMPLARY in target["expr"], target.get("exemplar", False))
        for dashboard in dashboards().values()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    assert [title for title, has, asks in targets if has is not asks] == []
    found = {title for title, has, _ in targets if has}
    assert found == {"Duration", "Duration, p95", "Duration, p99", "Slowest routes, p95"}


def test_every_threshold_is_a_bucket_that_the_chassis_counts() -> None:
    assert [float(le(threshold)) for threshold in Threshold.__args__] == list(BUCKETS)


@pytest.mark.parametrize(
    ("pod", "own"),
    [
        ("catalog-7d9f8c6b5-x2x4z", True),
        ("catalog-db-0", True),
        ("catalog-cache-0", True),
        ("catalog-cache-7d9f8c6b5-x2x4z", True),
        ("catalog-worker-7d9f8c6b5-x2x4z", False),
        ("catalog-worker-db-0", False),
        ("old-catalog-db-0", False),
    ],
)
def test_containers_are_those_of_the_services_own_pods(pod: str, own: bool) -> None:
    (pattern,) = re.findall(r'pod=~"(.+)"', CONTAINED.replace("$service", "catalog"))
    assert bool(re.fullmatch(pattern, pod)) is own
