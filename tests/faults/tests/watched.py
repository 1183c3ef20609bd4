"""Three services on servers of this machine, with what watches them on a cluster: exporters, Prometheus."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml
from kindlocal.archive import take
from kindlocal.paths import cache, cache_table
from kindlocal.prometheus import Prometheus
from prometheus_client import start_http_server
from shop.local.members import MEMBERS
from shop.local.place import Place
from shop.seed import seed_catalog
from shop_chassis.events.jetstream import NatsBus
from shop_chassis.testing.process import ServiceProcess
from shop_chassis.testing.servers import (
    NatsServer,
    PostgresServer,
    RedisServer,
    die_with_parent,
    free_ports,
)
from shop_faults.processes import NEIGHBOUR_SECONDS, migrate, variables
from shop_operator.api import parse
from shop_operator.children import Context, build
from shop_operator.engine.cache import Cache
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.queue import Queue
from shop_platform.paths import SERVICES
from shop_platform.runbooks import Fault

SERVED = ("catalog", "cart", "order-processing")
NEIGHBOURS = ("warehouse", "payment", "logistics", "storefront", "testgateway")
"""Nobody is there."""
STREAMS = ("warehouse", "user", "order-taking", "payment", "logistics")
QUIET = 15.0
"""Seconds for which all was well before a fault."""
SHOWN_WITHIN = 60.0


class Watched:
    """A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._open = folder, ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Watched":
        try:
            self._start_servers()
            self._start_services()
            self._watch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for service in getattr(self, "services", {}).values():
            service.kill()
        for process in self._processes:
            process.kill()
            process.wait()
        for server in ("postgres", "redis", "nats"):
            if found := getattr(self, server, None):
                found.kill()
        self._open.close()

    def _start_servers(self) -> None:
        self.postgres = PostgresServer(self._data("postgres"))
        self.redis = RedisServer(
            self._data("redis"),
            *("--appendonly", "yes", "--maxmemory", "32mb", "--maxmemory-policy", "noeviction"),
        )
        self.nats = NatsServer(self._data("nats"), room="64MB")
        for server in (self.postgres, self.redis, self.nats):
            server.start()
        # Of those who publish and are not there.
        asyncio.run(self._publish({f"{stream}.none": [] for stream in STREAMS}))

    def _start_services(self) -> None:
        ports = dict(zip((*SERVED, *NEIGHBOURS), free_ports(len(SERVED + NEIGHBOURS)), strict=True))
        members = [each for each in MEMBERS if each.name in ports]
        place = Place(self._folder / "shop", ports)
        signer = place.write_keys(members)
        self.admin = {"Authorization": f"Bearer {signer.token('admin', 'catalog:admin')}"}
        self.services: dict[str, ServiceProcess] = {}
        for member in members:
            if member.name not in SERVED:
                continue
            settings = place.settings(member) | {"events_url": self.nats.url, "database_url": None}
            if member.name == "cart":
                settings |= {"cache_url": self.redis.url, "catalog_timeout": NEIGHBOUR_SECONDS}
            else:
                settings |= {"database_url": self.postgres.url(member.name)}
                self.postgres.execute(f'CREATE DATABASE "{member.name}"')
                asyncio.run(migrate(member, settings["database_url"]))
            if member.name == "order-processing":
                settings |= {"saga_poll_seconds": 1}
            service = ServiceProcess(member.package, self._folder)
            service.environment |= variables(settings | {"port": service.port})
            if member.name == "cart":
                service.environment["CATALOG_URL"] = self.services["catalog"].url
            self.services[member.name] = service
        for service in self.services.values():
            service.start()
        token = signer.token("admin", "catalog:admin")
        asyncio.run(seed_catalog(self.url("catalog"), token, 3))
        with httpx.Client(trust_env=False) as http:
            self.product = http.get(f"{self.url('catalog')}/products").json()["items"][0]
            self.cart = http.post(f"{self.url('cart')}/carts").raise_for_status().json()["id"]
            line = {"product_id": self.product["id"], "quantity": 1}
            http.post(f"{self.url('cart')}/carts/{self.cart}/lines", json=line).raise_for_status()

    def _watch(self) -> None:
        catalog = yaml.safe_load((SERVICES / "catalog/shopservice.yaml").read_text())
        catalog["metadata"] |= {"namespace": "shop", "uid": "u", "resourceVersion": "1"}
        children = build(
            parse(catalog), Context(kinds=frozenset({"PrometheusRule", "PodMonitor"}), generate=str)
        )
        (rule,) = (child for child in children if child["kind"] == "PrometheusRule")
        watching = Prometheus(self._folder / "prometheus", rule["spec"]["groups"])
        self._open.enter_context(watching)
        self.prometheus = self._open.enter_context(httpx.Client(base_url=watching.url, trust_env=False))
        for name, service in self.services.items():
            watching.scrape(name, f"127.0.0.1:{service.port}", namespace="shop", pod=f"{name}-1")
        for job, address in self._exporters(catalog).items():
            watching.scrape(job, address, namespace="shop", pod=f"{job}-0")
        jobs = len(self.services) + 4
        self.wait("all to be scraped", lambda: self.asked("count(up == 1)") == jobs)
        hears = 'count(consumer_lag_events{job="catalog",stream="warehouse"})'
        self.wait("catalog to hear of stock", lambda: self.asked(hears) == 1)

    def _exporters(self, catalog: dict[str, Any]) -> dict[str, str]:
        """What is in the pods of stores, beside the broker, and what the operator says of the service."""
        postgres, redis, nats, operator = free_ports(4)
        exporter = self._program("postgres-exporter", "/bin/postgres_exporter")
        self._run(
            [exporter, f"--web.listen-address=127.0.0.1:{postgres}", "--disable-settings-metrics"],
            DATA_SOURCE_NAME=f"{self.postgres.url()}?sslmode=disable",
        )
        exporter = self._program("redis-exporter", "/redis_exporter")
        self._run([exporter, f"--web.listen-address=127.0.0.1:{redis}"], REDIS_ADDR=self.redis.url)
        asked = {"BROKER_MONITORING": self.nats.monitoring, "PORT": str(nats)}
        self._run([sys.executable, "-m", "shop_chassis.brokermetrics"], **asked)
        metrics, known = Metrics(), Cache()
        known.update("ShopService", catalog)
        metrics.watch(Queue(), known)
        server, _ = start_http_server(operator, "127.0.0.1", registry=metrics.registry)
        self._open.callback(server.shutdown)
        ports = {
            "catalog-db": postgres,
            "cart-cache": redis,
            "broker-metrics": nats,
            "shop-operator": operator,
        }
        return {job: f"127.0.0.1:{port}" for job, port in ports.items()}

    def _program(self, image: str, file: str) -> str:
        target = self._folder / image
        take(cache() / cache_table("images.json")[image]["archive"], file, target)
        return str(target)

    def _run(self, command: Sequence[str], **environment: str) -> None:
        with (self._folder / f"{Path(command[-1]).name}.log").open("wb") as log:
            words = {"PATH": os.environ["PATH"], **environment}
            started = subprocess.Popen(command, env=words, stdout=log, stderr=log, preexec_fn=die_with_parent)
        self._processes.append(started)

    def _data(self, name: str) -> Path:
        """Where somebody else than the user of this process may come, as PostgreSQL needs it."""
        made = tempfile.TemporaryDirectory(prefix=f"watched-{name}-", ignore_cleanup_errors=True)
        folder = Path(self._open.enter_context(made))
        folder.chmod(0o755)
        return folder

    # What tests ask and do

    def url(self, service: str) -> str:
        return self.services[service].url

    def tell(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Publishes them, whoever they would be from."""
        asyncio.run(self._publish({topic: bodies}))

    async def _publish(self, told: Mapping[str, Sequence[bytes]]) -> None:
        bus = NatsBus(self.nats.url, name="test")
        await bus.start()
        for topic, bodies in told.items():
            await bus.ensure_stream(topic.partition(".")[0], max_age=3600)
            for body in bodies:
                await bus.publish(topic, body, message_id=str(uuid4()))
        await bus.stop()

    def asked(self, promql: str) -> float | None:
        """The first number of the answer."""
        answer = self.prometheus.get("/api/v1/query", params={"query": promql}).json()["data"]["result"]
        return float(answer[0]["value"][1]) if answer else None

    def wait(self, what: str, probe: Callable[[], Any], seconds: float = SHOWN_WITHIN) -> Any:
        end = time.monotonic() + seconds
        while not (seen := probe()):
            assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}; last seen: {seen!r}"
            time.sleep(0.2)
        return seen

    def until_none(self, what: str, probe: Callable[[], list[str]], seconds: float = SHOWN_WITHIN) -> None:
        end = time.monotonic() + seconds
        while left := probe():
            assert time.monotonic() < end, f"{what} after {seconds:.0f} s: {', '.join(left)}"
            time.sleep(0.5)

    @contextmanager
    def visited(self) -> Iterator[None]:
        """Somebody looks at products and at their cart, some ten times a second, until the block ends."""
        ended = threading.Event()
        looked = (f"{self.url('catalog')}/products?limit=2", f"{self.url('cart')}/carts/{self.cart}")

        def look(url: str) -> None:
            with httpx.Client(timeout=5, trust_env=False) as http:
                while not ended.wait(0.2):
                    with suppress(httpx.TransportError):
                        http.get(url)

        people = [threading.Thread(target=look, args=(url,)) for url in looked]
        for person in people:
            person.start()
        try:
            yield
        finally:
            ended.set()
            for person in people:
                person.join()

    def well(self, *faults: tuple[str, str]) -> list[Fault]:
        """(alert, service): what is looked at, when it has been quiet for a while and all are ready."""
        for name, service in self.services.items():
            self.wait(f"{name} to be ready", lambda service=service: service.status("/readyz") == 200)
        self.quiet_since = time.time()
        self.wait("a quiet while", lambda: time.time() - self.quiet_since > QUIET)
        return [Fault(alert, self.prometheus, service, step=1, quiet=QUIET) for alert, service in faults]
