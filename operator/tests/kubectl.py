"""A person with kubectl at a real API server."""

import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from kindlocal.apiserver import ApiServer
from kindlocal.paths import binary, cache_table

_PROMETHEUS = "example/prometheus-operator-crd/monitoring.coreos.com_"
ADDON_CRDS = {
    "github.com/kedacore/keda/v2": ("config/crd/bases/keda.sh_scaledobjects.yaml",),
    "github.com/prometheus-operator/prometheus-operator": (
        f"{_PROMETHEUS}podmonitors.yaml",
        f"{_PROMETHEUS}prometheusrules.yaml",
    ),
}


def addon_crds() -> list[dict[str, Any]]:
    """KEDA's and the Prometheus Operator's, as far as the operator makes objects of them."""
    modules = cache_table("modules.json")
    files = [Path(str(modules[module])) / path for module, paths in ADDON_CRDS.items() for path in paths]
    return [yaml.safe_load(file.read_text()) for file in files]


class Kubectl:
    """Runs kubectl in a namespace of its own; with "" in none."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self.namespace = namespace

    def run(self, *args: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        text = given if isinstance(given, str) or given is None else json.dumps(given)
        where = ["--namespace", self.namespace] if self.namespace else []
        command = [str(binary("kubectl")), *where, *args]
        return subprocess.run(command, env=self._env, input=text, text=True, capture_output=True, timeout=60)

    def __call__(self, *args: str, given: Any = None) -> str:
        """What it prints; fails with what it complains of."""
        done = self.run(*args, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *args: str, given: Any = None) -> str:
        """What it complains of; fails when it does not."""
        done = self.run(*args, given=given)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def apply(self, obj: Any, *flags: str) -> str:
        return self("apply", "--server-side", "--field-manager=shop-operator", *flags, "-f", "-", given=obj)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("get", kind, name, "--output=json"))
        return found


class Kube:
    """The API server, and namespaces in it."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    def kubectl(self, namespace: str | None = None, **labels: str) -> Kubectl:
        name = namespace or f"kubectl-{next(self._numbers)}"
        kubectl = Kubectl(self.server.kubeconfig, name)
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return kubectl
