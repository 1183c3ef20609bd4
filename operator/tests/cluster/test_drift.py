"""What others change or delete is put right, and named."""

import asyncio

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

SPEC = {
    "ports": [{"name": "http", "port": 8080}],
    "replicas": 2,
    "database": {},
    "cache": {},
    "expose": {"type": "Ingress", "host": "cart.example.com"},
}
EDITS = {
    ("ServiceAccount", "cart"): {"automountServiceAccountToken": True},
    ("NetworkPolicy", "cart"): {"spec": {"ingress": [{}]}},
    ("ConfigMap", "cart-db"): {"data": {"start.sh": "exit 1"}},
    ("Service", "cart"): {"spec": {"selector": {"shopservice.dev/name": "other"}}},
    ("Deployment", "cart"): {"spec": {"replicas": 7}},
    ("StatefulSet", "cart-db"): {"spec": {"replicas": 0}},
    ("PodDisruptionBudget", "cart"): {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}},
    ("Ingress", "cart"): {"spec": {"rules": [{"host": "other.example.com"}]}},
}


async def notes(cluster) -> list[str]:
    return [event["note"] for event in await cluster.all("Event")]


async def test_an_edited_child_of_each_kind_is_put_right_and_the_editor_named(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")
    for (kind, name), patch in EDITS.items():
        before = (await cluster.get(kind, name)) or {}
        edited = await cluster.edit(kind, name, patch)
        assert edited["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"], kind

        async def put_right(kind=kind, name=name, before=before) -> bool:
            live = await cluster.get(kind, name)
            same = all(
                live.get(field) == before.get(field)
                for field in before
                if field not in ("metadata", "status")
            )
            return same and live["metadata"]["labels"] == before["metadata"]["labels"]

        await cluster.until(put_right)

        async def told(kind=kind, name=name) -> bool:
            return any(f"{kind} {name}: " in note and "kubectl-edit" in note for note in await notes(cluster))

        await cluster.until(told)
    assert any(
        note.startswith("Deployment cart: spec.replicas was changed by kubectl-edit")
        for note in await notes(cluster)
    )
    service = await cluster.get("ShopService", "cart")
    reasons = {f"{c['kind']} {c['name']}": c["reason"] for c in service["status"]["children"]}
    assert reasons["Service cart"].startswith(
        "Repaired: spec.selector.shopservice.dev/name was changed by kubectl-edit"
    )
    repaired = {k: v for k, v in operator.metrics().items() if "drift_repaired_total" in k and "edited" in k}
    assert sum(repaired.values()) == len(EDITS)


async def test_who_removes_a_field_cannot_be_named_and_nobody_else_is_blamed(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")
    metadata = {"name": "cart", "namespace": cluster.namespace, "labels": {"team": "a"}}
    labelled = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    await cluster.api.apply(labelled, kinds.of("Service"), manager="bystander")
    await asyncio.sleep(1.1)  # managedFields tell time by the second
    await cluster.apply("cart", **SPEC | {"ports": [{"name": "http", "port": 8081}]})
    await cluster.until_reconciled("cart")
    await cluster.edit("Service", "cart", {"metadata": {"labels": {"app.kubernetes.io/component": None}}})

    async def told() -> str | None:
        return next((note for note in await notes(cluster) if note.startswith("Service cart: ")), None)

    note = await cluster.until(told)
    assert "component was removed by an unknown manager" in note


async def test_a_deleted_child_of_each_kind_comes_back(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")
    for kind, name in EDITS:
        uid = (await cluster.get(kind, name))["metadata"]["uid"]
        await cluster.delete(kind, name)

        async def back(kind=kind, name=name, uid=uid) -> bool:
            live = await cluster.get(kind, name)
            return live is not None and live["metadata"]["uid"] != uid

        await cluster.until(back)

        async def told(kind=kind, name=name) -> bool:
            return f"{kind} {name} was deleted; made again" in await notes(cluster)

        await cluster.until(told)


async def test_what_others_add_survives(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", **SPEC)
    await cluster.until_reconciled("cart")
    await cluster.until(operator.idle)
    before = operator.reconciles()
    cluster.mark()
    template = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T00:00:00Z"}},
        "spec": {"containers": [{"name": "sidecar", "image": "proxy:1"}]},
    }
    path = cluster.manifest("cart")["metadata"]
    patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**path, "labels": {"team": "a"}}}
    await cluster.api.apply(
        patch | {"spec": {"template": template}}, kinds.of("Deployment"), manager="injector"
    )

    async def reconciled() -> bool:
        return operator.reconciles() > before

    await cluster.until(reconciled)
    assert cluster.calls() == []
    live = await cluster.get("Deployment", "cart")
    assert live["spec"]["template"]["spec"]["containers"][-1]["name"] == "sidecar"
