"""The engine as a whole on an API server in memory: from a change in the cluster to what is written there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from shop_operator.api import API_VERSION, KIND
from shop_operator.cluster.client import ApiError
from shop_operator.engine import issuer
from shop_operator.engine.diff import HASH_ANNOTATION
from shop_operator.engine.engine import START_SECONDS, STUCK_SECONDS, Engine
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.queue import Priority
from shop_operator.engine.reconcile import Incomplete
from shop_operator.settings import Settings
from structlog.testing import capture_logs

from ..support.memory import ISSUER, MemoryApi

PORTS = [{"name": "http", "port": 8080}]
CHILDREN = ["ServiceAccount", "NetworkPolicy", "ConfigMap", "Service", "Deployment"]


class World:
    """A cluster in memory, and the engine at work in it."""

    def __init__(self, api: MemoryApi, **settings: Any) -> None:
        self.api, self.metrics = api, Metrics()
        whole: Any = api
        self.engine = Engine(whole, Settings(workers=2, **settings), self.metrics, "test")
        self._generations = 0

    def apply(self, name: str = "cart", **spec: Any) -> dict[str, Any]:
        """A person applies a ShopService, and its event comes."""
        self._generations += 1
        metadata = {"name": name, "namespace": "shop", "generation": self._generations}
        before = self.api.live("ShopService", name) if self.api.has("ShopService", name) else {}
        kept = {"status": before["status"]} if "status" in before else {}
        made = self.api.put(
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": metadata,
                "spec": {"image": "shop/x:1", **spec},
                **kept,
            }
        )
        self.engine.cache.update("ShopService", made)
        return made

    def delete(self, name: str = "cart") -> None:
        gone = self.api.live("ShopService", name)
        self.api.remove("ShopService", name)
        self.engine.cache.remove("ShopService", gone)

    async def quiet(self) -> None:
        """Until nothing is left to do but what waits for its time."""
        queue, calm = self.engine.queue, 0
        async with asyncio.timeout(5):
            while calm < 20:
                await asyncio.sleep(0)
                calm = 0 if queue.depth or queue.in_work else calm + 1

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.001)

    def written(self) -> list[str]:
        """What was written since the last time."""
        calls, self.api.calls = self.api.calls, []
        return [call for call in calls if not call.startswith("get")]

    def status(self, name: str = "cart") -> dict[str, Any]:
        status: dict[str, Any] = self.api.live("ShopService", name).get("status", {})
        return status

    def condition(self, kind: str, name: str = "cart") -> dict[str, Any]:
        found: dict[str, Any] = next(c for c in self.status(name)["conditions"] if c["type"] == kind)
        return found

    def counted(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, labels) or 0.0


@contextlib.asynccontextmanager
async def running(api: MemoryApi, **settings: Any) -> AsyncIterator[World]:
    world = World(api, **settings)
    world.engine.services_listed()
    task = asyncio.create_task(world.engine.run())
    await world.until(lambda: world.engine.queue._getters)
    yield world
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running(MemoryApi()) as found:
        yield found


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


# What is watched, and what comes first.


async def test_everything_that_has_our_label_is_watched_and_all_that_scales_and_no_more() -> None:
    async with running(MemoryApi("PodMonitor")) as world:
        mine = {"app.kubernetes.io/managed-by": "shop-operator"}
        for kind in ("Secret", "Pod", "HorizontalPodAutoscaler"):
            for name, labels in (("ours", mine), ("theirs", {})):
                metadata = {"name": name, "namespace": "shop", "labels": labels}
                target = {"scaleTargetRef": {"kind": "StatefulSet", "name": name}}
                world.api.put({"kind": kind, "metadata": metadata, "spec": target})
        await world.quiet()
        found = {
            kind: {one["metadata"]["name"] for one in world.engine.cache.of_kind(kind)}
            for kind in ("Secret", "Pod", "HorizontalPodAutoscaler")
        }
        assert found == {"Secret": {"ours"}, "Pod": {"ours"}, "HorizontalPodAutoscaler": {"ours", "theirs"}}
        assert set(world.api.watched) >= {"PersistentVolume */*", "PodMonitor */*", "Deployment */*"}


async def test_limited_to_a_namespace_nothing_of_others_is_watched() -> None:
    async with running(MemoryApi("PodMonitor"), namespace="shop", protect_volumes=False) as world:
        external = {"mode": "external", "external": {"secretName": "theirs"}}
        world.apply(database=external)
        await world.quiet()
        kinds = {watch.split()[0] for watch in world.api.watched}
        assert kinds >= {"Deployment", "Secret", "Pod", "PodMonitor"}
        assert "Secret shop/* metadata" in world.api.watched
        assert [watch for watch in world.api.watched if " shop/*" not in watch] == []


async def test_what_changed_or_went_may_be_down_and_goes_first_and_what_is_new_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    added: list[Any] = []
    real = world.engine.queue.add

    def add(key: Any, priority: Priority = Priority.NORMAL) -> None:
        added.append((str(key), priority))
        real(key, priority)

    monkeypatch.setattr(world.engine.queue, "add", add)
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "cart"}
    world.api.put({"kind": "Pod", "metadata": {"name": "cart-1", "namespace": "shop", "labels": labels}})
    await world.quiet()
    assert added == [("shop/cart", Priority.NORMAL)]
    added.clear()
    world.api.edit("Pod", "cart-1", lambda live: live.update(status={"phase": "Failed"}))
    await world.quiet()
    world.api.remove("Pod", "cart-1")
    await world.quiet()
    assert added == [("shop/cart", Priority.REPAIR)] * 2
    added.clear()
    world.apply(ports=PORTS, replicas=2)
    await world.quiet()
    assert added == [("shop/cart", Priority.NORMAL)]


async def test_an_object_that_was_in_the_way_and_goes_is_a_repair(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    added: list[Any] = []
    monkeypatch.setattr(world.engine.queue, "add", lambda *given: added.append(given))
    world.api.remove("Service", "cart")
    await world.until(lambda: added)
    assert added == [(("shop", "cart"), Priority.REPAIR)]


async def test_the_children_of_a_service_that_nobody_knows_are_nothing_to_do(world: World) -> None:
    labels = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "gone"}
    world.api.put({"kind": "Pod", "metadata": {"name": "gone-1", "namespace": "shop", "labels": labels}})
    await world.quiet()
    assert world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done") == 0


async def test_a_service_that_is_gone_no_longer_hears_of_its_external_secret(world: World) -> None:
    world.apply(database={"mode": "external", "external": {"secretName": "theirs"}})
    await world.quiet()
    world.delete()
    await world.quiet()
    before = world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done")
    world.api.put({"kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}})
    await world.quiet()
    assert world.counted("shop_operator_reconcile_duration_seconds_count", outcome="done") == before


async def test_the_keys_of_the_cluster_reach_all_services_when_they_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issuer, "UNREADABLE_SECONDS", 0.001)
    api = MemoryApi()
    api.refuse = lambda call: ApiError(403, "Forbidden", "no") if call.startswith("document") else None
    async with running(api) as world:
        for name in ("cart", "orders"):
            world.apply(name, ports=PORTS)
        await world.quiet()
        assert "issuer" not in api.live("ConfigMap", "cart-callers")["data"]
        api.refuse = lambda call: None
        for name in ("cart", "orders"):
            callers = f"{name}-callers"
            await world.until(lambda: api.live("ConfigMap", callers)["data"].get("issuer") == ISSUER)  # noqa: B023


# What is counted, and when it is tried again.


@pytest.mark.parametrize(
    ("error", "reason", "at_least"),
    [
        (ApiError(429, "TooManyRequests", "slow down", 7.0), "TooManyRequests", 7.0),
        (ApiError(0, "", "no answer"), "0", 0.0),
        (Incomplete("Service cart: wrong"), "Incomplete", 0.0),
    ],
)
async def test_why_a_reconcile_failed_is_counted_and_the_server_is_given_the_time_it_asks_for(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, at_least: float
) -> None:
    async def failing(key: Any) -> float | None:
        raise error

    put_off: list[Any] = []
    real = world.engine.queue.failed

    def failed(key: Any, **given: float) -> float:
        put_off.append((str(key), given))
        return real(key, **given)

    monkeypatch.setattr(world.engine.reconciler, "reconcile", failing)
    monkeypatch.setattr(world.engine.queue, "failed", failed)
    world.apply()
    await world.until(lambda: put_off)
    await world.quiet()
    assert put_off[0] == ("shop/cart", {"at_least": at_least})
    assert world.counted("shop_operator_errors_total", reason=reason) == len(put_off)
    seconds = "shop_operator_reconcile_duration_seconds"
    assert world.counted(f"{seconds}_count", outcome="failed") == len(put_off)
    assert world.counted(f"{seconds}_count", outcome="done") == 0
    assert 0 <= world.counted(f"{seconds}_sum", outcome="failed") < 5


async def test_a_service_that_only_waits_for_time_is_looked_at_again_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[float | None] = [None, 0.0, 0.01]
    asked: list[str] = []

    async def waiting(key: Any) -> float | None:
        asked.append(str(key))
        return answers.pop()

    monkeypatch.setattr(world.engine.reconciler, "reconcile", waiting)
    world.apply()
    await world.until(lambda: not answers)
    assert asked == ["shop/cart"] * 3


async def test_services_are_asked_for_when_their_definition_is_there_and_served(world: World) -> None:
    answers: list[Any] = [True, ApiError(503, "", "not now"), False]

    async def serves(kind: Any) -> bool:
        assert kind.kind == "ShopService"
        answer = answers.pop()
        if isinstance(answer, ApiError):
            raise answer
        return bool(answer)

    served = asyncio.create_task(world.engine.served())
    await world.quiet()
    assert not served.done()
    world.api.serves = serves  # type: ignore[method-assign]
    world.api.install("ShopService")
    before = time.monotonic()
    await asyncio.wait_for(served, 5)
    assert answers == []
    assert 0.2 <= time.monotonic() - before < 2
    assert world.engine._served_at is not None
    assert world.engine._served_at >= before


async def test_it_is_well_for_as_long_as_a_list_or_a_reconcile_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api: Any = MemoryApi()
    engine = Engine(api, Settings(), Metrics(), "test")
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    engine._served_at = 1000.0 - START_SECONDS
    engine.check()
    engine.services_listed()
    engine.queue._clock = lambda: STUCK_SECONDS
    engine.queue._in_work["cart"] = 0.0  # type: ignore[index]
    engine.check()


async def test_when_all_that_was_there_at_the_start_is_looked_at_it_is_said_once() -> None:
    with capture_logs() as said:
        async with running(MemoryApi()) as world:
            world.apply(ports=PORTS)
            await world.quiet()
            world.apply(ports=PORTS, replicas=2)
            await world.quiet()
    events = [line["event"] for line in said]
    assert (events.count("started"), events.count("caught up")) == (1, 1)
    assert events.index("started") < events.index("created") < events.index("caught up")
