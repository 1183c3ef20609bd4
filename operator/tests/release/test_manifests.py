"""`kubectl apply -k manifests/` makes the objects that Helm makes of the two charts."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kindlocal.apiserver import ApiServer

from ..generated import REPOSITORY
from ..kubectl import Kubectl
from .conftest import CHART, RELEASE, SHOP, SYSTEM, Helm, optional_kinds

pytestmark = pytest.mark.apiserver

KINDS = (
    "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,"
    "configmaps,services,deployments,podmonitors,shopservices"
)
OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
# Helm writes these to whatever it installs.
OF_HELM = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "app.kubernetes.io/managed-by")


@pytest.fixture
def second() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


def objects(kubectl: Kubectl) -> dict[tuple[str, str, str], Any]:
    """All that was installed, by kind, namespace and name, without what differs from server to server."""
    found = {}
    for one in json.loads(kubectl("get", KINDS, "--all-namespaces", "--output=json"))["items"]:
        metadata = {name: value for name, value in one["metadata"].items() if name not in OF_THE_SERVER}
        for words in ("labels", "annotations"):
            metadata[words] = {k: v for k, v in metadata.get(words, {}).items() if k not in OF_HELM}
        key = (one["kind"], metadata.get("namespace", ""), metadata["name"])
        if key[1] != "default" and key[2] != "kube-root-ca.crt":
            found[key] = {**one, "metadata": metadata, "status": None}
    return found


async def test_manifests_and_charts_make_the_same_objects(server: ApiServer, second: ApiServer) -> None:
    by_kubectl, by_helm = Kubectl(server.kubeconfig, ""), Kubectl(second.kubeconfig, "")
    for kubectl in (by_kubectl, by_helm):
        await optional_kinds(kubectl)

    folder = ("apply", "--server-side", "-k", str(REPOSITORY / "manifests"))
    missing = by_kubectl.refusal(*folder)
    assert missing.count("no matches for kind") == missing.count('no matches for kind "ShopService"') > 0
    by_kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    by_kubectl(*folder)

    by_helm("apply", "--server-side", "-f", str(REPOSITORY / "manifests" / "namespaces.yaml"))
    Helm(second.kubeconfig).install()
    by_helm("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    Helm(second.kubeconfig, SHOP)("install", "shop", str(CHART.with_name("shop")))

    made = objects(by_kubectl)
    assert {("Deployment", SYSTEM, RELEASE), ("PodMonitor", SYSTEM, RELEASE)} < made.keys()
    assert {kind for kind, namespace, _ in made if namespace == SHOP} >= {"ShopService"}
    assert made == objects(by_helm)
