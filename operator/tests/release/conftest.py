"""An API server with nothing installed, Helm as people run it, the operator with its release's rights."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kindlocal.apiserver import ApiServer
from kindlocal.paths import binary

from ..generated import REPOSITORY
from ..kubectl import Kubectl, addon_crds
from ..support.cluster import NAMESPACE, Cluster, Operator, client

CHART = REPOSITORY / "charts" / "shop-operator"
RELEASE, SYSTEM, SHOP = "shop-operator", "shop-system", "shop"
ACCOUNT = f"system:serviceaccount:{SYSTEM}:{RELEASE}"
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [ACCOUNT]}, {"level": "None"}],
}
# As some distributions have it: to own an object so that its owner cannot go first takes a right of its own.
STRICT = "--enable-admission-plugins=OwnerReferencesPermissionEnforcement"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(audit_policy=AUDIT, flags=[STRICT]) as running:
        yield running


@pytest.fixture
def kubectl(server: ApiServer) -> Kubectl:
    """A person with all rights."""
    return Kubectl(server.kubeconfig, SHOP)


@pytest.fixture
async def cluster(server: ApiServer) -> AsyncIterator[Cluster]:
    """The same person, in namespace `shop`."""
    async with client(server) as api:
        await api.create({"kind": "Namespace", "metadata": {"name": SHOP}}, NAMESPACE, manager="kubectl")
        yield Cluster(api, server, SHOP)


class Helm:
    """Helm in one namespace; by itself it speaks of the release `shop-operator`."""

    def __init__(self, kubeconfig: Path, namespace: str = SYSTEM) -> None:
        self._where = [f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(binary("helm")), *words, *self._where]
        return subprocess.run(command, text=True, capture_output=True, timeout=60)

    def __call__(self, *words: str) -> str:
        """What it prints; fails with what it complains of."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, chart: Path = CHART, *flags: str) -> None:
        self("install", RELEASE, str(chart), "--create-namespace", *flags)

    def objects(self) -> list[dict[str, Any]]:
        """What the release consists of."""
        return [found for found in yaml.safe_load_all(self("get", "manifest", RELEASE)) if found]


@pytest.fixture
def helm(server: ApiServer) -> Helm:
    return Helm(server.kubeconfig)


class Released(Operator):
    """The operator as its release would start it: with that Deployment's variables and ServiceAccount."""

    def __init__(self, server: ApiServer, folder: Path, kubectl: Kubectl) -> None:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{SYSTEM}"]
        super().__init__(server, folder, "", user=ACCOUNT, groups=groups)
        self._kubectl = kubectl

    async def start(self, **env: str) -> None:
        live = json.loads(self._kubectl("get", "deployment", RELEASE, f"-n={SYSTEM}", "--output=json"))
        pod = live["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == RELEASE
        given = {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}
        self.env = {**given, "KUBECONFIG": str(self.kubeconfig)}
        await super().start(**env)


@pytest.fixture
def operator(server: ApiServer, tmp_path: Path, kubectl: Kubectl) -> Iterator[Released]:
    process = Released(server, tmp_path, kubectl)
    yield process
    process.kill()
    assert process.errors() == []


async def optional_kinds(kubectl: Kubectl) -> None:
    """KEDA's and the Prometheus Operator's CRDs appear."""
    kubectl.apply("\n---\n".join(map(json.dumps, addon_crds())))
    await asyncio.to_thread(kubectl, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
