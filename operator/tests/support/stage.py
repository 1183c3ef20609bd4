"""The life of one ShopService in a namespace of its own, with the operator behind a proxy.

No node runs here: what the controllers of a cluster would report is written by `Controllers`, one object at a
time and only while the operator has nothing to do, so that an undisturbed life is the same each time.
"""

import asyncio
import contextlib
import copy
import hashlib
import json
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindlocal.apiserver import ApiServer
from shop_operator.api.crd import custom_resource_definition
from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError

from ..children import golden
from ..generated import REPOSITORY
from ..kubectl import Kubectl, addon_crds
from .cluster import Cluster, Operator, connected
from .proxy import Proxy
from .snapshot import Snapshot, differences, snapshot

Manifest = dict[str, Any]

NAME = "catalog"
POLL_SECONDS = 0.03
CALM = 4
"""So many times in a row nothing may be going on until it is quiet."""
TIME = "2026-11-21T00:00:00Z"
LONG = bool(os.environ.get("SHOP_TEST_LONG"))


def commit() -> str:
    """The commit that is tested."""
    here = Path(__file__).parent
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, text=True, capture_output=True
    ).stdout.strip()


def seeded(what: str) -> random.Random:
    """The same choice for one commit, another one for the next; printed with what fails."""
    seed = os.environ["SHOP_TEST_SEED"]  # set for every run, by the outermost conftest
    print(f"SHOP_TEST_SEED={seed}")
    return random.Random(hashlib.sha256(f"{seed} {what}".encode()).digest())


def record(name: str, **found: Any) -> None:
    """Keep what a long run found in docs/proofs, with the commit that it is about; a slice is not kept."""
    if LONG:
        file = REPOSITORY / "docs" / "proofs" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"commit": commit(), **found}, indent=1) + "\n")


class Stage:
    """A namespace, a proxy, an operator."""

    def __init__(self, cluster: Cluster, proxy: Proxy, operator: Operator) -> None:
        self.cluster, self.proxy, self.operator = cluster, proxy, operator
        self.env: dict[str, str] = {}
        self.calm = CALM
        self.wait_for_events = True
        """Whether it is not quiet before the operator was shown what the controllers did."""
        self._to_be_seen: dict[str, int] = {}

    async def start(self) -> None:
        self._to_be_seen.clear()
        await self.operator.start(**self.env)

    async def settle(self, *, seconds: float = 60) -> None:
        """Until operator and controllers have nothing left to do; a dead operator is started again."""
        async with asyncio.timeout(seconds):
            await self.quiet()
            while await self._control() or await self._orphans():
                await self.quiet()

    async def quiet(self) -> None:
        """Until the operator does nothing, and has seen what was done last."""
        calm, calls = 0, -1
        while calm < self.calm:
            if self.operator.process is None:
                await self.start()
            still = calls == len(self.proxy.calls) and not self.proxy.in_flight and self._all_seen()
            calm = calm + 1 if still and await self._idle() else 0
            calls = len(self.proxy.calls)
            await asyncio.sleep(POLL_SECONDS)

    async def until(self, expected: Snapshot, *, seconds: float = 60) -> list[str]:
        """Wait until the namespace is as expected; what differs at the end."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(TimeoutError):
                await self.settle(seconds=max(deadline - time.monotonic(), 1))
            found = differences(expected, await snapshot(self.cluster))
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.1)

    async def needless_writes(self) -> list[str]:
        """What the operator writes when it is made to look again although nothing changed."""
        await self.quiet()
        before, reconciles = len(self.proxy.writes), self.operator.reconciles()
        if await self.cluster.get("ShopService", NAME):
            stamp = {"metadata": {"annotations": {"example.com/look": str(time.monotonic())}}}
            await self.cluster.edit("ShopService", NAME, stamp)

            async def looked() -> bool:
                return self.operator.reconciles() > reconciles

            await self.cluster.until(looked)
            await self.quiet()
            await self.cluster.edit(
                "ShopService", NAME, {"metadata": {"annotations": {"example.com/look": None}}}
            )
            await self.quiet()
        return [str(call) for call in self.proxy.writes[before:]]

    async def play_controllers(self) -> None:
        """All the time, for many services; until cancelled."""
        while True:
            async for kind, name, wanted in self._due():
                await self._report(kind, name, wanted)
            await asyncio.sleep(0.2)

    def _all_seen(self) -> bool:
        return not self.wait_for_events or all(
            self.proxy.seen.get(kind, 0) >= version for kind, version in self._to_be_seen.items()
        )

    async def _idle(self) -> bool:
        try:
            return await self.operator.idle()
        except OSError:  # it was killed in this very moment
            return False

    async def _control(self) -> bool:
        """Do the next thing that a controller would do; False when there is none."""
        async for kind, name, wanted in self._due():
            if await self._report(kind, name, wanted):
                if now := await self.cluster.get(kind, name):
                    self._to_be_seen[kinds.of(kind).plural] = int(now["metadata"]["resourceVersion"])
                return True
        return False

    async def _orphans(self) -> bool:
        """Whether the server's own garbage collector has children of a service to remove that has gone.

        That takes longer when the operator heard of them before it heard of the service, and made them again.
        """
        children = [child for kind in kinds.CHILDREN for child in await self.cluster.all(kind.kind)]
        there = {service["metadata"]["uid"] for service in await self.cluster.all("ShopService")}
        owners = {
            owner["uid"] for child in children for owner in child["metadata"].get("ownerReferences", ())
        }
        return not owners <= there

    async def _due(self) -> AsyncIterator[tuple[str, str, Manifest]]:
        """What controllers would report, and have not yet: kind, name, status."""
        for kind, status in CONTROLLERS.items():
            for live in await self.cluster.all(kind):
                wanted, have = status(live), live.get("status", {})
                if wanted and any(have.get(field) != value for field, value in wanted.items()):
                    yield kind, live["metadata"]["name"], wanted

    async def _report(self, kind: str, name: str, status: Manifest) -> bool:
        """False when it has gone meanwhile."""
        try:
            await self.cluster.set_status(kind, name, **status)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True


def _deployment(live: Manifest) -> Manifest:
    pods = live["spec"].get("replicas", 1)
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), pods)
    return {
        "observedGeneration": live["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
             "lastUpdateTime": TIME, "lastTransitionTime": TIME}
        ],
    }  # fmt: skip


def _stateful_set(live: Manifest) -> Manifest:
    pods = live["spec"]["replicas"]
    return {
        "observedGeneration": live["metadata"]["generation"],
        **dict.fromkeys(("replicas", "readyReplicas", "availableReplicas"), pods),
    }


def _job(live: Manifest) -> Manifest | None:
    if any(condition["type"] == "Complete" for condition in live.get("status", {}).get("conditions", ())):
        return None
    ends = [
        {"type": kind, "status": "True", "reason": "CompletionsReached",
         "lastProbeTime": TIME, "lastTransitionTime": TIME}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]  # fmt: skip
    return {"startTime": TIME, "completionTime": TIME, "succeeded": 1, "conditions": ends}


CONTROLLERS: dict[str, Callable[[Manifest], Manifest | None]] = {
    "PersistentVolumeClaim": lambda live: {"phase": "Bound"},
    "StatefulSet": _stateful_set,
    "Job": _job,
    "Deployment": _deployment,
    "ScaledObject": lambda live: {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]},
}


@dataclass(frozen=True)
class Step:
    """Something that a person does, after which the operator has work."""

    name: str
    act: Callable[[Cluster], Awaitable[Any]]


def life() -> list[Step]:
    """A ShopService with every field: created, changed, its credentials rotated, deleted, and made again."""
    created: Manifest = copy.deepcopy(dict(golden.case("everything").obj["spec"]))
    changed = {key: value for key, value in created.items() if key not in ("cache", "expose", "autoscaling")}
    changed |= {
        "image": "registry.example.com/shop/catalog@sha256:4567",
        "replicas": 3,
        "env": [{"name": "LOG_LEVEL", "value": "debug"}],
        "dependsOn": created["dependsOn"][:1],
        "database": {**created["database"], "storage": "4Gi"},
    }
    rotated = {**changed, "database": {**changed["database"], "credentials": {"revision": 7}}}
    return [
        Step("create", lambda cluster: cluster.apply(NAME, **created)),
        Step("change", lambda cluster: cluster.apply(NAME, **changed)),
        Step("rotate", lambda cluster: cluster.apply(NAME, **rotated)),
        Step("delete", _delete),
        Step("return", lambda cluster: cluster.apply(NAME, **created | {"database": rotated["database"]})),
    ]


async def _delete(cluster: Cluster) -> None:
    """Delete the service, and at once what it owns: the garbage collector can be as quick as that."""
    service = await cluster.get("ShopService", NAME)
    assert service
    uid = service["metadata"]["uid"]
    await cluster.delete("ShopService", NAME)
    for kind in kinds.CHILDREN:
        for child in await cluster.all(kind.kind):
            metadata = child["metadata"]
            if any(owner["uid"] == uid for owner in metadata.get("ownerReferences", ())):
                await cluster.api.delete(kind, cluster.namespace, metadata["name"], uid=metadata["uid"])


@dataclass(frozen=True)
class Record:
    """What an undisturbed step comes to."""

    writes: list[str]
    end: Snapshot


async def undisturbed(stage: Stage) -> dict[str, Record]:
    """Live through all of it, and say what there was after each step."""
    records = {}
    await stage.start()
    for step in life():
        before = len(stage.proxy.writes)
        await step.act(stage.cluster)
        await stage.settle()
        writes = [str(call) for call in stage.proxy.writes[before:]]
        records[step.name] = Record(writes, await snapshot(stage.cluster))
        assert await stage.needless_writes() == []
    return records


@contextlib.asynccontextmanager
async def stage(server: ApiServer, folder: Path) -> AsyncIterator[Stage]:
    """A new one; at the end no defect may be in the operator's log."""
    async with connected(server) as cluster, Proxy(server) as proxy:
        operator = Operator(server, folder, cluster.namespace, url=proxy.url)
        try:
            yield Stage(cluster, proxy, operator)
        finally:
            operator.kill()
        assert operator.errors() == []
        assert operator.refused() == []


def prepare(server: ApiServer) -> None:
    """Give the server the CRD, the optional kinds, and the storage class that a ShopService's life needs."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": golden.case("everything").obj["spec"]["database"]["storageClassName"],
            # So that a volume whose service names no class can grow too.
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "example.com/none",
        "allowVolumeExpansion": True,
    }
    kubectl = Kubectl(server.kubeconfig, "default")
    manifests = (storage_class, custom_resource_definition(), *addon_crds())
    kubectl.apply("\n---\n".join(map(json.dumps, manifests)))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
