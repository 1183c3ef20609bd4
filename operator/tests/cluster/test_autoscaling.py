"""Who writes the number of pods, and that none is dropped when that changes."""

import asyncio
import contextlib

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

CPU = {"min": 2, "max": 8, "metrics": [{"type": "Cpu", "target": "70"}]}
LAG = {
    "min": 1,
    "max": 8,
    "metrics": [{"type": "QueueLag", "target": "10", "stream": "catalog", "consumer": "cart"}],
}


def crd(plural: str, kind: str, group: str, version: str) -> dict:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": version, "served": True, "storage": True, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }  # fmt: skip


KEDA = crd("scaledobjects", "ScaledObject", "keda.sh", "v1alpha1")


@contextlib.asynccontextmanager
async def never_below(cluster, replicas: int):
    """Watch the Deployment all the while; its replicas must not be seen below this."""
    live = await cluster.get("Deployment", "cart")
    seen = []

    async def watch() -> None:
        version = live["metadata"]["resourceVersion"]
        async for event in cluster.api.watch(kinds.of("Deployment"), version, namespace=cluster.namespace):
            if event["type"] != "BOOKMARK":
                seen.append(event["object"]["spec"]["replicas"])

    task = asyncio.create_task(watch())
    yield seen
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert all(count >= replicas for count in seen), seen


async def replicas(cluster) -> int:
    return (await cluster.get("Deployment", "cart"))["spec"]["replicas"]


async def managers_of_replicas(cluster) -> set[str]:
    live = await cluster.get("Deployment", "cart")
    return {
        entry["manager"]
        for entry in live["metadata"]["managedFields"]
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    }


async def scale(cluster, count: int, *, version: str | None = None) -> None:
    """As the HPA controller does: through the Deployment's /scale, if it is still of that version."""
    kind = kinds.of("Deployment")
    await cluster.api._call(
        "patch", kind, "PATCH", kind.path(cluster.namespace, "cart", "scale"),
        body={"metadata": {"resourceVersion": version}, "spec": {"replicas": count}},
        content_type="application/merge-patch+json",
    )  # fmt: skip


async def test_from_fixed_to_autoscaled_and_back(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=5)
    await cluster.until_reconciled("cart")
    assert await managers_of_replicas(cluster) == {"shop-operator"}
    async with never_below(cluster, 5):
        await cluster.apply("cart", autoscaling=CPU)
        await cluster.until_reconciled("cart")
        assert await cluster.get("HorizontalPodAutoscaler", "cart")
        assert await managers_of_replicas(cluster) == {"shop-operator-scale"}
        await scale(cluster, 7)
        # What the autoscaler wrote is not undone, neither by a change nor by a restart.
        await cluster.apply("cart", autoscaling=CPU, image="shop/x:2")
        await cluster.until_reconciled("cart")
        operator.kill()
        await operator.start()
        assert await replicas(cluster) == 7
        await cluster.apply("cart", replicas=6)
        await cluster.until_reconciled("cart")
        assert await replicas(cluster) == 6
        assert await cluster.get("HorizontalPodAutoscaler", "cart") is None


async def test_an_autoscaled_service_starts_with_its_minimum(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", autoscaling=CPU)
    await cluster.until_reconciled("cart")
    assert await replicas(cluster) == 2
    assert await managers_of_replicas(cluster) == {"shop-operator-scale"}


async def test_kubectl_scale_sets_the_replicas_of_a_fixed_service(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=1)
    await cluster.until_reconciled("cart")
    kind = kinds.SHOP_SERVICE
    answer = await cluster.api._call(
        "patch", kind, "PATCH", kind.path(cluster.namespace, "cart", "scale"),
        body={"spec": {"replicas": 3}}, content_type="application/merge-patch+json",
    )  # fmt: skip
    assert answer["status"]["selector"] == "shopservice.dev/name=cart,app.kubernetes.io/component=service"

    async def scaled() -> bool:
        return await replicas(cluster) == 3

    await cluster.until(scaled)


async def test_keda_comes_and_goes(cluster, operator) -> None:
    autoscaling = {**CPU, "metrics": [*CPU["metrics"], *LAG["metrics"]]}
    await operator.start()
    await cluster.apply("cart", replicas=5, events={})
    await cluster.until_reconciled("cart")
    async with never_below(cluster, 5):
        await cluster.apply("cart", autoscaling=autoscaling, events={})
        found = await cluster.until_condition("cart", "AutoscalingActive", "False", "MetricNotAvailable")
        assert "spec.autoscaling.metrics[1]: QueueLag needs KEDA" in found["message"]
        await cluster.until_there("HorizontalPodAutoscaler", "cart")
        await cluster.api.apply(KEDA, kinds.CRD, manager="kubectl")

        async def has_scaled_object() -> bool:
            return await cluster.get("ScaledObject", "cart") is not None

        await cluster.until(has_scaled_object)
        await cluster.until_gone("HorizontalPodAutoscaler", "cart")
        await cluster.until_condition("cart", "AutoscalingActive", "False", "Pending")
        active = [{"type": "Ready", "status": "True", "reason": "ScaledObjectReady"}]
        await cluster.set_status("ScaledObject", "cart", conditions=active)
        await cluster.until_condition("cart", "AutoscalingActive", "True", "ScaledObjectReady")
        # KEDA's own HPA carries the labels too; it is not the operator's to prune, and says what fails.
        owner = await cluster.get("ScaledObject", "cart")
        labels = owner["metadata"]["labels"]
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": "cart",
                     "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip
        hpa = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {
                "name": "keda-hpa-cart",
                "namespace": cluster.namespace,
                "labels": labels,
                "ownerReferences": [reference],
            },
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
                "maxReplicas": 8,
            },
        }
        await cluster.api.create(hpa, kinds.of("HorizontalPodAutoscaler"), manager="keda")
        failing = {
            "type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric",
            "message": "no Prometheus", "lastTransitionTime": "2026-11-21T00:00:00Z",
        }  # fmt: skip
        await cluster.set_status(
            "HorizontalPodAutoscaler",
            "keda-hpa-cart",
            conditions=[failing],
            desiredReplicas=5,
            currentReplicas=5,
        )
        await cluster.until_condition("cart", "AutoscalingActive", "False", "FailedGetExternalMetric")
        assert await cluster.get("HorizontalPodAutoscaler", "keda-hpa-cart")
        await cluster.delete("HorizontalPodAutoscaler", "keda-hpa-cart")
        crd_uid = (await cluster.api.get(kinds.CRD, "", "scaledobjects.keda.sh"))["metadata"]["uid"]
        await cluster.api.delete(kinds.CRD, "", "scaledobjects.keda.sh", uid=crd_uid)
        await cluster.until_there("HorizontalPodAutoscaler", "cart")
        await cluster.until_condition("cart", "AutoscalingActive", "False", "MetricNotAvailable")


def hpa_of_somebody_else(cluster, name: str) -> dict:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9},
    }


async def test_an_autoscaler_of_somebody_else_is_told_and_not_fought(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", replicas=5)
    await cluster.until_reconciled("cart")
    kind = kinds.of("HorizontalPodAutoscaler")
    async with never_below(cluster, 5) as seen:
        await cluster.api.create(hpa_of_somebody_else(cluster, "theirs"), kind, manager="kubectl")
        told = await cluster.until_condition("cart", "AutoscalingActive", "False", "ForeignAutoscaler")
        assert "spec.replicas is not followed" in told["message"]
        assert "HorizontalPodAutoscaler theirs" in told["message"]
        assert await managers_of_replicas(cluster) == {"shop-operator-scale"}
        await scale(cluster, 8)
        # It is known again after a restart, and a change of something else leaves its number alone.
        operator.kill()
        await operator.start()
        await cluster.apply("cart", replicas=5, image="shop/x:2")
        await cluster.until_reconciled("cart")
        assert await replicas(cluster) == 8
        # Beside it the service's own would block both.
        await cluster.apply("cart", autoscaling=CPU)
        await cluster.until_reconciled("cart")
        assert await cluster.get("HorizontalPodAutoscaler", "cart") is None
        await cluster.apply("cart", replicas=6)
        await cluster.until_reconciled("cart")
        assert await replicas(cluster) == 8
        await cluster.delete("HorizontalPodAutoscaler", "theirs")

        async def followed() -> bool:
            return await replicas(cluster) == 6

        await cluster.until(followed)
    assert seen[-1] == 6

    async def told_no_more() -> bool:
        return await cluster.condition("cart", "AutoscalingActive") == {}

    await cluster.until(told_no_more)


async def test_a_worker_that_slept_when_keda_went_is_woken(cluster, operator) -> None:
    await cluster.api.apply(KEDA, kinds.CRD, manager="kubectl")
    await operator.start()
    await cluster.apply("cart", autoscaling={**LAG, "min": 0}, events={})
    await cluster.until_there("ScaledObject", "cart")
    await scale(cluster, 0)
    uid = (await cluster.api.get(kinds.CRD, "", "scaledobjects.keda.sh"))["metadata"]["uid"]
    await cluster.api.delete(kinds.CRD, "", "scaledobjects.keda.sh", uid=uid)

    async def woken() -> bool:
        return await replicas(cluster) == 1

    await cluster.until(woken)
    await cluster.until_condition("cart", "AutoscalingActive", "False", "MetricNotAvailable")


async def test_a_plain_hpa_finds_a_deployment_that_is_not_asleep(cluster, operator) -> None:
    """It does nothing for one without pods."""
    await operator.start()
    await cluster.apply("cart", replicas=0)
    await cluster.until_reconciled("cart")
    await cluster.apply("cart", autoscaling=CPU)
    await cluster.until_there("HorizontalPodAutoscaler", "cart")
    assert await replicas(cluster) == 2


@pytest.mark.parametrize("everywhere", [False, True])
async def test_keda_that_never_goes_for_good_is_not_waited_for(cluster, operator, everywhere: bool) -> None:
    """Uninstalled the wrong way round it leaves a ScaledObject with a finalizer, and so its CRD, for ever."""
    if everywhere:
        operator.env["SHOP_OPERATOR_NAMESPACE"] = ""
    await cluster.api.apply(KEDA, kinds.CRD, manager="kubectl")
    await operator.start()
    await cluster.apply("cart", autoscaling=CPU)
    await cluster.until_there("ScaledObject", "cart")
    finalizers = {"metadata": {"finalizers": ["finalizer.keda.sh"]}}
    live = await cluster.edit("ScaledObject", "cart", finalizers)
    owner = {"apiVersion": live["apiVersion"], "kind": live["kind"], "name": "cart",
             "uid": live["metadata"]["uid"], "controller": True}  # fmt: skip
    of_keda = hpa_of_somebody_else(cluster, "keda-hpa-cart")
    of_keda["metadata"] |= {"labels": live["metadata"]["labels"], "ownerReferences": [owner]}
    await cluster.api.create(of_keda, kinds.of("HorizontalPodAutoscaler"), manager="keda")
    crd = await cluster.api.get(kinds.CRD, "", "scaledobjects.keda.sh")
    await cluster.api.delete(kinds.CRD, "", "scaledobjects.keda.sh", uid=crd["metadata"]["uid"])
    try:
        await cluster.until_there("HorizontalPodAutoscaler", "cart")
        await cluster.until_gone("HorizontalPodAutoscaler", "keda-hpa-cart")
        await cluster.until_reconciled("cart")

        async def going() -> str:
            return (await cluster.get("ScaledObject", "cart"))["metadata"]["deletionTimestamp"]

        await cluster.until(going)  # the API server deletes a CRD's objects some time after it marked the CRD
    finally:
        await cluster.edit("ScaledObject", "cart", {"metadata": {"finalizers": None}})

        async def gone() -> bool:
            return await cluster.api.get(kinds.CRD, "", "scaledobjects.keda.sh") is None

        await cluster.until(gone, seconds=60)
