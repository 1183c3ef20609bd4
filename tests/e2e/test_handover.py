"""Who scales changes hands: by hand, KEDA, by hand, a plain HPA, KEDA. No pod is lost on the way."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytestmark = [pytest.mark.takes("keda"), pytest.mark.needs("operator", "prometheus")]

NAME = "handover"
PODS = 5
CRD = "scaledobjects.keda.sh"
# Both would have fewer pods if they could; the one asks for exactly five, the other may not go below what it
# found for an hour.
STEADY = {"type": "Prometheus", "name": "steady", "query": "vector(40)", "target": "8"}
IDLE = {"type": "Cpu", "target": "70"}
BY_KEDA = {"min": 1, "max": 8, "metrics": [STEADY], "scaleDownStabilizationSeconds": 0}
BY_EITHER = {"min": 1, "max": 8, "metrics": [IDLE, STEADY], "scaleDownStabilizationSeconds": 3600}


class Watched:
    """Every version of the Deployment and of its pods, as the API server tells of them."""

    def __init__(self, kube: Any) -> None:
        self.replicas: list[int] = []
        self.ready: list[int] = []
        self._pods: dict[str, bool] = {}
        self._watches = [
            self._watch(kube, self._deployment, "deployment", NAME),
            self._watch(kube, self._pod, "pods", "-l", f"shopservice.dev/name={NAME}"),
        ]

    def end(self) -> None:
        for process, thread in self._watches:
            process.kill()
            process.wait()
            thread.join(timeout=10)

    def _watch(self, kube: Any, take: Any, *what: str) -> tuple[subprocess.Popen[str], threading.Thread]:
        process = kube.start("get", *what, "--watch", "--output-watch-events", "--output=json")

        def read() -> None:
            assert process.stdout
            for line in process.stdout:
                event = json.loads(line)
                take(event["type"], event["object"])

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return process, thread

    def _deployment(self, event: str, deployment: dict[str, Any]) -> None:
        self.replicas.append(deployment["spec"]["replicas"])

    def _pod(self, event: str, pod: dict[str, Any]) -> None:
        conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
        leaving = event == "DELETED" or "deletionTimestamp" in pod["metadata"]
        self._pods[pod["metadata"]["name"]] = conditions.get("Ready") == "True" and not leaving
        self.ready.append(sum(self._pods.values()))


@contextmanager
def watched(kube, wait) -> Iterator[Watched]:
    """While it is open nothing may be seen with fewer pods than PODS."""
    seen = Watched(kube)
    try:
        wait("the watches to begin", lambda: seen.replicas and max(seen.ready, default=0) >= PODS, 30)
        listed = seen.ready.index(PODS)  # the pods that there are come one by one
        yield seen
    finally:
        seen.end()
    assert min(seen.replicas) >= PODS, seen.replicas
    assert min(seen.ready[listed:]) >= PODS, seen.ready


def writers(kube) -> set[str]:
    """Who has written the `replicas` that the Deployment has."""
    fields = (kube.get("deployment", NAME, "--show-managed-fields") or {})["metadata"]["managedFields"]
    return {f["manager"] for f in fields if "f:replicas" in f.get("fieldsV1", {}).get("f:spec", {})}


def decides(kube, hpa: str) -> bool:
    """Whether this HPA has read its metrics and come to a number."""
    found = kube.get("hpa", hpa) or {}
    conditions = {c["type"]: c["status"] for c in found.get("status", {}).get("conditions", ())}
    return conditions.get("ScalingActive") == "True" and found["status"].get("desiredReplicas", 0) > 0


def active(kube, name: str = NAME) -> bool:
    return kube.condition(name, "AutoscalingActive").get("status") == "True"


@pytest.fixture
def keda(kube, wait):
    """Its CRD, to be taken away and given back; afterwards all is as it was."""
    definition = kube.get("crd", CRD)
    scaled = [one["metadata"]["name"] for one in kube.items("scaledobjects")]

    class Keda:
        def leave(self) -> None:
            kube.run("delete", "crd", CRD)

        def come(self) -> None:
            metadata = {k: definition["metadata"][k] for k in ("name", "annotations", "labels")
                        if k in definition["metadata"]}  # fmt: skip
            kube.run("create", "-f", "-", input=json.dumps(
                {"apiVersion": definition["apiVersion"], "kind": definition["kind"],
                 "metadata": metadata, "spec": definition["spec"]}
            ))  # fmt: skip

    yield Keda()
    if not kube.get("crd", CRD):
        Keda().come()
    wait("the shop to be scaled as before", lambda: all(active(kube, name) for name in scaled), 240)


def test_who_scales_changes_hands_and_no_pod_is_lost(kube, serving, keda, wait):
    serving(NAME, replicas=PODS)
    wait("five ready pods", lambda: kube.ready(NAME) == PODS, 120)
    with watched(kube, wait) as seen:
        serving(NAME, autoscaling=BY_KEDA)
        wait("KEDA to scale", lambda: decides(kube, f"keda-hpa-{NAME}") and active(kube), 120)

        serving(NAME, replicas=PODS)
        wait("the operator to scale", lambda: "shop-operator" in writers(kube), 60)
        wait("KEDA's HPA to be gone", lambda: not kube.get("hpa", f"keda-hpa-{NAME}"), 60)
        wait("the ScaledObject to be gone", lambda: not kube.get("scaledobject", NAME), 60)

        keda.leave()
        serving(NAME, autoscaling=BY_EITHER)
        wait("the HPA to scale", lambda: decides(kube, NAME), 120)
        told = kube.condition(NAME, "AutoscalingActive")
        assert told["reason"] == "MetricNotAvailable"
        assert "spec.autoscaling.metrics[1]: Prometheus needs KEDA" in told["message"]

        keda.come()
        wait("KEDA to scale", lambda: decides(kube, f"keda-hpa-{NAME}") and active(kube), 240)
        assert not kube.get("hpa", NAME), "two HPAs would block each other"
    assert set(seen.replicas) == {PODS}, "nobody asked for another number"
