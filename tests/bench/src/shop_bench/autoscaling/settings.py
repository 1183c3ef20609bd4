"""What the cluster's own part of an autoscaler is set to; the report says whether that is as shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure

from shop_bench.figures import Row

PREFIX = "--horizontal-pod-autoscaler-"
DEFAULTS = {
    "sync-period": "15s",
    "tolerance": "0.1",
    "downscale-stabilization": "5m0s",
    "cpu-initialization-period": "5m0s",
    "initial-readiness-delay": "30s",
}
"""Of kube-controller-manager, where a flag is not given:
https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"""
RESOLUTION, RESOLUTION_UNSAID, RELEASED = "--metric-resolution=", "1m0s", "15s"
"""Of metrics-server: its flag, what holds without it, and what its released manifests say."""


def read(kubectl: Kubectl, cluster: str) -> Row:
    """As the cluster has it now. Raises Failure where that cannot be found out."""
    given = hpa_flags(_controller_manager(kubectl, cluster))
    server = kubectl.get("deployment", "metrics-server", "--namespace=kube-system")
    if not server:
        raise Failure("there is no metrics-server in kube-system: `make up` installs it")
    version = json.loads(kubectl("version", "--output=json", timeout=30))
    container = server["spec"]["template"]["spec"]["containers"][0]
    return {
        "row": "settings",
        "hpa": {**DEFAULTS, **given},
        "given": sorted(given),
        "resolution": resolution(container.get("args", [])),
        "kubernetes": version["serverVersion"]["gitVersion"],
    }


def hpa_flags(words: Iterable[str]) -> dict[str, str]:
    """What a command line says about HPAs, by flag without its common beginning."""
    found = (word.removeprefix(PREFIX).partition("=") for word in words if word.startswith(PREFIX))
    return {name: value for name, _, value in found}


def resolution(arguments: Iterable[str]) -> str:
    """How often metrics-server asks the kubelets."""
    said = [word.removeprefix(RESOLUTION) for word in arguments if word.startswith(RESOLUTION)]
    return said[-1] if said else RESOLUTION_UNSAID


def stock(row: Row) -> bool:
    """Whether nothing about HPAs or their CPU metric differs from what is shipped."""
    return bool(row["hpa"] == DEFAULTS and row["resolution"] == RELEASED)


def _controller_manager(kubectl: Kubectl, cluster: str) -> Sequence[str]:
    """Its command line: of its pod, or on the local node of its process."""
    pods = kubectl.items("pods", "--namespace=kube-system", "--selector=component=kube-controller-manager")
    if pods:
        container = pods[0]["spec"]["containers"][0]
        return [*container.get("command", []), *container.get("args", [])]
    found = [words for words in _processes("kube-controller-manager") if _of_cluster(words, cluster)]
    if len(found) != 1:
        raise Failure(
            f"expected one kube-controller-manager of the cluster {cluster}, as a pod or on this machine,"
            f" found {len(found)}"
        )
    return found[0]


def _processes(name: str) -> Iterable[list[str]]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:  # it has just ended
            continue
        if words and Path(words[0]).name == name:
            yield words


def _of_cluster(words: Sequence[str], cluster: str) -> bool:
    """The local node keeps the files of each cluster in a folder of its name."""
    return any(cluster in word.split("/") for word in words)
