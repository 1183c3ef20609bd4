"""The load from inside the cluster: an image of it, and a pod that runs it once."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from shop_platform import bases
from shop_platform.digest import digest
from shop_platform.images import Images, plan, uv_binary
from shop_platform.kubectl import Json, Kubectl
from shop_platform.paths import ROOT
from shop_platform.platform import SHOP, Platform
from shop_platform.process import Failure
from shop_platform.process import run as command
from shop_platform.store import Store

from shop_bench.load.command import REACHED

NAMESPACE, NAME = "shop-load", "load"
DOCKERFILE = ROOT / "tests" / "bench" / "load.Dockerfile"
SOURCES = {
    "shop_bench": ROOT / "tests" / "bench" / "src" / "shop_bench",
    "shop_journeys": ROOT / "tests" / "journeys" / "src" / "shop_journeys",
    "shop_faults": ROOT / "tests" / "faults" / "src" / "shop_faults",
    "shop_platform": ROOT / "tests" / "platform" / "src" / "shop_platform",
}
START_SECONDS = 120.0
"""Until the pod runs, once its image is there."""


def run(
    platform: Platform, profile: str, shape: Mapping[str, Any], more: Sequence[str], samples: Path
) -> int:
    """The generator's exit code; what it says is printed, its samples are in the file. Raises Failure."""
    kubectl = platform.kubectl
    image = _image(platform)
    services = {name: f"http://{name}.{SHOP}.svc" for name in REACHED}
    given = ["--services", json.dumps(services), "--shape", json.dumps(dict(shape)), *more]
    kubectl.apply(json.dumps(manifests(image, [profile, *given])))
    try:
        _until_it_runs(kubectl)
        with samples.open("w", encoding="utf-8") as out:
            _follow(kubectl, out)
        return _exit_code(kubectl)
    finally:
        kubectl("delete", "pod", NAME, f"--namespace={NAMESPACE}", "--ignore-not-found", "--wait=false")


def manifests(image: str, arguments: Sequence[str]) -> Json:
    """A namespace of its own, and the pod: whatever it does, no policy of the shop's pods applies to it."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": NAME,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": list(arguments),
                    "resources": {
                        "requests": {"cpu": "200m", "memory": "128Mi"},
                        "limits": {"memory": "512Mi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return {"apiVersion": "v1", "kind": "List", "items": [namespace, pod]}


def split(lines: Iterable[str], samples: TextIO) -> Iterable[str]:
    """What is for people; the samples among the lines go to the file."""
    for line in lines:
        if line.startswith("["):
            samples.write(line)
        else:
            yield line


def _image(platform: Platform) -> str:
    """Built and on the node."""
    planned = plan()
    Images(platform.tools).ensure(planned)
    words = ["export", "--quiet", "--frozen", "--no-header", "--no-emit-workspace", "--only-group=load"]
    requirements = command([uv_binary(), *words], cwd=ROOT)
    sources = [*SOURCES.values(), DOCKERFILE]
    image = f"shop/load:dev-{digest(ROOT, sources, planned.runtime, requirements)}"
    store = Store(platform.tools.builder)
    if image not in store.names():
        local = platform.tools.local
        if local:
            bases.ensure_uv(store, uv_binary())
        with tempfile.TemporaryDirectory(prefix="shop-load-") as folder:
            Path(folder, "requirements.txt").write_text(requirements)
            for name, source in SOURCES.items():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, Path(folder, "src", name), ignore=ignore)
            builder = bases.PYTHON_UV if local else bases.PYTHON
            args = {"RUNTIME": planned.runtime, "BUILDER": builder}
            store.build(image, DOCKERFILE, Path(folder), args=args)
    platform.load(replace(planned, services={**planned.services, NAME: image}))
    return image


def _until_it_runs(kubectl: Kubectl) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        pod = kubectl.get("pod", NAME, f"--namespace={NAMESPACE}")
        if pod.get("status", {}).get("phase") in ("Running", "Succeeded", "Failed"):
            return
        if time.monotonic() > end:
            raise kubectl.blame(NAMESPACE, f"pod {NAME}", [pod], Failure(f"not within {START_SECONDS:.0f} s"))
        time.sleep(0.5)


def _follow(kubectl: Kubectl, samples: TextIO) -> None:
    """Prints its log until it ends."""
    words = [str(kubectl.binary), *kubectl.flags, "logs", "--follow", NAME, f"--namespace={NAMESPACE}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in split(process.stdout, samples):
            print(line, end="", flush=True)


def _exit_code(kubectl: Kubectl) -> int:
    """Of its container, which ends a moment after its log."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pod = kubectl.get("pod", NAME, f"--namespace={NAMESPACE}")
        for container in pod.get("status", {}).get("containerStatuses", []):
            if ended := container["state"].get("terminated"):
                return int(ended["exitCode"])
        time.sleep(0.5)
    raise Failure(f"pod {NAME} in {NAMESPACE} has ended its log but not itself")
