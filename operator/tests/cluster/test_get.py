"""`kubectl get shopservices` tells each state in a word."""

import contextlib

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.cluster import kinds

from ..kubectl import Kubectl

pytestmark = pytest.mark.apiserver

PORTS = [{"name": "http", "port": 8080}]
RATE = {"min": 1, "max": 3, "metrics": [{"type": "RequestsPerSecond", "target": "20"}]}


async def test_each_state_in_a_word(cluster, operator, server: ApiServer) -> None:
    kubectl = Kubectl(server.kubeconfig, cluster.namespace)

    async def pods(name: str, count: int) -> None:
        await cluster.until_there("Deployment", name)
        available = {"type": "Available", "status": "True", "reason": "x"}
        await cluster.set_status(
            "Deployment", name, observedGeneration=1, replicas=count, updatedReplicas=count,
            readyReplicas=count, availableReplicas=count, conditions=[available],
        )  # fmt: skip

    taken = {"metadata": {"name": "taken", "namespace": cluster.namespace}, "spec": {"ports": [{"port": 1}]}}
    await cluster.api.create({"kind": "Service", **taken}, kinds.of("Service"), manager="x")
    await operator.start()
    await cluster.apply("good", ports=PORTS, replicas=2)
    await cluster.apply("none", ports=PORTS, replicas=0)
    await cluster.apply("starting", ports=PORTS)
    await cluster.apply("taken", ports=PORTS)
    await cluster.apply("stored", database={}, migrations={"args": ["migrate"]})
    await cluster.apply("alone", dependsOn=[{"name": "nobody"}])
    await cluster.apply("unscaled", ports=PORTS, autoscaling=RATE)
    await cluster.apply("paused", ports=PORTS)
    await cluster.until_reconciled("paused")
    await cluster.apply("paused", ports=PORTS, suspend=True)
    for name, count in (("good", 2), ("none", 0), ("unscaled", 1)):
        await pods(name, count)

    def shown() -> dict[str, list[str]]:
        lines = kubectl("get", "shopservices").splitlines()
        assert lines[0].split() == ["NAME", "READY", "STATUS", "REPLICAS", "TARGET", "DATABASE", "AGE"]
        return {line.split()[0]: line.split()[1:4] for line in lines[1:]}

    expected = {
        "alone": ["False", "DependencyMissing", "0"],
        "good": ["True", "Available", "2"],
        "none": ["True", "ScaledToZero", "0"],
        "paused": ["False", "Suspended", "0"],
        "starting": ["False", "RollingOut", "0"],
        "stored": ["False", "WaitingForDatabase", "0"],
        "taken": ["False", "ChildConflict", "0"],
        "unscaled": ["True", "MetricNotAvailable", "1"],
    }

    async def as_expected() -> bool:
        return shown() == expected

    with contextlib.suppress(AssertionError):
        await cluster.until(as_expected)
    assert shown() == expected
