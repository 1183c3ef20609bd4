"""One cluster through kubectl: reading, applying, waiting, and saying why a wait failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_platform.process import Failure, run, succeeds, tail

Json = dict[str, Any]
MANAGER = "shop-platform"
LOOK_SECONDS = 5  # between two looks at the pods while something is waited for


@dataclass(frozen=True)
class Kubectl:
    """kubectl bound to one context of one kubeconfig (None: the user's own)."""

    binary: Path
    context: str
    kubeconfig: Path | None = None

    @property
    def flags(self) -> list[str]:
        """What names the cluster."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [*file, f"--context={self.context}"]

    def __call__(self, *args: str, stdin: str | None = None, timeout: float | None = None) -> str:
        """Standard output; raises Failure."""
        return run([self.binary, *self.flags, *args], stdin=stdin, timeout=timeout)

    def get(self, *args: str) -> Json:
        """`kubectl get … -o json`, `{}` when there is no such object; raises Failure."""
        found: Json = json.loads(self("get", *args, "-o", "json", "--ignore-not-found", timeout=30) or "{}")
        return found

    def items(self, *args: str) -> list[Json]:
        """The objects of a list; raises Failure."""
        return list(self.get(*args).get("items", []))

    def has(self, *objects: str, namespace: str) -> bool:
        """Whether all of these objects (`deployment/catalog`) are there."""
        return succeeds([self.binary, *self.flags, "get", *objects, f"--namespace={namespace}"])

    def apply(self, manifests: str) -> None:
        """Server-side apply: what others set on the same objects stays."""
        self(
            "apply",
            "--server-side",
            f"--field-manager={MANAGER}",
            "--force-conflicts",
            "-f",
            "-",
            stdin=manifests,
        )

    def wait(self, condition: str, *objects: str, namespace: str = "", seconds: int = 180) -> None:
        """Waits until all objects have a condition, or a pod of the namespace has crashed again and again.

        Raises Failure that names the pod that is to blame, its reason and its last log lines.
        """
        where = [f"--namespace={namespace}"] if namespace else []
        end, before = time.monotonic() + seconds, restarts(self.pods(namespace))
        while True:
            left = max(1, min(LOOK_SECONDS, round(end - time.monotonic())))
            try:
                self("wait", f"--for={condition}", *objects, *where, f"--timeout={left}s")
                return
            except Failure as error:
                pods = self.pods(namespace)
                hopeless = crashing(pods, before)
                if hopeless or time.monotonic() >= end or "timed out" not in error.detail:
                    raise self.blame(namespace, " ".join(objects), hopeless or pods, error) from error

    def pods(self, namespace: str) -> list[Json]:
        """The pods of a namespace; none of no namespace."""
        return self.items("pods", f"--namespace={namespace}") if namespace else []

    def blame(self, namespace: str, what: str, pods: Iterable[Json], error: Failure) -> Failure:
        """The same failure, told by the first of these pods that is not well."""
        for pod, container, reason in unwell(pods):
            logs = ""
            for previous in (["--previous"], []):
                try:
                    logs = self(
                        "logs",
                        pod,
                        f"--container={container}",
                        f"--namespace={namespace}",
                        "--tail=8",
                        *previous,
                    )
                    break
                except Failure:
                    continue
            return Failure(f"{what} in {namespace} is not ready: pod {pod}: {reason}", tail(logs))
        return Failure(f"{what} in {namespace} is not ready", error.detail) if namespace else error


def restarts(pods: Iterable[Json]) -> dict[tuple[str, str], int]:
    """How often each container has been started again, by pod and container."""
    return {
        (pod["metadata"]["name"], container["name"]): container.get("restartCount", 0)
        for pod in pods
        for container in containers(pod)
    }


def crashing(pods: Iterable[Json], before: Mapping[tuple[str, str], int]) -> list[Json]:
    """The pods with a container that waits to be started once more, and had been so twice since `before`.

    Once is usual: what it needs was not there yet.
    """
    return [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for container in containers(pod)
        if (container.get("state", {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        and container["restartCount"] - before.get((pod["metadata"]["name"], container["name"]), 0) >= 2
    ]


def containers(pod: Json) -> list[Json]:
    """The states of a pod's containers, those that run first first."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def unwell(pods: Iterable[Json]) -> Iterator[tuple[str, str, str]]:
    """(pod, container, reason) of every pod that neither serves nor has ended well."""
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        if status.get("phase") == "Succeeded":
            continue
        for container in containers(pod):
            state = container.get("state", {})
            told = state.get("waiting") or state.get("terminated") or {}
            if not container.get("ready") and told.get("reason") != "Completed":
                reason = ": ".join(filter(None, [told.get("reason"), told.get("message")]))
                yield name, container["name"], reason or "running, not ready"
                break
        if not containers(pod):
            conditions = {c["type"]: c for c in status.get("conditions", [])}
            told = conditions.get("PodScheduled", {})
            spec = pod["spec"]["containers"][0]["name"]
            yield name, spec, told.get("message") or status.get("message") or status.get("phase", "Pending")


class Marks:
    """What this package has put into a cluster, kept there, so that a second run does only what changed."""

    NAMESPACE, NAME = "kube-system", "shop-platform"

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def read(self) -> dict[str, str]:
        """All marks; none in a new cluster."""
        found = self._kubectl.get("configmap", self.NAME, f"--namespace={self.NAMESPACE}")
        return dict(found.get("data") or {})

    def write(self, **marks: str) -> None:
        """Adds or replaces marks, all in one call; those of others stay as they are."""
        where = (self.NAME, f"--namespace={self.NAMESPACE}")
        patch = ("patch", "configmap", *where, "--type=merge", f"--patch={json.dumps({'data': marks})}")
        try:
            self._kubectl(*patch)
        except Failure as error:
            if "NotFound" not in error.detail:
                raise
            with suppress(Failure):  # another step was the first
                self._kubectl("create", "configmap", *where)
            self._kubectl(*patch)
