"""A cluster in memory with the engine at work in it: what the engine's own tests look at."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from shop_operator.api import API_VERSION, KIND
from shop_operator.cluster.client import ApiError
from shop_operator.engine.cache import Key
from shop_operator.engine.engine import Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.settings import Settings

from .memory import MemoryApi

CART = Key("shop", "cart")
MANAGED = {"app.kubernetes.io/managed-by": "shop-operator"}
MIGRATIONS = {"args": ["migrate"]}
CPU = {"min": 2, "max": 8, "metrics": [{"type": "Cpu", "target": "70"}]}
LAG = {"type": "QueueLag", "stream": "s", "consumer": "c", "target": "10"}
PORTS = [{"name": "http", "port": 8080}]


class World:
    """A cluster in memory, and the engine at work in it."""

    def __init__(self, api: MemoryApi, **settings: Any) -> None:
        self.api, self.metrics = api, Metrics()
        whole: Any = api
        self.engine = Engine(whole, Settings(workers=2, **settings), self.metrics, "test")
        self._generations = 0

    def apply(self, name: str = "cart", **spec: Any) -> dict[str, Any]:
        """A person applies a ShopService, and its event comes."""
        self._generations += 1
        metadata = {"name": name, "namespace": "shop", "generation": self._generations}
        before = self.api.live("ShopService", name) if self.api.has("ShopService", name) else {}
        kept = {"status": before["status"]} if "status" in before else {}
        made = self.api.put(
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": metadata,
                "spec": {"image": "shop/x:1", **spec},
                **kept,
            }
        )
        self.engine.cache.update("ShopService", made)
        return made

    def delete(self, name: str = "cart") -> None:
        gone = self.api.live("ShopService", name)
        self.api.remove("ShopService", name)
        self.engine.cache.remove("ShopService", gone)

    async def quiet(self) -> None:
        """Until nothing is left to do but what waits for its time."""
        queue, calm = self.engine.queue, 0
        async with asyncio.timeout(20):
            while calm < 20:
                await asyncio.sleep(0)
                calm = 0 if queue.depth or queue.in_work else calm + 1

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.001)

    def written(self) -> list[str]:
        """What was written since the last time."""
        calls, self.api.calls = self.api.calls, []
        return [call for call in calls if not call.startswith("get")]

    def status(self, name: str = "cart") -> dict[str, Any]:
        status: dict[str, Any] = self.api.live("ShopService", name).get("status", {})
        return status

    def condition(self, kind: str, name: str = "cart") -> dict[str, Any]:
        found: dict[str, Any] = next(c for c in self.status(name)["conditions"] if c["type"] == kind)
        return found

    def counted(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, labels) or 0.0


@contextlib.asynccontextmanager
async def running(api: MemoryApi, **settings: Any) -> AsyncIterator[World]:
    world = World(api, **settings)
    world.engine.services_listed()
    task = asyncio.create_task(world.engine.run())
    await world.until(lambda: world.engine.queue._getters)
    yield world
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def passed(world: World) -> float | None:
    return await world.engine.reconciler.reconcile(CART)


def refusing(refusals: dict[str, ApiError]) -> Any:
    return lambda call: refusals.get(call)


def complete(world: World) -> str:
    """The one Job there is ends well; returns its name."""
    (name,) = [
        ref.name for ref, job in world.api.objects.items() if ref.kind == "Job" and "status" not in job
    ]
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    world.api.edit("Job", name, lambda live: live.update(status=done))
    return name


def secret_data(world: World, name: str) -> dict[str, str]:
    data = world.api.live("Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def bound(world: World, policy: str = "Delete", phase: str = "Bound", **reference: str) -> None:
    """The claim of the cart's database gets this volume."""
    claim = world.api.live("PersistentVolumeClaim", "data-cart-db-0")["metadata"]
    volume = {"name": "data-cart-db-0", "namespace": "shop", "uid": claim["uid"], **reference}
    world.api.put(
        {
            "kind": "PersistentVolume",
            "metadata": {"name": "pv1"},
            "spec": {"persistentVolumeReclaimPolicy": policy, "claimRef": volume},
            "status": {"phase": phase},
        }
    )

    def bind(live: dict[str, Any]) -> None:
        live["spec"]["volumeName"] = "pv1"
        live["status"] = {"phase": "Bound" if phase == "Bound" else "Pending"}

    world.api.edit("PersistentVolumeClaim", "data-cart-db-0", bind)
