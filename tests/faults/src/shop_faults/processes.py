"""A stage of processes: every service as a pod has it, on PostgreSQL, Redis and NATS of this machine."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from shop.local.addresses import Addresses
from shop.local.members import MEMBERS, Member
from shop.local.place import Place
from shop_chassis.settings import Settings
from shop_chassis.store import opened
from shop_chassis.testing.process import ServiceProcess
from shop_chassis.testing.servers import NatsServer, PostgresServer, RedisServer, Server, free_ports

from shop_faults.mutated import Mutant, environment
from shop_faults.stage import Target

T = TypeVar("T")

DATABASES = {
    "orders": ("order-taking", "order-processing"),
    "money": ("payment",),
    "goods": ("user", "catalog", "warehouse", "logistics"),
}
"""PostgreSQL servers, and whose databases they have; the gateway keeps a file, as another firm would."""
GATEWAY = "testgateway"
CHECKOUT = frozenset(
    {
        *("user", "catalog", "cart", "warehouse", "payment", GATEWAY),
        *("order-taking", "order-processing", "logistics"),
    }
)
"""Services without which nothing is sold; the others have no part in an order."""
PACK_SECONDS = 3.0
SECONDS_PER_HOP = 1.0
"""So short that an order is with its shopper before the run is over."""
NEIGHBOUR_SECONDS = 4.0
"""For questions to neighbours: a machine that always starts something is no place for a shop's deadlines, and
what is tried here is whether it is right, not whether it is quick."""
AT_ONCE = 3
"""Services that start at a time: each of them is seconds of imports."""
PATIENCE = 240.0
"""Seconds until something that was killed has to run again; what it needs may be down, the machine busy."""


class Processes:
    """As `Stage` says."""

    def __init__(self, folder: Path, *, mutant: Mutant | None = None) -> None:
        """`folder` gets logs, keys and files; `mutant` is the build that services run, the gateway apart."""
        self._folder = folder
        self._members = tuple(each for each in MEMBERS if each.name in CHECKOUT)
        self._services = {each.name: self._service(each, mutant) for each in self._members}
        ports = {name: service.port for name, service in self._services.items()}
        # Payment sends who has confirmed something back to the storefront; nobody follows that link here.
        self._place = Place(folder / "shop", ports | {"storefront": free_ports(1)[0]})
        self._servers: dict[Target, Server] = {}
        self._open = ExitStack()
        # A process is ended by Linux when the thread that started it ends, so these live as long as it does.
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="stage")

    @property
    def targets(self) -> tuple[Target, ...]:
        """All services and servers."""
        services = [
            Target("gateway" if each.name == GATEWAY else "service", each.name) for each in self._members
        ]
        return (*services, *self._servers)

    async def start(self) -> Addresses:
        """As the protocol says."""
        redis, nats = await self._start_servers()
        self._place.write_keys(self._members)
        self._place.write_admin()
        for member in self._members:
            settings = self._place.settings(member)
            settings |= {"events_url": nats.url, "cache_url": "memory://"}
            match member.name:
                case "cart":
                    settings |= {"cache_url": redis.url, "catalog_timeout": NEIGHBOUR_SECONDS}
                case "order-taking":
                    names = ("cart", "catalog", "logistics", "warehouse")
                    settings |= {f"{name}_timeout": NEIGHBOUR_SECONDS for name in names}
                case "user":
                    settings |= {"anonymous_per_minute": 6000}
                case "order-processing":
                    settings |= {"pack_seconds": PACK_SECONDS}
                case "logistics":
                    settings |= {"seconds_per_hop": SECONDS_PER_HOP}
            if (url := await self._database(member)) is not None:
                settings |= {"database_url": url}
            await migrate(member, settings["database_url"])
            self._services[member.name].environment.update(variables(settings))
        places = asyncio.Semaphore(AT_ONCE)

        async def ready(service: ServiceProcess) -> None:
            async with places:
                await self._again(service)

        await asyncio.gather(*(ready(service) for service in self._services.values()))
        await self._all_ready()
        return Addresses(
            services={name: service.url for name, service in self._services.items()},
            private_key=self._place.private_key,
            gateway_key=self._place.gateway_key,
            broker=nats.url,
        )

    async def kill(self, what: Target, down: float) -> None:
        """As the protocol says: SIGKILL, then another process on the same data."""
        if (server := self._servers.get(what)) is not None:
            await self._in_thread(server.kill)
            await asyncio.sleep(down)
            await self._again(server)
            return
        service = self._services[what.name]
        await self._in_thread(service.kill)
        await asyncio.sleep(down)
        await self._again(service)

    async def stop(self) -> None:
        """As the protocol says; nothing of it is worth an orderly end."""
        for service in self._services.values():
            service.kill()
        for server in self._servers.values():
            server.kill()
        self._threads.shutdown()
        self._open.close()

    def logs(self) -> dict[str, str]:
        """The end of what each service wrote, for whoever has to understand what happened."""
        return {name: service.log.read_text()[-4000:] for name, service in self._services.items()}

    def _service(self, member: Member, mutant: Mutant | None) -> ServiceProcess:
        folder = self._folder / member.name
        folder.mkdir(parents=True)
        if mutant is None or member.name == GATEWAY:
            return ServiceProcess(member.package, folder)
        return ServiceProcess("shop_faults.mutated", folder, **environment(mutant, member.package))

    async def _start_servers(self) -> tuple[RedisServer, NatsServer]:
        redis, nats = RedisServer(self._data("redis")), NatsServer(self._data("nats"))
        self._servers = {Target("broker", "broker"): nats, Target("cache", "cache"): redis}
        made = [self._in_thread(partial(PostgresServer, self._data(name))) for name in DATABASES]
        for name, server in zip(DATABASES, await asyncio.gather(*made), strict=True):
            self._servers[Target("database", name)] = server
        await asyncio.gather(*(self._in_thread(server.start) for server in self._servers.values()))
        return redis, nats

    def _data(self, name: str) -> Path:
        """Where somebody else than the user of this process may come, as PostgreSQL needs it."""
        folder = Path(
            self._open.enter_context(
                tempfile.TemporaryDirectory(prefix=f"faults-{name}-", ignore_cleanup_errors=True)
            )
        )
        folder.chmod(0o755)
        return folder

    async def _database(self, member: Member) -> str | None:
        for name, owners in DATABASES.items():
            if member.name in owners:
                server = self._servers[Target("database", name)]
                assert isinstance(server, PostgresServer)
                return await self._in_thread(server.new_database)
        return None

    async def _all_ready(self) -> None:
        waiting = dict(self._services)
        deadline = time.monotonic() + PATIENCE
        while waiting:
            for name, service in list(waiting.items()):
                if await self._in_thread(partial(service.status, "/readyz")) == 200:
                    del waiting[name]
            if waiting and time.monotonic() > deadline:
                said = "\n".join(service.log.read_text()[-1500:] for service in waiting.values())
                raise AssertionError(f"not ready within {PATIENCE:.0f} s: {', '.join(waiting)}\n{said}")
            await asyncio.sleep(0.1)

    async def _again(self, what: ServiceProcess | Server) -> None:
        """As a kubelet does: as often as it takes, because what it needs may be down as well."""
        start = what.start
        if isinstance(what, ServiceProcess):
            start = partial(what.start, wait_for="/healthz", seconds=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._in_thread(start)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                await self._in_thread(what.kill)
                await asyncio.sleep(0.5)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def variables(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as a pod's environment has them."""
    return {name.upper(): str(value) for name, value in settings.items() if value is not None}


async def migrate(member: Member, url: str) -> None:
    """Gives a database the schema of that service."""
    service = member.load()
    if service.migrations is not None:
        async with opened(Settings(database_url=url), service.name) as store:
            await service.migrations.upgrade(store, wait=30)
