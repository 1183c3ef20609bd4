"""The shop as processes of their own, each service as its pod runs it, on PostgreSQL, Redis and NATS."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import yaml
from shop.local.addresses import Addresses
from shop.local.members import MEMBERS, Member
from shop.local.place import Place
from shop.seed import seed
from shop_chassis.signing import Signer
from shop_chassis.testing.process import ServiceProcess
from shop_chassis.testing.servers import NatsServer, PostgresServer, RedisServer, free_ports
from shop_journeys.shop import Shop
from shop_platform.paths import SERVICES

from shop_bench.process import cpu_seconds, cpu_seconds_of_family
from shop_bench.services.load import Clock

CHANGED: Mapping[str, Any] = {
    "trusted_proxies": 1,  # requests come from many addresses, as behind a balancer
    "seconds_per_hop": 0,  # no carrier drives while something else is measured
    "pack_seconds": 0,
}
"""What is not as in `shop local`."""
READY_SECONDS = 60.0


class Servers:
    """PostgreSQL, Redis and NATS, with data of their own."""

    def __init__(self, folder: Path) -> None:
        for name in ("postgres", "redis", "nats"):
            (folder / name).mkdir()
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        self.postgres = PostgresServer(folder / "postgres")
        self.redis = RedisServer(folder / "redis")
        self.nats = NatsServer(folder / "nats")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (self.postgres, self.redis, self.nats):
                server.start()
                stack.callback(server.stop)
            self._ends = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def clocks(self) -> dict[str, Clock]:
        """Their CPU time by name."""
        return {
            "postgres": partial(cpu_seconds_of_family, self.postgres.pid),
            "redis": partial(cpu_seconds, self.redis.pid),
            "nats": partial(cpu_seconds, self.nats.pid),
        }


class Stage:
    """All services, seeded when `open` is called; ended when the block is left.

    Variables are for each of them, beside its settings.
    """

    def __init__(self, folder: Path, servers: Servers, **variables: str) -> None:
        self._folder, self._servers, self._variables = folder, servers, variables
        ports = free_ports(len(MEMBERS))
        self._place = Place(folder, {member.name: port for member, port in zip(MEMBERS, ports, strict=True)})
        self.processes: dict[str, ServiceProcess] = {}

    def __enter__(self) -> Self:
        self.signer = self._place.write_keys(MEMBERS)
        self._place.write_admin()
        environments = {}
        for member in MEMBERS:
            spec = _spec(member)
            process = ServiceProcess(member.package, self._folder, **self._environment(member, spec))
            process.url, process.port = self.url(member.name), int(process.environment["PORT"])
            self.processes[member.name] = process
            if _migrates(spec):
                environments[member.package] = process.environment
        self._migrate(environments)
        with ExitStack() as stack:
            for process in self.processes.values():
                # Ready is another matter: some wait for a neighbour that comes later.
                stack.callback(process.kill)
                process.start(wait_for="/healthz")
            self._until_ready()
            self._ends = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def open(self, products: int | None) -> Shop:
        """Fills the shelves, with so many products or all. Returns the shop as its shoppers know it."""
        services = {name: self.url(name) for name in self.processes}
        asyncio.run(seed(services, self.signer, products))
        return Shop(
            Addresses(
                services=services,
                private_key=self._place.private_key,
                gateway_key=self._place.gateway_key,
                broker=self._servers.nats.url,
            )
        )

    def url(self, service: str) -> str:
        """Where a service answers."""
        return self._place.url(service)

    def clocks(self, service: str) -> dict[str, Clock]:
        """CPU time of all who take part when this service is asked, its own first."""
        others = [process.pid for name, process in self.processes.items() if name != service]
        return {
            service: partial(cpu_seconds, self.processes[service].pid),
            "other services": lambda: sum(map(cpu_seconds, others)),
            **self._servers.clocks(),
            "load": time.process_time,
        }

    def _migrate(self, environments: Mapping[str, Mapping[str, str]]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "shop_bench.services.migrations"],
            cwd=self._folder, input=json.dumps(environments), capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"migrations failed, after {done.stdout!r}:\n{done.stderr[-2000:]}")

    def _until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        for name, process in self.processes.items():
            while process.status("/readyz") != 200:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{name} is not ready:\n{process.log.read_text()[-2000:]}")
                time.sleep(0.1)

    def _environment(self, member: Member, spec: Mapping[str, Any]) -> dict[str, str]:
        told = {
            **self._place.settings(member),
            "events_url": self._servers.nats.url,
            "log_format": "json",
            **CHANGED,
        }
        # As the operator gives them: what a ShopService does not ask for is in process, or a file.
        if "database" in spec:
            told["database_url"] = self._servers.postgres.new_database()
        if "cache" in spec:
            told["cache_url"] = self._servers.redis.url
        variables = {name.upper(): _variable(value) for name, value in told.items() if value is not None}
        return variables | self._variables


class Reference:
    """The reference handler's two processes, of which one at a time is asked."""

    PARTIES = ("chassis", "bare")

    def __init__(self, folder: Path, servers: Servers) -> None:
        self._folder, self._servers = folder, servers
        self._database = servers.postgres.new_database()
        self.signer = Signer.generate()
        self._keys = folder / "jwks.json"
        self._keys.write_text(self.signer.jwks)

    def fill(self, statements: str) -> None:
        """Makes the table."""
        self._servers.postgres.execute(statements, self._database.rpartition("/")[2])

    def process(self, party: str) -> ServiceProcess:
        """Not started yet."""
        return ServiceProcess(
            f"shop_bench.services.reference.{party}",
            self._folder,
            DATABASE_URL=self._database,
            AUTH_JWKS=str(self._keys),
            LOG_FORMAT="json",
            DRAIN_SECONDS="0",
        )

    def clocks(self, process: ServiceProcess) -> dict[str, Clock]:
        """CPU time of all who take part."""
        return {
            "service": partial(cpu_seconds, process.pid),
            "postgres": self._servers.clocks()["postgres"],
            "load": time.process_time,
        }


def _spec(member: Member) -> Mapping[str, Any]:
    """Of its ShopService; one that the chart does not have yet ends in `.next`."""
    [*_, written] = sorted((SERVICES / member.name).glob("shopservice.yaml*"))
    spec: Mapping[str, Any] = yaml.safe_load(written.read_text())["spec"]
    return spec


def _migrates(spec: Mapping[str, Any]) -> bool:
    """Before it serves: by a Job of the operator's, or in its pod."""
    inside = {each["name"] for each in spec.get("initContainers", ())}
    return "migrations" in spec or "migrate" in inside


def _variable(value: Any) -> str:
    """As pydantic-settings reads it: what has parts as JSON."""
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else str(value)


def memory_of(process: ServiceProcess) -> str:
    """Its smaps_rollup."""
    return Path(f"/proc/{process.pid}/smaps_rollup").read_text()
