"""One cluster through kubectl: reading, applying, waiting, and saying why a wait failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_platform.process import Failure, run, succeeds, tail

Json = dict[str, Any]
MANAGER = "shop-platform"


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
        """Waits until all objects have a condition.

        Raises Failure that names the pod that is to blame, its reason and its last log lines.
        """
        where = [f"--namespace={namespace}"] if namespace else []
        try:
            self("wait", f"--for={condition}", *objects, *where, f"--timeout={seconds}s")
        except Failure as error:
            raise self.blame(namespace, " ".join(objects), error) if namespace else error from error

    def blame(self, namespace: str, what: str, error: Failure) -> Failure:
        """The same failure, told by the first pod that is not well."""
        for pod, container, reason in unwell(self.items("pods", f"--namespace={namespace}")):
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
        return Failure(f"{what} in {namespace} is not ready", error.detail)


def unwell(pods: Iterable[Json]) -> Iterator[tuple[str, str, str]]:
    """(pod, container, reason) of every pod that neither serves nor has ended well."""
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        if status.get("phase") == "Succeeded":
            continue
        containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
        for container in containers:
            state = container.get("state", {})
            told = state.get("waiting") or state.get("terminated") or {}
            if not container.get("ready") and told.get("reason") != "Completed":
                reason = ": ".join(filter(None, [told.get("reason"), told.get("message")]))
                yield name, container["name"], reason or "running, not ready"
                break
        if not containers:
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
        """Adds or replaces marks; each has a field manager of its own, so writers do not undo one another."""
        for key, value in marks.items():
            name = {"name": self.NAME, "namespace": self.NAMESPACE}
            text = json.dumps(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {key: value}}
            )
            self._kubectl("apply", "--server-side", f"--field-manager={MANAGER}-{key}", "-f", "-", stdin=text)
