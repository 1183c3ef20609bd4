"""Who scales changes hands: by hand, KEDA, by hand, a plain HPA, KEDA. No pod is lost on the way.

Every version of the Deployment is looked at, while something scales it as early and as often as it may.
"""

import asyncio
import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError
from shop_operator.cluster.projection import MANAGER

from ..support.cluster import Cluster, Operator
from ..support.proxy import Answer, Call, Forward, Proxy, Reset
from .test_autoscaling import KEDA, scale

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(300)]

PODS = 5
SCALED = {
    "min": PODS,
    "max": 8,
    "metrics": [
        {"type": "Cpu", "target": "70"},
        {"type": "Prometheus", "name": "queue", "query": "queue", "target": "10"},
    ],
}
DEPLOYMENT, SCALED_OBJECT, HPA = map(kinds.of, ("Deployment", "ScaledObject", "HorizontalPodAutoscaler"))
MERGE = "application/merge-patch+json"
FIRST_LOOK_SECONDS = 0.3
"""From an HPA's creation until its controller looks at it; 15 s in life."""


class Scalers:
    """KEDA, which makes HPAs and takes its time to let a ScaledObject go; and the controller of HPAs, which
    here wants another number each time it looks."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._numbers = itertools.cycle(range(PODS, SCALED["max"] + 1))
        self._since: dict[str, float] = {}
        self.writes: defaultdict[str, int] = defaultdict(int)
        """How often each HPA has scaled."""

    async def run(self) -> None:
        while True:
            with contextlib.suppress(ApiError):  # what they look at comes and goes
                await self._scale()
                await self._make()
            await asyncio.sleep(0.01)

    async def _make(self) -> None:
        for live in await self._cluster.all("ScaledObject"):
            metadata = live["metadata"]
            if metadata.get("deletionTimestamp"):
                await asyncio.sleep(0.1)
                await self._patch(SCALED_OBJECT, metadata["name"], {"metadata": {"finalizers": None}})
                continue
            if not metadata.get("finalizers"):
                finalizers = {"metadata": {"finalizers": ["finalizer.keda.sh"]}}
                await self._patch(SCALED_OBJECT, metadata["name"], finalizers)
            owner = {"apiVersion": live["apiVersion"], "kind": live["kind"], "name": metadata["name"],
                     "uid": metadata["uid"], "controller": True}  # fmt: skip
            hpa = {
                "apiVersion": HPA.api_version,
                "kind": HPA.kind,
                "metadata": {
                    "name": f"keda-hpa-{metadata['name']}",
                    "namespace": metadata["namespace"],
                    "labels": metadata["labels"],
                    "ownerReferences": [owner],
                },
                "spec": {
                    "scaleTargetRef": {
                        "apiVersion": "apps/v1", "kind": "Deployment", **live["spec"]["scaleTargetRef"]
                    },
                    "minReplicas": live["spec"]["minReplicaCount"],
                    "maxReplicas": live["spec"]["maxReplicaCount"],
                },
            }  # fmt: skip
            with contextlib.suppress(ApiError):  # it is there
                await self._cluster.api.create(hpa, HPA, manager="keda")

    async def _scale(self) -> None:
        there = {hpa["metadata"]["uid"]: hpa for hpa in await self._cluster.all("HorizontalPodAutoscaler")}
        now = time.monotonic()
        self._since = {uid: self._since.get(uid, now) for uid in there}
        deployment = await self._cluster.get("Deployment", "cart")
        # Of two that select the same pods neither scales.
        if len(there) != 1 or deployment is None:
            return
        ((uid, hpa),) = there.items()
        if now - self._since[uid] < FIRST_LOOK_SECONDS:
            return
        number = min(max(next(self._numbers), hpa["spec"]["minReplicas"]), hpa["spec"]["maxReplicas"])
        await scale(self._cluster, number, version=deployment["metadata"]["resourceVersion"])
        self.writes[hpa["metadata"]["name"]] += 1

    async def _patch(self, kind: kinds.Kind, name: str, patch: dict) -> None:
        await self._cluster.api.merge(kind, self._cluster.namespace, name, patch, manager="keda")


@dataclass(frozen=True)
class Version:
    """Of the Deployment: how many pods it has, and whether that was the operator's to say."""

    replicas: int
    by_operator: bool


class Watched:
    """All versions of the Deployment so far."""

    def __init__(self, cluster: Cluster, since: str) -> None:
        self._cluster, self._since = cluster, since
        self.versions: list[Version] = []

    async def run(self) -> None:
        async for event in self._cluster.api.watch(
            DEPLOYMENT, self._since, namespace=self._cluster.namespace
        ):
            if event["type"] != "BOOKMARK":
                self.versions.append(_version(event["object"]))


def _version(deployment: dict) -> Version:
    owners = [
        entry["manager"]
        for entry in deployment["metadata"]["managedFields"]
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    ]
    return Version(deployment["spec"]["replicas"], MANAGER in owners)


@contextlib.asynccontextmanager
async def while_something_scales(cluster: Cluster) -> AsyncIterator[tuple[Scalers, Watched]]:
    """The number of pods may never be below PODS."""
    live = await cluster.get("Deployment", "cart")
    scalers, watched = Scalers(cluster), Watched(cluster, live["metadata"]["resourceVersion"])
    tasks = [asyncio.create_task(one.run()) for one in (scalers, watched)]
    try:
        yield scalers, watched
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in ended if not isinstance(one, asyncio.CancelledError)] == []
    assert min(version.replicas for version in watched.versions) >= PODS, watched.versions


async def through_all_hands(cluster: Cluster) -> None:
    """The moves, each until it is made and whoever then scales has done so."""
    async with while_something_scales(cluster) as (scalers, watched):

        async def scaled_by(hpa: str, others: tuple[tuple[str, str], ...]) -> None:
            before = scalers.writes[hpa]
            await cluster.until(_holds(lambda: scalers.writes[hpa] >= before + 5), seconds=60)
            for kind, name in others:
                assert await cluster.get(kind, name) is None

        await cluster.apply("cart", autoscaling=SCALED)
        await scaled_by("keda-hpa-cart", (("HorizontalPodAutoscaler", "cart"),))

        await cluster.apply("cart", replicas=PODS)
        await cluster.until(_holds(lambda: watched.versions[-1].by_operator), seconds=60)
        taken = len(watched.versions) - 1
        await cluster.until_gone("ScaledObject", "cart")
        await cluster.until_gone("HorizontalPodAutoscaler", "keda-hpa-cart")
        await cluster.until_reconciled("cart")
        while watched.versions[taken - 1].by_operator:
            taken -= 1
        assert set(watched.versions[taken:]) == {Version(PODS, by_operator=True)}, "KEDA went on scaling"

        await remove_keda(cluster)
        await cluster.apply("cart", autoscaling=SCALED)
        await scaled_by("cart", (("HorizontalPodAutoscaler", "keda-hpa-cart"),))
        await cluster.until_condition("cart", "AutoscalingActive", "False", "MetricNotAvailable")

        await cluster.api.apply(KEDA, kinds.CRD, manager="kubectl")
        await scaled_by("keda-hpa-cart", (("HorizontalPodAutoscaler", "cart"),))

        # And it goes while it scales: what it leaves behind is removed by nobody else.
        await remove_keda(cluster)
        await scaled_by("cart", (("HorizontalPodAutoscaler", "keda-hpa-cart"),))


def _holds(what: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return what()

    return holds


async def remove_keda(cluster: Cluster) -> None:
    crd = await cluster.api.get(kinds.CRD, "", KEDA["metadata"]["name"])
    assert crd
    await cluster.api.delete(kinds.CRD, "", KEDA["metadata"]["name"], uid=crd["metadata"]["uid"])

    async def gone() -> bool:
        return await cluster.api.get(kinds.CRD, "", KEDA["metadata"]["name"]) is None

    await cluster.until(gone, seconds=60)


@pytest.fixture
async def keda(cluster: Cluster) -> AsyncIterator[None]:
    """Its CRD is there, and other tests find none."""
    await cluster.api.apply(KEDA, kinds.CRD, manager="kubectl")

    async def served() -> bool:
        with contextlib.suppress(ApiError):
            await cluster.all("ScaledObject")
            return True
        return False

    await cluster.until(served)
    yield
    if await cluster.api.get(kinds.CRD, "", KEDA["metadata"]["name"]):
        for live in await cluster.all("ScaledObject"):  # nobody is there any more to let them go
            name, patch = live["metadata"]["name"], {"metadata": {"finalizers": None}}
            await cluster.api.merge(SCALED_OBJECT, cluster.namespace, name, patch, manager="keda")
        await remove_keda(cluster)


async def test_who_scales_changes_hands_and_no_pod_is_lost(cluster, operator, keda) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=PODS)
    await cluster.until_reconciled("cart")
    await through_all_hands(cluster)


async def test_nor_when_the_operator_dies_after_each_of_its_writes(
    cluster: Cluster, server, tmp_path: Path, keda
) -> None:
    async with Proxy(server) as proxy:
        operator = Operator(server, tmp_path, cluster.namespace, url=proxy.url)
        died: list[str] = []

        async def die_after(call: Call, forward: Forward) -> Answer:
            """Once after each different write to what the number of pods depends on, in each move."""
            answer = await forward()
            what = f"{call} by {call.query.get('fieldManager')}, move {await generation(cluster)}"
            scales = call.resource in ("deployments", SCALED_OBJECT.plural, HPA.plural)
            if not (call.write and scales) or answer.status >= 400 or what in died:
                return answer
            died.append(what)
            operator.kill()
            raise Reset

        async def restart() -> None:
            while True:
                if operator.process is None:
                    await operator.start()
                await asyncio.sleep(0.01)

        await operator.start()
        await cluster.apply("cart", replicas=PODS)
        await cluster.until_reconciled("cart")
        proxy.on_call = die_after
        restarting = asyncio.create_task(restart())
        try:
            await through_all_hands(cluster)
        finally:
            restarting.cancel()
            await asyncio.gather(restarting, return_exceptions=True)
            operator.kill()
        assert operator.errors() == []
    print(*died, sep="\n")
    for manager in (MANAGER, "shop-operator-scale"):
        assert any(f"apply deployments/cart by {manager}" in what for what in died)
    for write in (
        "apply scaledobjects/cart",
        "delete scaledobjects/cart",
        "apply horizontalpodautoscalers/cart",
        "delete horizontalpodautoscalers/cart",
    ):
        assert any(write in what for what in died), write


async def generation(cluster: Cluster) -> int:
    service = await cluster.get("ShopService", "cart")
    assert service
    return int(service["metadata"]["generation"])
