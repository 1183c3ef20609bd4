"""What a cluster tells about the platform: the API server, and through it Prometheus and the broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from shop_platform.kubectl import Json, Kubectl
from shop_platform.process import Failure

# Through the API server: no address of a node is needed, and it works on any cluster.
PROMETHEUS = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query="
BROKER = "/api/v1/namespaces/nats/services/nats:8222/proxy/jsz?streams=true&consumers=true&config=true"

UP = 'sum by (job) (up{namespace="shop"} == 1)'
RATE = 'sum by (job) (rate(http_server_requests_total{namespace="shop"}[15s]))'
P99 = (
    "histogram_quantile(0.99, sum by (job, le) "
    '(rate(http_server_request_duration_seconds_bucket{namespace="shop"}[1m])))'
)


@dataclass
class Seen:
    """Raw answers; what could not be had is missing and told in `problems`."""

    services: list[Json] = field(default_factory=list)
    deployments: list[Json] = field(default_factory=list)
    autoscalers: list[Json] = field(default_factory=list)
    pods: list[Json] = field(default_factory=list)
    workloads: list[Json] = field(default_factory=list)  # Deployments and StatefulSets of the addons
    rate: dict[str, float] = field(default_factory=dict)  # requests per second by service
    p99: dict[str, float] = field(default_factory=dict)  # seconds by service
    streams: list[Json] = field(default_factory=list)
    nodes: list[Json] = field(default_factory=list)
    usage: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def query(kubectl: Kubectl, promql: str) -> dict[str, float]:
    """Values by the label `job`; raises Failure."""
    answer = json.loads(kubectl("get", "--raw", PROMETHEUS + quote(promql), timeout=10))
    return by_job(answer)


def by_job(answer: Mapping[str, Any]) -> dict[str, float]:
    """An instant vector of Prometheus as numbers by job; NaN, which says nothing, is left out."""
    values = {one["metric"].get("job", ""): float(one["value"][1]) for one in answer["data"]["result"]}
    return {job: value for job, value in values.items() if value == value}


def streams(kubectl: Kubectl) -> list[Json]:
    """The broker's streams with their consumers; raises Failure."""
    answer = json.loads(kubectl("get", "--raw", BROKER, timeout=10))
    accounts = answer.get("account_details") or []
    return [stream for account in accounts for stream in account.get("stream_detail") or []]


def observe(kubectl: Kubectl) -> Seen:
    """Everything at once, each part on its own: a broken one leaves the others."""
    seen = Seen()

    def usage() -> list[Json]:
        return list(
            json.loads(kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes", timeout=10))["items"]
        )

    def workloads() -> list[Json]:
        spaces = ("kube-system", "keda", "monitoring", "nats", "media", "shop-system")
        every = kubectl.items("deployments,statefulsets", "--all-namespaces")
        return [one for one in every if one["metadata"]["namespace"] in spaces]

    parts: dict[str, tuple[str, Callable[[], Any]]] = {
        "services": ("ShopServices", lambda: kubectl.items("shopservices.shopservice.dev", "-n", "shop")),
        "deployments": ("Deployments", lambda: kubectl.items("deployments", "-n", "shop")),
        "autoscalers": ("autoscalers", lambda: kubectl.items("horizontalpodautoscalers", "-n", "shop")),
        "pods": ("pods", lambda: kubectl.items("pods", "--all-namespaces")),
        "workloads": ("addons", workloads),
        "nodes": ("nodes", lambda: kubectl.items("nodes")),
        "usage": ("node usage (metrics-server)", usage),
        "rate": ("request rates (Prometheus)", lambda: query(kubectl, RATE)),
        "p99": ("latencies (Prometheus)", lambda: query(kubectl, P99)),
        "streams": ("streams (broker)", lambda: streams(kubectl)),
    }

    def one(name: str) -> None:
        title, read = parts[name]
        try:
            setattr(seen, name, read())
        except (Failure, KeyError, ValueError) as error:
            detail = error.detail if isinstance(error, Failure) else str(error)
            seen.problems.append(f"{title}: {(detail.splitlines() or [str(error)])[-1]}")

    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(one, parts))
    seen.problems.sort()
    return seen
