"""The operator is killed, its connections are cut: afterwards everything is as if nothing had happened."""

import asyncio
import contextlib
import random
from urllib.parse import urlsplit

import pytest
import yaml

pytestmark = pytest.mark.apiserver

SPEC = {"ports": [{"name": "http", "port": 8080}], "database": {}, "cache": {"persistence": "None"}}
SERVICES = [f"s{number}" for number in range(6)]
KILLS = 5


class Proxy:
    """A TCP proxy to the API server that can cut all connections and refuse new ones."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._open = True
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        await self.cut()

    async def cut(self) -> None:
        self._open = False
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def restore(self) -> None:
        self._open = True
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        if not self._open:
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


async def children_of(cluster) -> dict[str, tuple]:
    """All children, with what would differ had one been made twice or not at all."""
    found = {}
    for kind in (
        "ServiceAccount",
        "Secret",
        "ConfigMap",
        "Service",
        "Deployment",
        "StatefulSet",
        "NetworkPolicy",
    ):
        for live in await cluster.all(kind):
            labels = live["metadata"].get("labels", {})
            if labels.get("app.kubernetes.io/managed-by") == "shop-operator":
                hash_ = live["metadata"]["annotations"]["shopservice.dev/applied-hash"]
                found[f"{kind} {live['metadata']['name']}"] = (live["metadata"]["uid"], hash_)
    return found


async def test_killed_again_and_again_it_goes_on_where_it_was(cluster, operator) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for name in SERVICES:
        await cluster.apply(name, **SPEC)
    for _ in range(KILLS):
        await operator.start()
        await asyncio.sleep(chance.uniform(0.0, 0.3))  # the moment of the kill: this is what varies
        operator.kill()
    secrets = {s["metadata"]["name"]: s["data"] for s in await cluster.all("Secret")}
    await operator.start()
    for name in SERVICES:
        await cluster.until_reconciled(name)
    children = await children_of(cluster)
    for name in SERVICES:
        assert len([child for child in children if f" {name}" in child]) == len(
            [c for c in (await cluster.get("ShopService", name))["status"]["children"]
             if c["kind"] not in ("PodDisruptionBudget", "PersistentVolumeClaim")]
        )  # fmt: skip
    for name, data in secrets.items():
        assert (await cluster.get("Secret", name))["data"] == data
    # Nothing is left to do: another start writes nothing.
    await cluster.until(operator.idle)
    operator.kill()
    cluster.mark()
    await operator.start()

    async def reconciled() -> bool:
        return operator.reconciles() >= len(SERVICES)

    await cluster.until(reconciled)
    assert {call.split()[0] for call in cluster.calls()} == {"list"}


async def test_what_happens_while_it_is_cut_off_is_seen_afterwards(cluster, operator) -> None:
    async with Proxy(cluster.server.url) as proxy:
        config = yaml.safe_load(operator.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        operator.kubeconfig.write_text(yaml.safe_dump(config))
        await operator.start()
        for name in ("cart", "gone"):
            await cluster.apply(name, **SPEC)
        await cluster.apply("caller", dependsOn=[{"name": "gone"}])
        for name in ("cart", "gone", "caller"):
            await cluster.until_reconciled(name)
        await cluster.until_condition("caller", "Degraded", "False")
        await proxy.cut()
        await cluster.delete("ShopService", "gone")
        await cluster.delete("Deployment", "cart")
        await cluster.edit("Service", "cart", {"spec": {"selector": {"shopservice.dev/name": "other"}}})
        await cluster.apply("cart", **SPEC, replicas=3)
        await cluster.until_gone("Deployment", "gone")
        await proxy.restore()

        async def back() -> bool:
            live = await cluster.get("Deployment", "cart")
            return live["spec"]["replicas"] == 3

        await cluster.until(back)

        async def put_right() -> bool:
            live = await cluster.get("Service", "cart")
            return live["spec"]["selector"]["shopservice.dev/name"] == "cart"

        await cluster.until(put_right)
        await cluster.until_condition("caller", "Degraded", "True", "DependencyMissing")
        assert await cluster.get("Deployment", "gone") is None
