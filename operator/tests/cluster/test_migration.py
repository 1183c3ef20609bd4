"""Migrations come before the rollout. No node runs here, so the Job's end is written by hand."""

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

SPEC = {"database": {}, "migrations": {"args": ["migrate"]}}


async def database_is_ready(cluster) -> None:
    await cluster.until_there("StatefulSet", "cart-db")
    generation = (await cluster.get("StatefulSet", "cart-db"))["metadata"]["generation"]
    await cluster.set_status(
        "StatefulSet", "cart-db", observedGeneration=generation, replicas=1, readyReplicas=1
    )


async def jobs(cluster) -> list[str]:
    return [job["metadata"]["name"] for job in await cluster.all("Job")]


async def until_one_job(cluster, *, but: str = "") -> str:
    async def one() -> str | None:
        names = [name for name in await jobs(cluster) if name != but]
        return names[0] if len(names) == 1 else None

    return await cluster.until(one)


def image(deployment) -> str:
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]


async def test_first_start_waits_for_database_then_migration_then_deploys(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", image="shop/cart:1", **SPEC)
    await cluster.until_condition("cart", "Progressing", "True", "WaitingForDatabase")
    assert await jobs(cluster) == []
    await database_is_ready(cluster)
    await cluster.until_condition("cart", "Progressing", "True", "Migrating")
    job = await until_one_job(cluster)
    assert await cluster.get("Deployment", "cart") is None
    assert (await cluster.condition("cart", "Ready"))["reason"] == "NotDeployed"
    await cluster.end_job(job, "Complete")
    assert image(await cluster.until_there("Deployment", "cart")) == "shop/cart:1"

    async def recorded() -> bool:
        return (await cluster.get("ShopService", "cart"))["status"]["migratedImage"] == "shop/cart:1"

    await cluster.until(recorded)
    # The Job's time to live ends: it does not run again.
    await cluster.delete("Job", job)
    operator.kill()
    cluster.mark()
    await operator.start()
    before = operator.reconciles()
    await cluster.edit("ShopService", "cart", {"metadata": {"annotations": {"a": "b"}}})

    async def reconciled() -> bool:
        return operator.reconciles() > before

    await cluster.until(reconciled)
    assert await jobs(cluster) == []


async def test_a_failed_migration_holds_the_rollout_and_says_so(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", image="shop/cart:1", **SPEC)
    await database_is_ready(cluster)
    first = await until_one_job(cluster)
    await cluster.end_job(first, "Complete")
    await cluster.until_there("Deployment", "cart")
    await cluster.apply("cart", image="shop/cart:2", **SPEC)
    second = await until_one_job(cluster, but=first)
    await cluster.until_gone("Job", first)
    labels = {
        "app.kubernetes.io/managed-by": "shop-operator",
        "shopservice.dev/name": "cart",
        "app.kubernetes.io/component": "migration",
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "migrate", "namespace": cluster.namespace, "labels": labels},
        "spec": {"containers": [{"name": "main", "image": "x"}], "serviceAccountName": "cart"},
    }
    await cluster.api.create(pod, kinds.POD, manager="test")
    ended = {"exitCode": 1, "reason": "Error", "message": "column price already exists"}
    await cluster.set_status(
        "Pod", "migrate", phase="Failed",
        containerStatuses=[{"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
                            "state": {"terminated": ended}}],
    )  # fmt: skip
    await cluster.end_job(second, "Failed")
    found = await cluster.until_condition("cart", "Degraded", "True", "MigrationFailed")
    assert "column price already exists" in found["message"]
    assert f"logs job/{second}" in found["message"]
    assert image(await cluster.get("Deployment", "cart")) == "shop/cart:1"
    assert (await cluster.get("ShopService", "cart"))["status"]["migratedImage"] == "shop/cart:1"
    # Meanwhile drift is repaired as ever, to the version before.
    uid = (await cluster.get("Deployment", "cart"))["metadata"]["uid"]
    await cluster.edit("Deployment", "cart", {"spec": {"replicas": 7, "paused": True}})

    async def put_right() -> bool:
        return (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 1

    await cluster.until(put_right)
    await cluster.delete("Deployment", "cart")

    async def back() -> bool:
        live = await cluster.get("Deployment", "cart")
        return live is not None and live["metadata"]["uid"] != uid

    await cluster.until(back)
    assert image(await cluster.get("Deployment", "cart")) == "shop/cart:1"
    # Back to the image that is migrated: nothing to wait for.
    await cluster.apply("cart", image="shop/cart:1", **SPEC)
    await cluster.until_condition("cart", "Degraded", "False")
    # Forward again: the Job that failed was pruned, so it gets another chance.
    await cluster.until_gone("Job", second)
    await cluster.apply("cart", image="shop/cart:2", **SPEC)
    assert await until_one_job(cluster) == second
    await cluster.end_job(second, "Complete")

    async def moved() -> bool:
        return image(await cluster.get("Deployment", "cart")) == "shop/cart:2"

    await cluster.until(moved)


async def test_an_image_that_does_not_exist_leaves_the_version_before_serving(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=1)
    await cluster.until_reconciled("cart")
    await cluster.apply("cart", replicas=1, image="shop/none:1")
    await cluster.until_reconciled("cart")
    await cluster.set_status(
        "Deployment", "cart", observedGeneration=2, replicas=2, updatedReplicas=1, readyReplicas=1,
        availableReplicas=1, unavailableReplicas=1,
        conditions=[{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}],
    )  # fmt: skip
    labels = {
        "app.kubernetes.io/managed-by": "shop-operator",
        "shopservice.dev/name": "cart",
        "app.kubernetes.io/component": "service",
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cart-new", "namespace": cluster.namespace, "labels": labels},
        "spec": {"containers": [{"name": "cart", "image": "shop/none:1"}], "serviceAccountName": "cart"},
    }
    await cluster.api.create(pod, kinds.POD, manager="test")
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    status = {"name": "cart", "image": "shop/none:1", "imageID": "", "ready": False, "restartCount": 0}
    await cluster.set_status(
        "Pod", "cart-new", phase="Pending", containerStatuses=[status | {"state": {"waiting": waiting}}]
    )
    found = await cluster.until_condition("cart", "Degraded", "True", "ImagePullFailed")
    assert "image shop/none:1 of pod cart-new: ImagePullBackOff" in found["message"]
    assert (await cluster.condition("cart", "Ready"))["status"] == "True"
    assert (await cluster.condition("cart", "Progressing"))["reason"] == "RollingOut"
