"""One pass over a ShopService, on an API server in memory: what it reads, does and says."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.cache import Key, Ref
from shop_operator.engine.reconcile import Incomplete

from ..support.memory import MemoryApi
from .test_engine import PORTS, World, running

CART = Key("shop", "cart")
MANAGED = {"app.kubernetes.io/managed-by": "shop-operator"}
MIGRATIONS = {"args": ["migrate"]}
CPU = {"min": 2, "max": 8, "metrics": [{"type": "Cpu", "target": "70"}]}
LAG = {"type": "QueueLag", "stream": "s", "consumer": "c", "target": "10"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running(MemoryApi()) as found:
        yield found


@pytest.fixture
def still() -> World:
    """A world without watches and workers: the cache knows what was written, passes are made by hand."""
    return World(MemoryApi())


async def passed(world: World) -> float | None:
    return await world.engine.reconciler.reconcile(CART)


def refusing(refusals: dict[str, ApiError]) -> Any:
    return lambda call: refusals.get(call)


def complete(world: World) -> str:
    """The one Job there is ends well; returns its name."""
    (name,) = [
        ref.name for ref, job in world.api.objects.items() if ref.kind == "Job" and "status" not in job
    ]
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    world.api.edit("Job", name, lambda live: live.update(status=done))
    return name


def secret_data(world: World, name: str) -> dict[str, str]:
    data = world.api.live("Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


# What is refused.


async def test_all_that_was_refused_is_said_and_the_pass_is_to_be_made_again(still: World) -> None:
    still.api.refuse = refusing(
        {
            "apply Service cart": ApiError(422, "Invalid", "ports: wrong"),
            "apply ServiceAccount cart": ApiError(403, "Forbidden", "no right"),
        }
    )
    still.apply(ports=PORTS)
    said = "ServiceAccount cart: no right; Service cart: ports: wrong"
    with pytest.raises(Incomplete) as raised:
        await passed(still)
    assert str(raised.value) == said
    found = still.condition("Reconciled")
    assert (found["reason"], found["message"]) == ("ChildRefused", said)
    assert still.api.events == [f"Warning ChildRefused Reconcile: {said}"]


async def test_a_child_that_may_not_be_looked_for_is_not_written_either(still: World) -> None:
    still.api.refuse = refusing({"get Deployment cart": ApiError(403, "Forbidden", "no right")})
    still.apply(ports=PORTS)
    with pytest.raises(Incomplete, match=r"^Deployment cart: no right$"):
        await passed(still)
    assert "apply Deployment cart" not in still.api.calls
    assert still.api.has("Service")


async def test_after_a_race_what_else_could_be_done_is_done_and_nothing_reported(still: World) -> None:
    raced = ApiError(409, "Conflict", "the object was modified")
    still.api.refuse = refusing({"apply Service cart": raced})
    still.apply(ports=PORTS)
    with pytest.raises(ApiError) as raised:
        await passed(still)
    assert raised.value is raced
    assert still.api.has("Deployment")
    assert still.status() == {}


@pytest.mark.parametrize("status", [0, 401, 429])
async def test_where_the_server_itself_is_missing_nothing_more_is_tried(still: World, status: int) -> None:
    still.api.refuse = refusing({"apply Service cart": ApiError(status, "", "away")})
    still.apply(ports=PORTS)
    with pytest.raises(ApiError, match="away"):
        await passed(still)
    # What is done at the same time is done to its end; the Deployment would have come after it.
    assert "apply ConfigMap cart-callers" in still.api.calls
    assert "apply Deployment cart" not in still.api.calls


@pytest.mark.parametrize(
    ("call", "status", "message", "reason"),
    [
        ("PersistentVolumeClaim data-cart-db-0", 403, "only resize if the class allows", "VolumeCannotGrow"),
        ("PersistentVolumeClaim data-cart-db-0", 403, "no right", "ChildRefused"),
        ("PersistentVolumeClaim data-cart-db-0", 422, "resize to less is wrong", "ChildRefused"),
        ("StatefulSet cart-db", 403, "resize", "ChildRefused"),
    ],
)
async def test_that_a_volume_cannot_grow_is_told_from_other_refusals(
    still: World, call: str, status: int, message: str, reason: str
) -> None:
    still.api.refuse = refusing({f"apply {call}": ApiError(status, "", message)})
    still.apply(database={})
    with pytest.raises(Incomplete):
        await passed(still)
    found = still.condition("Reconciled")
    assert (found["reason"], found["message"]) == (reason, f"{call}: {message}")


# What is somebody else's.


async def test_an_object_in_the_way_is_named_with_what_to_do_and_waited_for(still: World) -> None:
    waits: list[Any] = []
    still.engine.reconciler.in_the_way = lambda *told: waits.append(told)
    theirs = {"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"ports": []}}
    found = still.api.put(theirs)
    made = still.apply(ports=PORTS)
    assert await passed(still) is None
    assert still.condition("Reconciled")["message"] == (
        "Service cart exists and is not this service's: it is left alone. Remove or rename it, or label it "
        "app.kubernetes.io/managed-by=shop-operator,shopservice.dev/name=cart to hand it over"
    )
    ((key, uid, objects),) = waits
    assert (key, uid) == (CART, made["metadata"]["uid"])
    assert {ref: one["metadata"]["uid"] for ref, one in objects.items()} == {
        Ref("Service", "shop", "cart"): found["metadata"]["uid"]
    }


async def test_what_was_never_there_is_made_and_not_made_again(world: World) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert (child["ready"], child["reason"]) == (False, "Missing")
    world.api.remove("Service", "cart")
    await world.until(lambda: world.api.has("Service"))
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert child["reason"] == "Applied"
    assert not any("ChildRestored" in event for event in world.api.events)


async def test_the_wait_for_an_object_in_the_way_ends_with_the_service(world: World) -> None:
    world.api.put({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {}})
    world.apply(ports=PORTS)
    await world.quiet()
    assert "Service shop/cart metadata" in world.api.watched
    world.delete()
    await world.quiet()
    assert "Service shop/cart metadata" not in world.api.watched


@pytest.mark.parametrize(("wanted", "pods"), [({}, 1), ({"replicas": 3}, 3), ({"autoscaling": CPU}, 2)])
async def test_beside_somebody_elses_autoscaler_a_service_begins_with_its_pods_and_is_left_to_it(
    world: World, wanted: dict[str, Any], pods: int
) -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}}
    world.api.put(
        {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "theirs", "namespace": "shop"},
            "spec": target,
        }
    )
    await world.quiet()
    world.apply(**wanted)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == pods
    assert not world.api.has("HorizontalPodAutoscaler")
    assert world.condition("AutoscalingActive")["reason"] == "ForeignAutoscaler"
    world.api.edit("Deployment", "cart", lambda live: live["spec"].update(replicas=20))
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 20


# What was changed or deleted.


async def test_all_who_changed_a_child_are_named(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()

    def two(live: dict[str, Any]) -> None:
        live["spec"].update(selector={"a": "b"})
        wrote = {"manager": "zoe", "time": "2026", "fieldsV1": {"f:spec": {}}}
        live["metadata"]["managedFields"] = [wrote]

    world.api.edit("Service", "cart", two, manager="joe")
    await world.quiet()
    (told,) = world.api.events
    assert "was changed by joe, zoe; put back" in told


async def test_a_field_of_which_nobody_is_known_to_have_removed_it_is_put_back(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    live = world.api.live("Service")
    bare = {**live, "spec": {**live["spec"], "ports": []}}
    world.api.put(bare)
    await world.quiet()
    assert world.api.events == [
        "Warning DriftRepaired Apply: Service cart: spec.ports[port=80,protocol=TCP] was removed by an"
        " unknown manager; put back"
    ]


async def test_a_field_that_the_cluster_does_not_keep_is_said_and_is_no_drift(world: World) -> None:
    def webhook(manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["kind"] == "Service":
            del manifest["spec"]["selector"], manifest["spec"]["type"]
        return manifest

    world.api.admission = webhook
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.put({**world.api.live("ShopService"), "metadata": {"labels": {"team": "a"}, "name": "cart",
                                                               "namespace": "shop"}})  # fmt: skip
    world.engine.cache.update("ShopService", world.api.live("ShopService"))
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "FieldNotKept")
    assert found["message"] == (
        "Service cart: the API server has spec.type, spec.selector otherwise than given: does this cluster"
        " not know the field, or does an admission webhook change it?"
    )
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="edited") == 0
    assert not any("DriftRepaired" in event for event in world.api.events)


async def test_a_credential_that_was_deleted_is_made_again_as_it_was_and_it_is_told(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    before = secret_data(world, "cart-db")
    assert len(before["password"]) == 32
    world.written()
    world.api.remove("Secret", "cart-db")
    await world.quiet()
    assert secret_data(world, "cart-db") == before
    assert world.written() == [
        "create Secret cart-db",
        "apply ShopService cart status",
        "create Event ChildRestored",
    ]
    assert world.api.events[-1] == "Warning ChildRestored Apply: Secret cart-db was deleted; made again"


async def test_what_is_deleted_again_and_again_is_told_although_the_status_stays_the_same(
    world: World,
) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.remove("Service", "cart")
    await world.quiet()
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.calls == [
        "get Service cart", "apply Service cart", "get ShopService cart", "patch Event 2"
    ]  # fmt: skip
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="deleted") == 2


async def test_of_children_that_went_with_their_service_nothing_is_told(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    for _ in range(2):  # the first time the status says that it was made again, the second it says so already
        world.api.remove("Service", "cart")
        await world.quiet()
    told = list(world.api.events)
    del world.api.objects[Ref("ShopService", "shop", "cart")]
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.events == told
    assert world.engine.cache.get("ShopService", *CART) is None


async def test_whose_status_can_be_written_to_nobody_is_not_asked_for_again(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    del world.api.objects[Ref("ShopService", "shop", "cart")]
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.calls == ["get Service cart", "apply Service cart", "apply ShopService cart status"]
    assert world.api.events == []


async def test_a_child_without_its_labels_is_found_by_its_name_and_gets_them_back(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.edit("Service", "cart", lambda live: live["metadata"].update(labels={}))
    async with running(world.api) as again:
        again.engine.cache.update("ShopService", world.api.live("ShopService"))
        await again.quiet()
        assert world.api.live("Service")["metadata"]["labels"]["shopservice.dev/name"] == "cart"
        assert again.condition("Reconciled")["status"] == "True"


async def test_what_is_there_and_not_known_yet_is_read_before_anything_is_made_of_it(still: World) -> None:
    still.apply(ports=PORTS, database={})
    await passed(still)
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    heard: list[Any] = []
    again.engine.cache.listen(lambda *told: heard.append(told))
    again.api.calls.clear()
    await passed(again)
    assert again.written() == []
    assert heard == []


async def test_credentials_without_their_labels_keep_their_passwords_and_get_the_labels_back(
    still: World,
) -> None:
    spec = {"database": {"deletionPolicy": "Delete"}}
    still.apply(**spec)
    await passed(still)
    names = ("cart-db", "cart-db-logins")
    before = [secret_data(still, name) for name in names]
    for name in names:
        still.api.edit("Secret", name, lambda live: live["metadata"].update(labels={}))
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    await passed(again)
    assert [secret_data(again, name) for name in names] == before
    for name in names:
        assert again.api.live("Secret", name)["metadata"]["labels"]["shopservice.dev/name"] == "cart"


async def test_a_retained_credential_without_its_labels_is_nobodys_and_is_not_overwritten(
    still: World,
) -> None:
    still.apply(database={})
    await passed(still)
    before = secret_data(still, "cart-db")
    still.api.edit("Secret", "cart-db", lambda live: live["metadata"].update(labels={}))
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    await passed(again)
    assert secret_data(again, "cart-db") == before
    assert again.condition("Reconciled")["reason"] == "ChildConflict"


async def test_a_secret_may_hold_what_is_no_text_or_nothing(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    world.api.edit("Secret", "cart-db", lambda live: live["data"].update(key="/w=="))
    labels = {**MANAGED, "shopservice.dev/name": "cart"}
    world.api.put({"kind": "Secret", "metadata": {"name": "mine", "namespace": "shop", "labels": labels}})
    world.apply(database={}, replicas=2)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 2
    assert world.condition("Reconciled")["status"] == "True"


# Numbers of pods.


async def test_without_an_autoscaler_the_number_of_pods_stays_within_its_bounds(world: World) -> None:
    world.apply(events={}, autoscaling={"min": 2, "max": 5, "metrics": [LAG]})
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 2
    for given, kept in ((9, 5), (1, 2), (4, 4)):
        world.api.edit("Deployment", "cart", lambda live, given=given: live["spec"].update(replicas=given))
        await world.quiet()
        assert world.api.live("Deployment")["spec"]["replicas"] == kept


# Migrations.


async def test_while_a_migration_runs_a_deleted_deployment_comes_back_as_the_version_before(
    world: World,
) -> None:
    world.apply(image="shop/x:1", migrations=MIGRATIONS)
    await world.quiet()
    complete(world)
    await world.quiet()
    world.apply(image="shop/x:2", migrations=MIGRATIONS)
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"
    world.api.remove("Deployment", "cart")
    await world.quiet()
    (container,) = world.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/x:1"
    name = complete(world)
    await world.quiet()
    (container,) = world.api.live("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/x:2"
    assert world.status()["migratedImage"] == "shop/x:2"
    # The Job is a child while it is there; when its time is over it is nothing to miss.
    assert ("Job", name) in {(child["kind"], child["name"]) for child in world.status()["children"]}
    world.api.remove("Job", name)
    await world.quiet()
    assert "Job" not in {child["kind"] for child in world.status()["children"]}


async def test_the_job_is_named_while_it_runs_and_when_it_failed(world: World) -> None:
    world.apply(image="shop/x:1", migrations=MIGRATIONS)
    await world.quiet()
    (job,) = [ref.name for ref in world.api.objects if ref.kind == "Job"]
    assert world.condition("Progressing")["message"] == (
        f"Job {job} brings the database to the schema of shop/x:1"
    )
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    world.api.edit("Job", job, lambda live: live.update(status=failed))
    await world.quiet()
    found = world.condition("Degraded")
    assert found["reason"] == "MigrationFailed"
    assert found["message"].startswith(f"Job {job} failed, nothing runs yet.")


async def test_a_migration_waits_for_a_dedicated_database(world: World) -> None:
    world.apply(migrations=MIGRATIONS, database={})
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    ready = {"readyReplicas": 1}
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status=ready))
    await world.quiet()
    assert world.condition("Progressing")["reason"] == "Migrating"


async def test_a_migration_waits_for_the_whole_secret_of_an_external_database(world: World) -> None:
    keys = ("host", "port", "database", "username", "password")
    theirs = {"kind": "Secret", "metadata": {"name": "theirs", "namespace": "shop"}}
    world.apply(migrations=MIGRATIONS, database={"mode": "external", "external": {"secretName": "theirs"}})
    await world.quiet()
    assert world.condition("DatabaseReady")["reason"] == "SecretMissing"
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    world.api.put({**theirs, "data": dict.fromkeys(keys[:-1], "eA==")})
    await world.quiet()
    assert world.condition("DatabaseReady")["message"].endswith("Secret theirs lacks password")
    assert world.condition("Progressing")["reason"] == "WaitingForDatabase"
    world.api.put({**theirs, "data": dict.fromkeys(keys, "eA==")})
    await world.quiet()
    assert world.condition("DatabaseReady")["reason"] == "Bound"
    assert world.condition("Progressing")["reason"] == "Migrating"


# Credentials.


async def test_a_login_takes_over_when_its_job_has_ended_and_the_next_one_waits(still: World) -> None:
    still.apply(database={})
    assert await passed(still) is None
    assert secret_data(still, "cart-db")["username"] == "cart_a"
    still.apply(database={"credentials": {"revision": 1}})
    assert await passed(still) is None
    name = complete(still)
    assert secret_data(still, "cart-db")["username"] == "cart_a"
    job = still.api.live("Job", name)
    still.engine.cache.update("Job", job)
    await passed(still)
    assert secret_data(still, "cart-db")["username"] == "cart_b"
    still.apply(database={"credentials": {"revision": 2}})
    again = await passed(still)
    assert again is not None
    assert 170 < again <= 180, "three minutes after the rotation before"


# Volumes.


def bound(world: World, policy: str = "Delete", phase: str = "Bound", **reference: str) -> None:
    """The claim of the cart's database gets this volume."""
    claim = world.api.live("PersistentVolumeClaim", "data-cart-db-0")["metadata"]
    volume = {"name": "data-cart-db-0", "namespace": "shop", "uid": claim["uid"], **reference}
    world.api.put(
        {
            "kind": "PersistentVolume",
            "metadata": {"name": "pv1"},
            "spec": {"persistentVolumeReclaimPolicy": policy, "claimRef": volume},
            "status": {"phase": phase},
        }
    )

    def bind(live: dict[str, Any]) -> None:
        live["spec"]["volumeName"] = "pv1"
        live["status"] = {"phase": "Bound" if phase == "Bound" else "Pending"}

    world.api.edit("PersistentVolumeClaim", "data-cart-db-0", bind)


def volume(world: World) -> dict[str, Any]:
    return world.api.objects[Ref("PersistentVolume", "", "pv1")]


async def test_the_volume_of_a_database_is_protected_once_and_it_is_said(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    assert world.condition("DataProtected")["reason"] == "Pending"
    world.written()
    bound(world)
    await world.quiet()
    assert volume(world)["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume(world)["metadata"]["annotations"] == {"shopservice.dev/reclaim-policy": "Delete"}
    found = world.condition("DataProtected")
    assert (found["status"], found["reason"]) == ("True", "Protected")
    assert world.written() == ["patch PersistentVolume pv1", "apply ShopService cart status"]


async def test_the_answer_to_a_patch_of_a_volume_is_known_without_a_watch(still: World) -> None:
    still.apply(database={})
    await passed(still)
    bound(still)
    still.engine.cache.update(
        "PersistentVolumeClaim", still.api.live("PersistentVolumeClaim", "data-cart-db-0")
    )
    still.engine.reconciler.volumes.replace("PersistentVolume", [volume(still)], "1")
    await passed(still)
    assert still.condition("DataProtected")["reason"] == "Protected"


async def test_a_volume_that_may_not_be_changed_is_said(world: World) -> None:
    refusal = ApiError(403, "Forbidden", "no right")
    world.apply(database={})
    await world.quiet()
    world.api.refuse = refusing({"patch PersistentVolume pv1": refusal})
    bound(world)
    await world.until(lambda: world.condition("Reconciled")["status"] == "False")
    found = world.condition("Reconciled")
    assert (found["reason"], found["message"]) == ("ChildRefused", "PersistentVolume pv1: no right")


async def test_the_volume_of_a_suspended_service_is_left_alone(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    world.apply(database={}, suspend=True)
    await world.quiet()
    bound(world)
    await world.quiet()
    assert volume(world)["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert world.condition("DataProtected")["reason"] == "Pending"


async def test_why_a_claim_does_not_get_its_volume_is_said(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    bound(world, "Retain", "Released", namespace="finance")
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "VolumeNotAdopted")
    assert "which belongs to claim finance/data-cart-db-0" in found["message"]


# What is reported.


async def test_all_services_that_are_missing_are_named_those_of_other_namespaces_with_theirs(
    world: World,
) -> None:
    world.apply(dependsOn=[{"name": "rates", "namespace": "finance"}, {"name": "stock"}, {"name": "catalog"}])
    await world.quiet()
    assert "there is no ShopService finance/rates, catalog, stock;" in world.condition("Degraded")["message"]


async def test_limited_to_a_namespace_its_own_services_can_be_missing() -> None:
    async with running(MemoryApi(), namespace="shop") as world:
        world.apply(dependsOn=[{"name": "rates", "namespace": "finance"}, {"name": "stock"}])
        await world.quiet()
        assert "there is no ShopService stock;" in world.condition("Degraded")["message"]


async def test_an_object_of_another_service_is_no_child_whatever_its_name(world: World) -> None:
    labels = {**MANAGED, "shopservice.dev/name": "orders"}
    world.api.put(
        {
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop", "labels": labels},
            "spec": {},
        }
    )
    await world.quiet()
    world.apply(ports=PORTS)
    await world.quiet()
    child = next(c for c in world.status()["children"] if c["kind"] == "Service")
    assert child["reason"] == "Missing"
    assert world.condition("Reconciled")["reason"] == "ChildConflict"


def crashing_pod() -> dict[str, Any]:
    labels = {**MANAGED, "shopservice.dev/name": "cart", "app.kubernetes.io/component": "service"}
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "name": "main", "image": "shop/x:1"}
    return {
        "kind": "Pod",
        "metadata": {"name": "cart-1", "namespace": "shop", "labels": labels},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }


async def test_a_pod_that_does_not_come_up_is_reported_with_its_service(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    assert world.condition("Degraded")["status"] == "False"
    world.api.put(crashing_pod())
    await world.quiet()
    assert world.condition("Degraded")["reason"] == "ImagePullFailed"
    assert "Pod" not in {child["kind"] for child in world.status()["children"]}


async def test_a_spec_that_could_never_be_read_has_no_children_and_it_is_said(world: World) -> None:
    world.apply(ports="many")
    await world.quiet()
    assert world.condition("Reconciled")["reason"] == "InvalidSpec"
    assert world.status()["children"] == []
    assert world.written() == ["apply ShopService cart status", "create Event InvalidSpec"]


async def test_of_a_spec_that_cannot_be_read_all_is_said_that_can_be_known(world: World) -> None:
    world.apply(ports=PORTS, database={}, migrations=MIGRATIONS)
    await world.quiet()
    world.api.edit("StatefulSet", "cart-db", lambda live: live.update(status={"readyReplicas": 1}))
    await world.quiet()
    complete(world)
    bound(world)
    await world.quiet()
    world.api.put(crashing_pod())
    await world.quiet()
    before = world.status()
    world.written()
    world.apply(ports="many", database={}, migrations=MIGRATIONS)
    await world.quiet()
    status = world.status()
    assert world.condition("Reconciled")["message"].startswith("spec.ports")
    assert world.condition("Reconciled")["message"].endswith("; the version before keeps running")
    assert world.condition("DataProtected")["reason"] == "Protected"
    assert world.condition("Degraded")["reason"] == "ImagePullFailed"
    for field in ("migratedImage", "binding", "url", "children"):
        assert status[field] == before[field], field
    assert world.written() == ["apply ShopService cart status", "create Event InvalidSpec"]


async def test_the_status_of_a_service_that_is_gone_or_made_anew_is_written_to_nobody(still: World) -> None:
    for refusal in (
        ApiError(404, "NotFound", "no such object"),
        ApiError(409, "Conflict", "Precondition failed: UID in precondition: a, UID in object meta: b"),
    ):
        still.apply()
        still.api.refuse = refusing({"apply ShopService cart status": refusal})
        assert await passed(still) is None
        assert still.engine.cache.get("ShopService", *CART) is None


@pytest.mark.parametrize("status", [409, 403, 500])
async def test_a_status_that_cannot_be_written_now_is_an_error(still: World, status: int) -> None:
    still.apply()
    still.api.refuse = refusing({"apply ShopService cart status": ApiError(status, "", "try again")})
    with pytest.raises(ApiError, match="try again"):
        await passed(still)
    assert still.engine.cache.get("ShopService", *CART) is not None
