"""Orders while pods are killed: those of services, their databases, the broker, the gateway and the operator.

The shoppers, the plan and the checker are those of tests/faults; only the stage is another.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_kind import KindCluster
from shop.local.addresses import Addresses
from shop_faults.processes import CHECKOUT, GATEWAY
from shop_faults.seed import LONG, record, seeded
from shop_faults.stage import Target
from shop_faults.trial import Scale, trial
from shop_platform.platform import SYSTEM

from .conftest import Json, Kube, is_ready
from .turns import THINGS

QUARTER = Scale(seconds=1000, per_second=1.2, every=12.0, repeat_at=200)
"""A thousand orders in ten minutes and what Kubernetes itself needs are too much for two cores."""
MOST = 2
"""Pods of a service. What waits while something is down would be worked off by six, on the same two cores."""
PATIENCE = 180.0
"""Seconds until something that was killed has to run again."""


@dataclass(frozen=True)
class Pods:
    """Where a target's pods are found."""

    kube: Kube
    selector: str

    def all(self) -> list[Json]:
        """Those that are not on their way out."""
        found = self.kube.items("pods", "-l", self.selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def kill(self) -> set[str]:
        """All of them, so that nobody stands in; their uids."""
        pods = self.all()
        for pod in pods:
            self.kube.kill(pod["metadata"]["name"])
        return {pod["metadata"]["uid"] for pod in pods}

    def again(self, killed: set[str]) -> bool:
        """Whether others are there in their place, and ready."""
        pods = self.all()
        uids = {pod["metadata"]["uid"] for pod in pods}
        return bool(uids) and not uids & killed and all(is_ready(pod) for pod in pods)


class Cluster:
    """A stage, as `shop_faults.stage` says: a target is the pods behind it, which are made again."""

    def __init__(self, cluster: KindCluster, addresses: Addresses) -> None:
        self._addresses = addresses
        self._shop = shop = Kube(cluster)
        self._pods: dict[Target, Pods] = {
            Target("operator", "operator"): Pods(
                Kube(cluster, SYSTEM), "app.kubernetes.io/name=shop-operator"
            ),
            Target("broker", "broker"): Pods(Kube(cluster, "nats"), "app.kubernetes.io/name=nats"),
        }
        for name in sorted(CHECKOUT):
            kind = "gateway" if name == GATEWAY else "service"
            of = f"shopservice.dev/name={name},app.kubernetes.io/component="
            self._pods[Target(kind, name)] = Pods(shop, f"{of}service")
            spec = (shop.get("shopservice", name) or {})["spec"]
            if "database" in spec:
                self._pods[Target("database", name)] = Pods(shop, f"{of}database")
            if "cache" in spec:
                self._pods[Target("cache", name)] = Pods(shop, f"{of}cache")

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(self._pods)

    async def start(self) -> Addresses:
        for target in self._pods:
            if target.kind == "service":
                few = {"spec": {"autoscaling": {"max": MOST}}}
                await asyncio.to_thread(self._shop.patch, "shopservice", target.name, few)
        for target, pods in self._pods.items():
            assert await asyncio.to_thread(pods.again, set()), f"{target} is not ready"
        return self._addresses

    async def kill(self, what: Target, down: float) -> None:
        """How long it is down is for Kubernetes to say."""
        pods = self._pods[what]
        killed = await asyncio.to_thread(pods.kill)
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(pods.again, killed):
                await asyncio.sleep(0.5)

    async def stop(self) -> None:
        """The cluster is its fixture's."""


@pytest.mark.skipif(not LONG, reason="a quarter of an hour; `make test-long` runs it")
@pytest.mark.timeout(2400)
@pytest.mark.takes(*THINGS)
async def test_orders_are_right_though_everything_is_killed(
    kind_cluster: KindCluster, addresses: Addresses, tmp_path: Path
) -> None:
    stage = Cluster(kind_cluster, addresses)
    outcome = await trial(stage, seeded("checkout on the cluster"), QUARTER, tmp_path / "journal.jsonl")
    record("checkout-on-the-cluster", stage="cluster", seconds=QUARTER.seconds, **outcome.proof())
    told = "\n".join([str(outcome.report), *map(str, outcome.kills)])
    assert outcome.report.violations == [], told
    assert outcome.report.acknowledged >= 1000, told
    assert outcome.inside_sagas >= 20, told
    assert {"operator", "broker"} <= {kill.what for kill in outcome.kills}, told
