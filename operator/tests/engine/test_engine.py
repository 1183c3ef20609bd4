"""The engine as a whole on an API server in memory: from a change in the cluster to what is written there."""

from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.diff import HASH_ANNOTATION
from shop_operator.engine.engine import Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.settings import Settings
from structlog.testing import capture_logs

from ..support.memory import ISSUER, MemoryApi
from ..support.world import PORTS, World, running

CHILDREN = ["ServiceAccount", "NetworkPolicy", "ConfigMap", "Service", "Deployment"]


async def test_each_child_is_read_and_written_once_and_then_the_status(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    reads = [call for call in world.api.calls if call.startswith("get")]
    writes = world.written()
    assert sorted(call.split()[1] for call in reads) == sorted(CHILDREN)
    assert sorted(call.split()[1] for call in writes[:-1]) == sorted(CHILDREN)
    assert writes[-1] == "apply ShopService cart status"
    assert world.condition("Reconciled")["status"] == "True"
    for kind in CHILDREN:
        (child,) = [obj for ref, obj in world.api.objects.items() if ref.kind == kind]
        assert (
            child["metadata"]["ownerReferences"][0]["uid"] == world.api.live("ShopService")["metadata"]["uid"]
        )
        assert HASH_ANNOTATION in child["metadata"]["annotations"]
    assert ISSUER in world.api.live("ConfigMap", "cart-callers")["data"]["issuer"]


async def test_nothing_to_do_is_nothing_done(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.calls.clear()
    changed = world.api.live("ShopService")
    changed["metadata"]["labels"] = {"team": "a"}
    world.engine.cache.update("ShopService", world.api.put(changed))
    await world.quiet()
    assert world.api.calls == []


async def test_a_change_of_the_spec_costs_no_read(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.calls.clear()
    world.apply(ports=PORTS, env=[{"name": "A", "value": "1"}])
    await world.quiet()
    assert world.api.calls == ["apply Deployment cart", "apply ShopService cart status"]


async def test_a_restart_finds_all_as_it_should_be(world: World) -> None:
    world.apply(ports=PORTS, database={})
    await world.quiet()
    async with running(world.api) as again:
        world.api.calls.clear()
        again.engine.cache.update("ShopService", world.api.live("ShopService"))
        await again.quiet()
        assert world.api.calls == []


async def test_an_edited_child_is_put_back_and_it_is_told_who_did_it(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.written()
    world.api.edit("Service", "cart", lambda live: live["spec"].update(selector={"a": "b"}), manager="joe")
    await world.quiet()
    assert world.api.live("Service")["spec"]["selector"]["shopservice.dev/name"] == "cart"
    assert world.written() == [
        "apply Service cart",
        "create Event DriftRepaired",
        "apply ShopService cart status",
    ]
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    fields = "spec.selector.app.kubernetes.io/component, spec.selector.shopservice.dev/name"
    what = child["reason"].removeprefix("Repaired: ")
    assert what.endswith("was changed by joe")
    assert all(field in what for field in fields.split(", "))
    assert world.api.events == [f"Warning DriftRepaired Apply: Service cart: {what}; put back"]
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="edited") == 1


async def test_a_deleted_child_is_made_again_and_it_is_told(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.has("Service")
    assert world.api.calls == [
        "get Service cart",
        "apply Service cart",
        "apply ShopService cart status",
        "create Event ChildRestored",
    ]
    assert world.api.events == ["Warning ChildRestored Apply: Service cart was deleted; made again"]
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="deleted") == 1
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert child["reason"] == "Repaired: was deleted"


async def test_what_is_no_longer_wanted_is_pruned_and_what_is_retained_stays(world: World) -> None:
    world.apply(ports=PORTS, database={})
    await world.quiet()
    world.apply()
    await world.quiet()
    for kind, name in (("Service", "cart"), ("StatefulSet", "cart-db"), ("Service", "cart-db")):
        assert not world.api.has(kind, name), (kind, name)
    assert world.api.has("Secret", "cart-db")
    assert world.api.has("PersistentVolumeClaim", "data-cart-db-0")
    assert not [c for c in world.status()["children"] if c["name"] == "cart-db"]


async def test_a_field_that_is_no_longer_named_goes(world: World) -> None:
    world.apply(env=[{"name": "A", "value": "1"}])
    await world.quiet()
    world.apply()
    await world.quiet()
    (container,) = world.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert "A" not in {env["name"] for env in container["env"]}
    assert not any("Drift" in call for call in world.written())


async def test_an_object_of_somebody_else_is_left_alone_until_it_goes(world: World) -> None:
    world.api.put(
        {"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"ports": []}}
    )
    world.apply(ports=PORTS)
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "ChildConflict")
    assert "Service cart exists and is not this service's" in found["message"]
    assert world.api.live("Service")["spec"] == {"ports": []}
    assert world.api.has("Deployment")
    world.api.remove("Service", "cart")
    await world.until(lambda: world.api.has("Service"))
    await world.quiet()
    assert world.condition("Reconciled")["status"] == "True"


async def test_an_object_that_is_handed_over_by_its_labels_is_taken(world: World) -> None:
    foreign = {"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"type": "x"}}
    world.api.put(foreign)
    world.apply(ports=PORTS)
    await world.quiet()
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "cart"}
    world.api.edit("Service", "cart", lambda live: live["metadata"].update(labels=labels))
    await world.until(lambda: world.api.live("Service")["metadata"].get("ownerReferences"))


async def test_what_is_refused_for_one_child_keeps_no_other_back_and_is_said(world: World) -> None:
    refusal = ApiError(422, "Invalid", "spec.ports: wrong")
    world.api.refuse = lambda call: refusal if call == "apply Service cart" else None
    world.apply(ports=PORTS)
    await world.until(lambda: world.status())
    found = world.condition("Reconciled")
    assert (found["reason"], found["message"]) == ("ChildRefused", "Service cart: spec.ports: wrong")
    assert world.api.has("Deployment")
    world.api.refuse = lambda call: None
    await world.until(lambda: world.condition("Reconciled")["status"] == "True")
    assert world.counted("shop_operator_errors_total", reason="Incomplete") >= 1


@pytest.mark.parametrize("status", [0, 401, 429, 409, 500])
@pytest.mark.parametrize(
    "call", ["get Deployment cart", "apply Deployment cart", "apply ShopService cart status"]
)
async def test_after_any_error_it_is_tried_again_until_it_is_done(
    world: World, status: int, call: str
) -> None:
    left = [ApiError(status, "Reason", "why", retry_after=0.01 if status == 429 else None)] * 2
    world.api.refuse = lambda made: left.pop() if made == call and left else None
    world.apply(ports=PORTS)
    await world.until(lambda: world.status() and world.condition("Reconciled")["status"] == "True")
    await world.quiet()
    assert all(kind in {ref.kind for ref in world.api.objects} for kind in CHILDREN)
    assert not left


async def test_a_defect_in_one_service_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.engine.reconciler.reconcile

    async def broken(key: Any) -> Any:
        if key.name == "bad":
            raise ZeroDivisionError
        return await real(key)

    monkeypatch.setattr(world.engine.reconciler, "reconcile", broken)
    with capture_logs() as said:
        world.apply("bad")
        world.apply("good")
        await world.until(lambda: world.api.has("Deployment", "good"))
    assert {"reconcile failed"} <= {line["event"] for line in said}
    assert world.counted("shop_operator_errors_total", reason="ZeroDivisionError") >= 1
    assert world.counted("shop_operator_reconcile_duration_seconds_count", outcome="failed") >= 1


async def test_a_service_that_is_deleted_is_left_to_the_garbage_collector(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.delete()
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.calls == []


async def test_one_that_is_being_deleted_is_left_alone(world: World) -> None:
    made = world.apply()
    await world.quiet()
    world.api.calls.clear()
    made = world.api.live("ShopService")
    made["metadata"]["deletionTimestamp"] = "now"
    world.engine.cache.update("ShopService", world.api.put(made))
    world.api.remove("Deployment", "cart")
    await world.quiet()
    assert world.api.calls == []


async def test_a_spec_that_cannot_be_read_is_said_and_the_version_before_stays(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.written()
    world.apply(ports="many")
    await world.quiet()
    assert world.written()[0] == "apply ShopService cart status"
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
    assert "spec.ports" in found["message"]
    assert found["message"].endswith("the version before keeps running")
    assert {c["kind"] for c in world.status()["children"]} >= {"Service", "Deployment"}


async def test_who_depends_on_a_service_hears_of_it(world: World) -> None:
    world.apply("cart", dependsOn=[{"name": "catalog"}])
    await world.quiet()
    found = world.condition("Degraded")
    assert (found["status"], found["reason"]) == ("True", "DependencyMissing")
    assert "catalog" in found["message"]
    world.apply("catalog", ports=PORTS)
    await world.quiet()
    assert world.condition("Degraded")["status"] == "False"
    assert "cart" in str(world.api.live("NetworkPolicy", "catalog")["spec"])
    world.delete("catalog")
    await world.quiet()
    assert world.condition("Degraded")["reason"] == "DependencyMissing"


async def test_limited_to_a_namespace_others_are_not_called_missing() -> None:
    async with running(MemoryApi(), namespace="shop") as world:
        world.apply(dependsOn=[{"name": "rates", "namespace": "finance"}])
        await world.quiet()
        assert world.condition("Degraded")["status"] == "False"


async def test_an_optional_kind_that_comes_is_used_and_one_that_goes_is_done_without(world: World) -> None:
    lag = {"type": "QueueLag", "stream": "s", "consumer": "c", "target": "10"}
    world.apply(events={}, autoscaling={"max": 5, "metrics": [lag]})
    await world.quiet()
    assert world.condition("AutoscalingActive")["reason"] == "MetricNotAvailable"
    world.api.install("ScaledObject")
    await world.until(lambda: world.api.has("ScaledObject"))
    await world.quiet()
    assert world.condition("AutoscalingActive")["reason"] == "Pending"
    world.api.uninstall("ScaledObject")
    await world.until(lambda: world.condition("AutoscalingActive")["reason"] == "MetricNotAvailable")


async def test_optional_kinds_that_are_there_at_the_start_are_used_at_once() -> None:
    async with running(MemoryApi("PodMonitor")) as world:
        world.apply(ports=PORTS)
        await world.quiet()
        assert world.api.has("PodMonitor")


async def test_the_number_of_pods_is_handed_to_the_autoscaler_and_taken_back(world: World) -> None:
    cpu = {"min": 2, "max": 8, "metrics": [{"type": "Cpu", "target": "70"}]}
    world.apply(replicas=5)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 5
    world.apply(autoscaling=cpu)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 5
    assert world.api.has("HorizontalPodAutoscaler")
    world.apply(replicas=3)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 3
    assert not world.api.has("HorizontalPodAutoscaler")


async def test_an_autoscaled_service_starts_with_its_fewest_pods(world: World) -> None:
    world.apply(autoscaling={"min": 3, "max": 8, "metrics": [{"type": "Cpu", "target": "70"}]})
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 3


async def test_the_migration_comes_first(world: World) -> None:
    world.apply(image="shop/x:1", migrations={"args": ["migrate"]})
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"
    assert not world.api.has("Deployment")
    (job,) = [ref.name for ref in world.api.objects if ref.kind == "Job"]
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    world.api.edit("Job", job, lambda live: live.update(status=complete))
    await world.quiet()
    assert world.api.has("Deployment")
    assert world.status()["migratedImage"] == "shop/x:1"
    world.api.remove("Job", job)
    await world.quiet()
    assert not world.api.has("Job", job)


async def test_a_credential_is_never_overwritten(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    before = world.api.live("Secret", "cart-db")["data"]
    async with running(MemoryApi()) as other:
        other.api.put(world.api.live("Secret", "cart-db"))
        other.apply(database={})
        await other.quiet()
        assert other.api.live("Secret", "cart-db")["data"]["password"] == before["password"]


async def test_suspended_nothing_is_written_but_what_would_be_is_said(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.apply(ports=PORTS, suspend=True, replicas=4)
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("Unknown", "Suspended")
    assert "Deployment cart" in found["message"]
    assert world.api.live("Deployment")["spec"]["replicas"] == 1
    world.apply(ports=PORTS, replicas=4)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 4


async def test_it_is_unwell_when_services_are_never_listed_or_work_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api: Any = MemoryApi()
    engine = Engine(api, Settings(), Metrics(), "test")
    engine.check()
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    engine._served_at = 900.0
    with pytest.raises(RuntimeError, match="not been listed in 100 s"):
        engine.check()
    engine.services_listed()
    engine.check()
    engine.queue._in_work["cart"] = 0.0  # type: ignore[index]
    engine.queue._clock = lambda: 1000.0
    with pytest.raises(RuntimeError, match="has taken 1000 s"):
        engine.check()
