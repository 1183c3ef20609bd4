"""The operator has the rights that it needs, and no others.

It runs as the release's ServiceAccount through everything that it ever does; then the role is held against
the API server's audit log: nothing was refused, and everything that is granted was used.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from shop_operator.children.kinds import CHILD_KINDS
from shop_operator.cluster import kinds

from ..kubectl import Kubectl
from ..support.cluster import Cluster
from .conftest import CHART, SHOP, Helm, Released, optional_kinds

pytestmark = pytest.mark.apiserver

Right = tuple[str, str, str]  # API group, resource, verb; or nothing, a path, verb

# Each of these is proven by a test of its own, since no call shows it.
ELSEWHERE = {("shopservice.dev", "shopservices/finalizers", "update")}
FULL: dict[str, Any] = {
    "ports": [{"name": "http", "port": 8080}],
    "database": {"deletionPolicy": "Delete"},
    "cache": {"persistence": "AppendOnly", "deletionPolicy": "Delete"},
    "expose": {"type": "Ingress", "host": "cart.example.com"},
    "autoscaling": {"min": 1, "max": 3, "metrics": [{"type": "Cpu", "target": "70"}]},
    "migrations": {"args": ["migrate"]},
    "jobs": [{"name": "sweep", "schedule": "@daily"}],
    "slo": {"availability": "99.9"},
}
OTHER = {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}}
LEAST: dict[str, Any] = {
    "replicas": 1, "monitoring": {"enabled": False}, "serviceAccount": {"name": "default"}
}  # fmt: skip


def granted(helm: Helm) -> set[Right]:
    """Every right of the release's roles."""
    return {
        (group, resource, verb)
        for role in helm.objects()
        if role["kind"] in ("ClusterRole", "Role")
        for rule in role["rules"]
        for group in rule.get("apiGroups", [""])
        for resource in rule.get("resources") or rule["nonResourceURLs"]
        for verb in rule["verbs"]
    }


def calls(cluster: Cluster) -> list[dict[str, Any]]:
    assert cluster.server.audit_log
    return [json.loads(line) for line in cluster.server.audit_log.read_text().splitlines()]


def used(entries: list[dict[str, Any]]) -> Iterator[Right]:
    """The rights that these calls took."""
    for entry in entries:
        where = entry.get("objectRef", {})
        if "resource" not in where:
            yield "", entry["requestURI"], entry["verb"]  # discovery, or who signs the cluster's tokens
            continue
        resource = "/".join(filter(None, (where["resource"], where.get("subresource"))))
        group = where.get("apiGroup", "")
        yield group, resource, entry["verb"]
        if entry["verb"] == "patch" and entry["responseStatus"]["code"] == 201:
            yield group, resource, "create"  # an apply that makes the object needs both


async def children(cluster: Cluster) -> list[tuple[str, str]]:
    return [
        (kind.kind, one["metadata"]["name"])
        for kind in CHILD_KINDS
        for one in await cluster.all(kind.kind)
        if one["metadata"].get("labels", {}).get("shopservice.dev/name") == "cart"
    ]


async def end_migration(cluster: Cluster) -> None:
    """No node runs here: what the pods would bring about is written by hand."""
    await cluster.until_there("StatefulSet", "cart-db")
    await cluster.set_status("StatefulSet", "cart-db", observedGeneration=1, replicas=1, readyReplicas=1)

    async def job() -> Any:
        return await cluster.all("Job")

    (found,) = await cluster.until(job)
    ends = [
        {"type": kind, "status": "True", "reason": "x", "message": ""}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    time = "2026-11-21T00:00:00Z"
    name = found["metadata"]["name"]
    await cluster.set_status("Job", name, startTime=time, completionTime=time, conditions=ends)


async def everything(cluster: Cluster, kubectl: Kubectl, operator: Released, namespace: str) -> None:
    """The operator's whole life: every kind is made, changed, restored, adopted, handed over and removed."""
    foreign = {"kind": "Service", "metadata": {"name": "cart"}, "spec": {"ports": [{"port": 1}]}}
    await cluster.api.create(
        {**foreign, "metadata": {**foreign["metadata"], "namespace": SHOP}}, kinds.of("Service"), manager="x"
    )
    await cluster.apply("cart", **FULL)
    await cluster.apply("memory", cache={"persistence": "None"})
    if not namespace:
        volume = await cluster.volume("data-kept-db-0", uid="gone", phase="Released")
        await cluster.apply("kept", database={"adoptVolume": volume})
        await cluster.until_volume(volume, lambda found: "uid" not in found["spec"]["claimRef"])
    await end_migration(cluster)
    await cluster.until_condition("cart", "Reconciled", "False", "ChildConflict")
    await cluster.delete("Service", "cart")
    await cluster.until_reconciled("cart")
    assert await cluster.get("HorizontalPodAutoscaler", "cart")

    async def put_right(kind: str, name: str) -> bool:
        live = await cluster.get(kind, name)
        return live is not None and live["metadata"]["labels"]["app.kubernetes.io/name"] != "other"

    async def relabelled(kind: str, name: str) -> None:
        await cluster.edit(kind, name, OTHER)
        await cluster.until(lambda: put_right(kind, name))

    await optional_kinds(kubectl)
    for kind in CHILD_KINDS:
        if kind.optional:
            await cluster.until_there(kind.kind, "cart")
    await cluster.until_gone("HorizontalPodAutoscaler", "cart")

    for kind, name in await children(cluster):
        await cluster.edit(kind, name, OTHER)
    for kind, name in await children(cluster):
        if kind != "Job":  # made once and then left alone
            await cluster.until(lambda kind=kind, name=name: put_right(kind, name))
    # The same once more is told by the same Event.
    for _ in range(2):
        await relabelled("ServiceAccount", "memory")

    async def counted() -> bool:
        return any(event.get("series") for event in await cluster.all("Event"))

    await cluster.until(counted)

    for kind, name in await children(cluster):
        if kind not in ("Job", "PersistentVolumeClaim"):  # neither comes back: made once; in use
            await cluster.delete(kind, name)
            await cluster.until_there(kind, name)
    await cluster.until_reconciled("cart")

    await cluster.apply("cart", **LEAST)
    stays = {("NetworkPolicy", "cart"), ("Deployment", "cart")}

    async def pruned() -> bool:
        found = [await cluster.get(*child) for child in set(await children(cluster)) - stays]
        # The controller that lets go of a claim does not run here.
        return all("deletionTimestamp" in live["metadata"] for live in found if live)

    await cluster.until(pruned)
    await cluster.apply("memory")
    await cluster.until_gone("Deployment", "memory-cache")
    # Its children are the garbage collector's.
    await cluster.delete("ShopService", "cart")
    await cluster.until_gone("ShopService", "cart")
    await cluster.until(operator.idle)


@pytest.mark.parametrize("namespace", ["", SHOP], ids=["all namespaces", "one namespace"])
async def test_every_right_is_used_and_none_is_missing(
    cluster: Cluster, helm: Helm, operator: Released, kubectl: Kubectl, namespace: str
) -> None:
    helm.install(CHART, "--set", f"watchNamespace={namespace}")
    if namespace:
        assert not [one for one in helm.objects() if one["kind"].startswith("ClusterRole")]
    await operator.start()
    await everything(cluster, kubectl, operator, namespace)
    operator.stop()
    entries = calls(cluster)
    refused = [entry for entry in entries if entry["responseStatus"]["code"] == 403]
    assert refused == []
    assert granted(helm) - set(used(entries)) == ELSEWHERE


async def test_a_cluster_that_guards_owners_asks_for_one_more_right(
    cluster: Cluster, helm: Helm, operator: Released, kubectl: Kubectl
) -> None:
    """The server runs with OwnerReferencesPermissionEnforcement."""
    helm.install()
    (role,) = [one for one in helm.objects() if one["kind"] == "ClusterRole"]
    lesser = [rule for rule in role["rules"] if rule.get("resources") != ["shopservices/finalizers"]]
    assert len(lesser) == len(role["rules"]) - 1
    kubectl.apply({**role, "rules": lesser}, "--force-conflicts")
    await operator.start()
    await cluster.apply("cart")
    found = await cluster.until_condition("cart", "Reconciled", "False", "ChildRefused")
    assert "cannot set blockOwnerDeletion" in found["message"]
    kubectl.apply(role, "--force-conflicts")
    await cluster.until_reconciled("cart")
