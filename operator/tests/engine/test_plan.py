"""What is to be done: pure decisions over plain objects."""

from typing import Any

from shop_operator.engine.cache import Key, Ref, ref_of
from shop_operator.engine.handover import Bounds
from shop_operator.engine.plan import (
    Apply,
    Conflict,
    Create,
    Delete,
    HandOver,
    Step,
    described,
    last_applied,
    plan,
    stages,
    with_hash,
)
from shop_operator.engine.rollout import Gate

CART = Key("shop", "cart")
UID = "uid-1"
OPEN = Gate("Open")
LABELS = {
    "app.kubernetes.io/managed-by": "shop-operator",
    "app.kubernetes.io/component": "service",
    "shopservice.dev/name": "cart",
}


def child(kind: str, name: str = "cart", *, owner: str | None = UID, **content: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "shop", "name": name, "labels": LABELS}
    if owner:
        reference = {"kind": "ShopService", "name": "cart", "uid": owner, "controller": True}
        metadata["ownerReferences"] = [reference]
    return {"kind": kind, "metadata": metadata, **content}


def deployment(**spec: Any) -> dict[str, Any]:
    return child("Deployment", spec={"template": {}, **spec})


def steps(
    desired: list[dict[str, Any]], live: list[dict[str, Any]], gate: Gate = OPEN, **more: Any
) -> list[Step]:
    found = {ref_of(one): one for one in live}
    return plan(CART, UID, desired, found.get, live, gate, **more)


def names(found: list[Step]) -> list[str]:
    def name(step: Step) -> str:
        match step:
            case HandOver(ref, replicas):
                return f"HandOver {ref.kind} {replicas}"
            case Delete(live):
                return f"Delete {live['kind']}"
            case Create(manifest) | Apply(manifest) | Conflict(manifest):
                return f"{type(step).__name__} {manifest['kind']}"

    return [name(step) for step in found]


def test_nothing_to_do() -> None:
    assert steps([deployment(replicas=1)], [with_hash(deployment(replicas=1))]) == []


def test_what_is_not_there_is_made_and_a_secret_never_over_another() -> None:
    assert names(steps([child("Secret"), deployment(replicas=1)], [])) == [
        "Create Secret",
        "Apply Deployment",
    ]


def test_a_changed_spec_is_no_drift_and_an_edit_is() -> None:
    live = with_hash(deployment(replicas=1))
    (changed,) = steps([deployment(replicas=2)], [live])
    assert isinstance(changed, Apply)
    assert changed.drift == ()
    (edited,) = steps([deployment(replicas=1)], [{**live, "spec": {"template": {}, "replicas": 5}}])
    assert isinstance(edited, Apply)
    assert edited.drift == (("f:spec", "f:replicas"),)


def test_a_field_no_longer_named_is_found_by_the_hash() -> None:
    live = with_hash(deployment(replicas=1, paused=True))
    assert names(steps([deployment(replicas=1)], [live])) == ["Apply Deployment"]


def test_only_what_is_controlled_is_pruned() -> None:
    ours = with_hash(child("Service"))
    retained = child("PersistentVolumeClaim", owner=None)
    of_keda = child("HorizontalPodAutoscaler", "keda-hpa-cart", owner="uid-of-scaled-object")
    pod = child("Pod", "cart-x")
    assert names(steps([], [ours, retained, of_keda, pod])) == ["Delete Service"]


def test_a_foreign_object_is_a_conflict_and_a_predecessors_is_waited_for() -> None:
    foreign = child("Service", owner=None)
    foreign["metadata"]["labels"] = {}
    assert names(steps([child("Service")], [foreign])) == ["Conflict Service"]
    assert steps([child("Service")], [child("Service", owner="uid-0")]) == []


def test_what_nobody_controls_is_adopted_by_its_labels() -> None:
    assert names(steps([child("Service")], [child("Service", owner=None)])) == ["Apply Service"]


def test_replicas_are_handed_over_before_they_are_let_go() -> None:
    live = {**with_hash(deployment(replicas=5)), "ownsReplicas": True}
    assert names(steps([deployment()], [live], fewest=2)) == ["HandOver Deployment 5", "Apply Deployment"]
    assert names(steps([deployment()], [live], fewest=7))[0] == "HandOver Deployment 7"
    released = {**live, "ownsReplicas": False}
    assert names(steps([deployment()], [released])) == ["Apply Deployment"]


def test_a_start_with_the_fewest_pods_is_made_up_for_when_it_was_interrupted() -> None:
    """Killed after the Deployment was made, the operator finds it with the API server's default."""
    made = {**with_hash(deployment()), "defaultReplicas": True}
    made["spec"] = {**made["spec"], "replicas": 1}
    scaler = child("ScaledObject")
    there = [made, with_hash(scaler)]
    assert names(steps([deployment(), scaler], there, bounds=Bounds(2, 8))) == ["HandOver Deployment 2"]
    assert steps([deployment(), scaler], there, bounds=Bounds(1, 8)) == []
    scaled = [{**made, "defaultReplicas": False}, with_hash(scaler)]
    assert steps([deployment(), scaler], scaled, bounds=Bounds(2, 8)) == []


def test_a_new_autoscaler_finds_its_minimum_and_comes_after_it() -> None:
    live = [with_hash(deployment(replicas=0))]
    live[0]["metadata"]["annotations"] |= with_hash(deployment())["metadata"]["annotations"]
    found = steps([deployment(), child("HorizontalPodAutoscaler")], live, bounds=Bounds(2, 8))
    flat = [step for stage in stages(found) for chain in stage for step in chain]
    assert names(flat) == ["HandOver Deployment 2", "Apply HorizontalPodAutoscaler"]


def test_where_there_is_no_autoscaler_its_bounds_are_kept() -> None:
    for there, right in ((0, 2), (9, 8)):
        live = [with_hash(deployment())]
        live[0]["spec"] = {**live[0]["spec"], "replicas": there}
        found = steps([deployment()], live, bounds=Bounds(2, 8))
        assert names(found) == [f"HandOver Deployment {right}"]


def test_what_keda_made_goes_after_its_scaled_object_and_before_the_number_is_written() -> None:
    of_keda = child("HorizontalPodAutoscaler", "keda-hpa-cart", owner="uid-of-scaled-object")
    of_keda["metadata"]["ownerReferences"][0] |= {"kind": "ScaledObject", "name": "cart"}
    live = [with_hash(deployment()), of_keda, with_hash(child("ScaledObject"))]
    found = [
        step for stage in stages(steps([deployment(replicas=3)], live)) for chain in stage for step in chain
    ]
    assert names(found) == ["Delete ScaledObject", "Delete HorizontalPodAutoscaler", "Apply Deployment"]


def test_an_autoscaler_that_goes_goes_first() -> None:
    live = [with_hash(deployment()), with_hash(child("ScaledObject")), with_hash(child("Service"))]
    assert names(steps([deployment(replicas=3)], live)) == [
        "Delete ScaledObject",
        "Apply Deployment",
        "Delete Service",
    ]


def test_a_closed_gate_holds_the_deployment_and_an_autoscaler_without_one() -> None:
    job = child("Job", "cart-migrate-1")
    job["metadata"]["labels"] = {**LABELS, "app.kubernetes.io/component": "migration"}
    desired = [
        child("Service"),
        job,
        deployment(replicas=1),
        child("ScaledObject"),
    ]
    waiting = Gate("WaitingForDatabase", job="cart-migrate-1")
    migrating = Gate("Migrating", job="cart-migrate-1")
    assert names(steps(desired, [], waiting)) == ["Apply Service"]
    assert names(steps(desired, [], migrating)) == ["Apply Service", "Apply Job"]
    old = with_hash(deployment(replicas=4))
    assert names(steps(desired, [old], migrating)) == ["Apply Service", "Apply Job", "Apply ScaledObject"]


MIGRATING = Gate("Migrating", job="cart-migrate-1")


def deployed(image: str, **spec: Any) -> dict[str, Any]:
    return deployment(**spec, template={"image": image})


def test_drift_of_a_held_deployment_goes_back_to_what_was_applied_and_not_to_the_new_image() -> None:
    old, new = deployed("x:1", replicas=2, paused=False), deployed("x:2", replicas=2, paused=False)
    live = with_hash(old, migrates=True)
    assert steps([new], [live], MIGRATING) == []
    edited = {**live, "spec": {**live["spec"], "paused": True, "template": {"image": "x:3"}}}
    (repair,) = steps([new], [edited], MIGRATING)
    assert isinstance(repair, Apply)
    assert repair.manifest["spec"] == old["spec"]
    assert set(repair.drift) == {("f:spec", "f:paused"), ("f:spec", "f:template", "f:image")}


def test_a_held_deployment_follows_the_number_of_pods_and_lets_an_autoscaler_have_it() -> None:
    live = with_hash(deployed("x:1", replicas=2), migrates=True)
    (scaled,) = steps([deployed("x:2", replicas=5)], [live], MIGRATING)
    assert isinstance(scaled, Apply)
    assert scaled.manifest["spec"] == deployed("x:1", replicas=5)["spec"]
    released, kept = steps([deployed("x:2")], [{**live, "ownsReplicas": True}], MIGRATING, fewest=1)
    assert released == HandOver(Ref("Deployment", "shop", "cart"), 2)
    assert isinstance(kept, Apply)
    assert kept.manifest["spec"] == deployed("x:1")["spec"]


def test_a_held_deployment_that_was_deleted_is_made_again_as_the_version_before() -> None:
    (again,) = steps([deployed("x:2")], [], MIGRATING, standing=deployed("x:1"))
    assert isinstance(again, Apply)
    assert again.manifest["spec"] == deployed("x:1")["spec"]


def test_a_record_that_somebody_edited_is_not_believed_and_a_missing_one_is_written() -> None:
    live = with_hash(deployed("x:1"), migrates=True)
    assert last_applied(live) == deployed("x:1")
    live["metadata"]["annotations"]["shopservice.dev/last-applied"] = '{"spec": {"replicas": 0}}'
    assert last_applied(live) is None
    unrecorded = with_hash(deployed("x:1"))
    assert last_applied(unrecorded) is None
    (record,) = steps([deployed("x:1")], [unrecorded], Gate("Open", job="cart-migrate-1"))
    assert isinstance(record, Apply)
    assert last_applied(record.manifest) == deployed("x:1")


def test_what_pods_stand_on_comes_before_them_and_an_autoscaler_after() -> None:
    made: list[Step] = [
        Apply(child(kind), None)
        for kind in ("Deployment", "ScaledObject", "NetworkPolicy", "Secret", "StatefulSet")
    ]
    deployment_ = Ref("Deployment", "shop", "cart")
    found = stages(
        [Delete(child("Service", "old")), *made, HandOver(deployment_, 2),
         Delete(child("HorizontalPodAutoscaler"))]
    )  # fmt: skip
    assert [[names(chain) for chain in stage] for stage in found] == [
        [["Delete HorizontalPodAutoscaler"]],
        [["Apply NetworkPolicy"], ["Apply Secret"]],
        [["Apply Deployment", "HandOver Deployment 2"], ["Apply StatefulSet"]],
        [["Apply ScaledObject"]],
        [["Delete Service"]],
    ]


def test_the_finished_job_of_this_image_is_kept_and_older_ones_go() -> None:
    live = [child("Job", "cart-migrate-1"), child("Job", "cart-migrate-2")]
    (gone,) = steps([], live, Gate("Open", job="cart-migrate-2"))
    assert isinstance(gone, Delete)
    assert ref_of(gone.live) == Ref("Job", "shop", "cart-migrate-1")


def test_what_is_made_once_is_left_alone_afterwards() -> None:
    once = {"shopservice.dev/apply-policy": "Once"}
    job = child("Job", "cart-migrate-1", spec={"a": 1})
    job["metadata"]["annotations"] = once
    assert names(steps([job], [], Gate("Migrating", job="cart-migrate-1"))) == ["Create Job"]
    edited = {**job, "spec": {"a": 2}}
    assert steps([job], [edited], Gate("Migrating", job="cart-migrate-1")) == []


GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def going(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], **GOING}}


def test_what_is_being_deleted_is_neither_written_nor_deleted_again() -> None:
    assert steps([], [going(child("Service"))]) == []
    assert steps([child("Service")], [going(with_hash(child("Service", spec={"type": "x"})))]) == []
    there = going(with_hash(deployment()))
    there["spec"] = {**there["spec"], "replicas": 0}
    assert steps([deployment()], [there], bounds=Bounds(2, 8)) == []


def test_what_a_step_does_is_said_in_a_line() -> None:
    old = with_hash(deployment(replicas=1))
    said = {
        "Create": described(Create(child("Secret"))),
        "Apply": described(Apply(child("Service"), None)),
        "change": described(Apply(with_hash(deployment(replicas=2, paused=True)), old)),
        "fewer fields": described(Apply(with_hash(deployment()), old)),
        "Delete": described(Delete(child("Service"))),
        "Conflict": described(Conflict(child("Service"), child("Service"))),
        "HandOver": described(HandOver(Ref("Deployment", "shop", "cart"), 2)),
    }
    assert {step: list(lines) for step, lines in said.items()} == {
        "Create": ["+ Secret cart"],
        "Apply": ["+ Service cart"],
        "change": ["~ Deployment cart: spec.replicas, spec.paused"],
        "fewer fields": ["~ Deployment cart: fields no longer wanted are removed"],
        "Delete": ["- Service cart"],
        "Conflict": ["! Service cart: exists and is not this service's; it would be left alone"],
        "HandOver": [],
    }


def test_only_what_migrates_is_recorded_and_only_the_services_own_deployment() -> None:
    def recorded(manifest: dict[str, Any], *, migrates: bool) -> bool:
        return (
            "shopservice.dev/last-applied"
            in with_hash(manifest, migrates=migrates)["metadata"]["annotations"]
        )

    assert recorded(deployment(), migrates=True)
    assert not recorded(deployment(), migrates=False)
    assert not recorded(child("Service"), migrates=True)
    other = deployment()
    other["metadata"]["labels"] = {**LABELS, "app.kubernetes.io/component": "database"}
    assert not recorded(other, migrates=True)
    other["metadata"]["labels"] = {}
    assert not recorded(other, migrates=True)


def test_the_record_is_as_short_as_it_can_be_and_other_annotations_stay() -> None:
    manifest = deployment()
    manifest["metadata"]["annotations"] = {"a": "b"}
    annotations = with_hash(manifest, migrates=True)["metadata"]["annotations"]
    assert annotations["a"] == "b"
    assert ": " not in annotations["shopservice.dev/last-applied"]
    assert manifest["metadata"]["annotations"] == {"a": "b"}, "what was given is not changed"


def test_what_is_made_is_recorded_from_the_first_time_where_there_are_migrations() -> None:
    (made,) = steps([deployment()], [], Gate("Open", job="cart-migrate-1"))
    assert isinstance(made, Apply)
    assert last_applied(made.manifest) == deployment()
    (made,) = steps([deployment()], [])
    assert isinstance(made, Apply)
    assert last_applied(made.manifest) is None


def test_a_deployment_that_names_no_number_has_one_pod() -> None:
    assert names(steps([deployment()], [with_hash(deployment())], bounds=Bounds(2, 8))) == [
        "HandOver Deployment 2"
    ]
    assert steps([deployment()], [with_hash(deployment())], bounds=Bounds(1, 8)) == []
    released = {**with_hash(deployment(paused=True)), "ownsReplicas": True}
    assert names(steps([deployment()], [released]))[0] == "HandOver Deployment 1"


def test_a_job_by_the_clock_waits_for_the_migration_and_keeps_the_image_of_before() -> None:
    job = child("CronJob", "cart-sweep", spec={"schedule": "@daily"})
    before = with_hash(child("CronJob", "cart-sweep", spec={"schedule": "@hourly"}))
    closed = Gate("Migrating", job="cart-migrate-1")
    assert names(steps([job], [], closed)) == []
    assert names(steps([job], [before], closed)) == []
    assert names(steps([job], [])) == ["Apply CronJob"]
    assert names(steps([job], [before])) == ["Apply CronJob"]


def test_a_job_that_is_no_longer_named_is_removed_also_during_a_migration() -> None:
    before = child("CronJob", "cart-sweep", spec={})
    run = child("Job", "cart-sweep-1", owner="of-the-cronjob", spec={})
    for gate in (OPEN, Gate("Migrating", job="cart-migrate-1")):
        assert names(steps([], [before, run], gate)) == ["Delete CronJob"]
