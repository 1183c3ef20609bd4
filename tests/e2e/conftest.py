"""The shop on a cluster of its own, made by pytest-kind: what `make up` installs, by the same functions."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_kind import KindCluster
from shop.local.addresses import Addresses
from shop_journeys import shop as journeys
from shop_platform import auth
from shop_platform.images import sources
from shop_platform.kind import find_tools
from shop_platform.openload import OpenLoad
from shop_platform.platform import PORTS, SHOP, Platform, answers

from . import turns

Json = dict[str, Any]
HERE = Path(__file__).parent
MADE, INSTALLED, LOCK = "made", "installed", "cluster.lock"
long = pytest.mark.skipif(not os.environ.get("SHOP_TEST_LONG"), reason="minutes; `make test-long` runs it")
QUICK = {
    # As `shop local` has it: long enough to cancel a paid order, short enough to wait for a parcel.
    "order-processing": {"PACK_SECONDS": "8"},
    "logistics": {"SECONDS_PER_HOP": "5"},
    "user": {"ANONYMOUS_PER_MINUTE": "6000"},  # all of these people come from one address
    # What a killed worker was about to send is soon another one's; more mails than a person would want.
    "notification-worker": {"LEASE_SECONDS": "20", "MAILS_PER_DAY": "100"},
}


def pytest_configure(config: pytest.Config) -> None:
    """pytest-kind would download kind and kubectl; both are here already. Given options still win."""
    for marker in turns.MARKERS:
        config.addinivalue_line("markers", marker)
    tools = find_tools()
    config.option.kind_bin = config.option.kind_bin or str(tools.kind)
    config.option.kind_kubectl_bin = config.option.kind_kubectl_bin or str(tools.kubectl)
    if config.option.cluster_name == "pytest-kind":
        config.option.cluster_name = "shop-e2e"
    if hasattr(config, "workerinput"):
        config.option.keep_cluster = True  # the others still need it


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The cluster that workers shared goes when all of them are through."""
    option, made = session.config.option, shared(session.config) / MADE
    if option.numprocesses and made.exists():
        made.unlink()
        if not option.keep_cluster:
            KindCluster(option.cluster_name, kind_path=Path(option.kind_bin)).delete()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Its fixtures too have what the test needs."""
    with turns.turn(item, shared(item.config)):
        return (yield)


def shared(config: pytest.Config) -> Path:
    """What the workers of a run have in common: pytest-kind's folder of the cluster."""
    return Path(".pytest-kind", config.option.cluster_name)


class Kube:
    """kubectl in one namespace, the shop's unless said otherwise, with JSON answers."""

    def __init__(self, cluster: KindCluster, namespace: str = SHOP) -> None:
        self._command = [
            str(cluster.kubectl_path),
            f"--kubeconfig={cluster.kubeconfig_path}",
            "--namespace",
            namespace,
        ]

    def run(
        self, *args: str, input: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """kubectl ARGS; with `check` a failure fails the test with what kubectl said."""
        done = subprocess.run(
            [*self._command, *args], input=input, capture_output=True, text=True, timeout=180
        )
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def start(self, *args: str) -> subprocess.Popen[str]:
        """kubectl ARGS, running; its output is to be read."""
        return subprocess.Popen([*self._command, *args], stdout=subprocess.PIPE, text=True)

    def get(self, *args: str) -> Json | None:
        """The object, or None where there is none."""
        done = self.run("get", *args, "-o", "json", "--ignore-not-found")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def items(self, *args: str) -> list[Json]:
        found = self.get(*args)
        return list(found["items"]) if found else []

    def apply(self, manifest: Json, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("apply", "-f", "-", input=json.dumps(manifest), check=check)

    def restore(self, was: Json) -> None:
        """Applies an object as somebody wrote it, without what the server added."""
        metadata = {
            key: was["metadata"][key] for key in ("name", "labels", "annotations") if key in was["metadata"]
        }
        self.apply(
            {"apiVersion": was["apiVersion"], "kind": was["kind"], "metadata": metadata, "spec": was["spec"]}
        )

    def patch(self, kind: str, name: str, change: Json, *args: str) -> None:
        self.run("patch", kind, name, "--type=merge", "--patch", json.dumps(change), *args)

    def pods(self, service: str, component: str = "service", leaving: bool = False) -> list[Json]:
        """Pods of a ShopService, oldest first; those on their way out only when asked for."""
        labels = f"shopservice.dev/name={service},app.kubernetes.io/component={component}"
        found = self.items("pods", "-l", labels, "--sort-by=.metadata.creationTimestamp")
        return [pod for pod in found if leaving or "deletionTimestamp" not in pod["metadata"]]

    def kill(self, pod: str, *args: str) -> None:
        """Ends a pod at once, without a chance to finish anything."""
        self.run("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false", *args)

    def ready(self, service: str) -> int:
        """Ready pods of a ShopService."""
        return sum(is_ready(pod) for pod in self.pods(service))

    def condition(self, name: str, kind: str) -> Json:
        """A condition of a ShopService; `{}` where it has none of that type."""
        status = (self.get("shopservice", name) or {}).get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == kind), {})

    def sql(self, service: str, query: str) -> str:
        """What the service's own database answers, asked over the socket inside its pod."""
        psql = f'exec "$POSTGRES_BIN/psql" -XAtq --username=postgres --dbname={service} --command="$0"'
        pod = f"{service}-db-0"
        return self.run("exec", pod, "-c", "postgres", "--", "sh", "-c", psql, query).stdout.strip()


def is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def wait_for(what: str, probe: Callable[[], Any], timeout: float, every: float = 0.5) -> Any:
    """The first true answer of `probe`; fails after `timeout` seconds with the last one."""
    end = time.monotonic() + timeout
    while True:
        seen = probe()
        if seen:
            return seen
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout:.0f} s for {what}; last seen: {seen!r}")
        time.sleep(every)


@contextmanager
def load(base: str, paths: Sequence[str], rate: float) -> Iterator[OpenLoad]:
    """Requests to these paths in turn, so many per second, from another thread, until the block ends."""
    running = OpenLoad(base, paths, lambda _: rate)
    thread = threading.Thread(target=lambda: asyncio.run(running.run()))
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(timeout=30)


@contextmanager
def unseen(kube: Kube, shop: Shop, series: str) -> Iterator[None]:
    """Prometheus drops this series of every pod until the block ends."""
    drop = {"sourceLabels": ["__name__"], "regex": series, "action": "drop"}
    scrapes = [{"name": "without-series", "default": True, "metricRelabelings": [drop]}]
    prometheus = ("prometheuses.monitoring.coreos.com", "prometheus")
    monitoring = "--namespace=monitoring"
    kube.patch(*prometheus, {"spec": {"scrapeClasses": scrapes}}, monitoring)
    try:
        # Its last samples stay for five minutes; nobody asks about more than these seconds.
        wait_for("the series to stop", lambda: not shop.query(f"count_over_time({series}[15s])"), 120)
        yield
    finally:
        kube.patch(*prometheus, {"spec": {"scrapeClasses": None}}, monitoring)


@dataclass(frozen=True)
class Shop:
    """The shop as people outside the cluster reach it."""

    catalog: httpx.Client
    cart: httpx.Client
    prometheus: httpx.Client
    admin: dict[str, str]  # the headers of an administrator of the catalogue

    def query(self, promql: str) -> list[Json]:
        """The instant vector that Prometheus answers."""
        answer = self.prometheus.get("/api/v1/query", params={"query": promql})
        return list(answer.raise_for_status().json()["data"]["result"])

    def change_price(self, product: Json, amount: int) -> None:
        """As an administrator does it; `amount` in minor units."""
        price = {"amount": amount, "currency": product["price"]["currency"]}
        path = f"/admin/products/{product['id']}/price"
        answer = self.catalog.put(path, json=price, headers=self.admin)
        assert answer.is_success, answer.text


@pytest.fixture(scope="session")
def wait() -> Callable[..., Any]:
    return wait_for


@pytest.fixture(scope="session")
def kind_cluster(request: pytest.FixtureRequest) -> KindCluster:
    """pytest-kind's. One worker makes it, the others find it there."""
    folder = shared(request.config)
    with turns.locked(folder / LOCK):
        if hasattr(request.config, "workerinput"):
            (folder / MADE).touch()
        cluster: KindCluster = request.getfixturevalue("kind_cluster")
    return cluster


@pytest.fixture(scope="session")
def platform(kind_cluster: KindCluster) -> Platform:
    """Everything installed and Ready, with demo products in it."""
    platform = Platform.on(kind_cluster, env=QUICK)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with turns.locked(kind_cluster.path / LOCK):
        done = kind_cluster.path / INSTALLED
        if not done.exists() or done.read_text() != run:
            platform.install(lambda text: print(text, flush=True))
            platform.seed()
            done.write_text(run)
    return platform


@pytest.fixture(scope="session")
def kube(kind_cluster: KindCluster, platform: Platform) -> Kube:
    return Kube(kind_cluster)


@pytest.fixture(scope="session")
def shop(platform: Platform) -> Iterator[Shop]:
    headers = {"authorization": f"Bearer {platform.token('catalog:admin')}"}
    with (
        httpx.Client(base_url=platform.url("catalog"), timeout=5) as catalog,
        httpx.Client(base_url=platform.url("cart"), timeout=5) as cart,
        httpx.Client(base_url=platform.url("prometheus"), timeout=5) as prometheus,
    ):
        yield Shop(catalog, cart, prometheus, headers)


BROKER = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "nats-outside"},
    "spec": {
        "type": "NodePort",
        "selector": {"app.kubernetes.io/name": "nats"},
        "ports": [{"port": 4222, "targetPort": "client"}],
    },
}
"""A way to the broker, by which mails are read."""


@pytest.fixture(scope="session")
def broker(kind_cluster: KindCluster, platform: Platform) -> str:
    """The broker's address on this machine."""
    nats = Kube(kind_cluster, "nats")
    nats.apply(BROKER)
    service = nats.get("service", "nats-outside")
    assert service
    port = service["spec"]["ports"][0]["nodePort"]
    wait_for("the broker's port", lambda: answers(platform.node_address, port), 30)
    return f"nats://{platform.node_address}:{port}"


@pytest.fixture(scope="session")
def addresses(
    platform: Platform, kube: Kube, broker: str, tmp_path_factory: pytest.TempPathFactory
) -> Addresses:
    """Where everything is, as those who know `shop local` are told."""
    key = tmp_path_factory.mktemp("keys") / "private.pem"
    key.touch(mode=0o600)
    key.write_text(auth.key(platform.kubectl, SHOP))
    secret = kube.get("secret", "shop-gateway")
    assert secret
    return Addresses(
        services={name: platform.url(name) for name in sources() if name in PORTS},
        private_key=key,
        gateway_key=base64.b64decode(secret["data"]["gateway-key"]).decode(),
        broker=broker,
    )


@pytest.fixture(scope="session")
def people(addresses: Addresses) -> Iterator[journeys.Shop]:
    """The shop as journeys know it, with those who shop there."""
    made = journeys.Shop(addresses)
    made.open()
    yield made
    made.close()


SERVER = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.HTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def python_image(kube: Kube) -> str:
    """An image that is loaded and has Python in it."""
    deployment = kube.get("deployment", "cart")
    assert deployment
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def serving(kube: Kube, python_image: str) -> Iterator[Callable[..., None]]:
    """Applies a small ShopService with more in its spec; at the end it goes."""
    probe = {"httpGet": {"path": "/"}}
    spec = {
        "image": python_image,
        "command": ["python3", "-c", SERVER],
        "ports": [{"name": "http", "port": 8080}],
        "probes": {"startup": probe, "readiness": probe, "liveness": probe},
        "resources": {"requests": {"cpu": "5m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}},
        "monitoring": {"enabled": False},
    }
    made: set[str] = set()

    def apply(name: str, **more: Any) -> None:
        made.add(name)
        manifest = {"apiVersion": "shopservice.dev/v1", "kind": "ShopService", "metadata": {"name": name}}
        kube.apply({**manifest, "spec": {**spec, **more}})

    yield apply
    for name in made:
        kube.run("delete", "shopservice", name, "--ignore-not-found")
