"""The status: from objects to conditions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shop_operator.children import Gap
from shop_operator.status import Facts, report

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def service(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "ShopService",
        "metadata": {"name": "cart", "namespace": "shop", "generation": 3},
        "spec": {"image": "x:1", **spec},
        "status": status or {},
    }


def deployment(available: int = 2, **status: Any) -> dict[str, Any]:
    good = {"type": "Available", "status": "True" if available >= 2 else "False", "reason": "x"}
    return {
        "kind": "Deployment",
        "metadata": {"generation": 1},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 1, "updatedReplicas": 2, "replicas": 2, "readyReplicas": available,
            "availableReplicas": available, "conditions": [good], **status,
        },
    }  # fmt: skip


def pod(reason: str, component: str = "service", **container: Any) -> dict[str, Any]:
    state = {"state": {"waiting": {"reason": reason}}, "name": "main", "image": "x:2"}
    return {
        "kind": "Pod",
        "metadata": {"name": "cart-1", "labels": {"app.kubernetes.io/component": component}},
        "status": {"phase": "Pending", "conditions": [], "containerStatuses": [{**state, **container}]},
    }


def facts(live: dict[str, Any] | None = None, **more: Any) -> Facts:
    given = {"service": service(), "children": {("Deployment", "cart"): live}, **more}
    return Facts(**given)


def conditions(of: Facts) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in report(of, NOW)["conditions"]}


def test_all_well() -> None:
    assert conditions(facts(deployment())) == {
        "Ready": ("True", "Available"),
        "Progressing": ("False", "Stable"),
        "Degraded": ("False", "AsExpected"),
        "Reconciled": ("True", "Applied"),
    }


def test_the_same_facts_give_the_same_status_and_times_stay() -> None:
    first = report(facts(deployment()), NOW)
    again = facts(deployment(), service=service(first))
    assert report(again, NOW + timedelta(hours=1)) == first
    broken = report(facts(deployment(available=0), service=service(first)), NOW + timedelta(hours=1))
    times = {c["type"]: c["lastTransitionTime"] for c in broken["conditions"]}
    assert times["Ready"] == "2026-11-21T09:00:00Z"
    assert times["Reconciled"] == "2026-11-21T08:00:00Z"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("ErrImagePull", "ImagePullFailed"),
        ("ImagePullBackOff", "ImagePullFailed"),
        ("ErrImageNeverPull", "ImagePullFailed"),
        ("CrashLoopBackOff", "CrashLoopBackOff"),
        ("CreateContainerConfigError", "ContainerConfigError"),
    ],
)
def test_a_pod_that_does_not_come_up_degrades_and_the_old_ones_serve(reason: str, told: str) -> None:
    found = facts(deployment(updatedReplicas=1), others=(pod(reason),))
    assert conditions(found)["Degraded"] == ("True", told)
    assert conditions(found)["Ready"] == ("True", "Available")
    assert conditions(found)["Progressing"] == ("True", "RollingOut")


def test_a_crash_is_told_with_the_last_words() -> None:
    ended = {"terminated": {"reason": "Error", "exitCode": 3, "message": "no such table"}}
    found = report(facts(deployment(), others=(pod("CrashLoopBackOff", lastState=ended),)), NOW)
    message = next(c["message"] for c in found["conditions"] if c["type"] == "Degraded")
    assert message == "container main of pod cart-1 ends with Error (exit code 3): no such table"


def test_the_worst_failure_is_told() -> None:
    found = facts(deployment(), others=(pod("CrashLoopBackOff"), pod("ErrImagePull")))
    assert conditions(found)["Degraded"] == ("True", "ImagePullFailed")


def test_without_deployment_it_is_not_ready() -> None:
    found = conditions(facts(None))
    assert found["Ready"] == ("False", "NotDeployed")
    assert found["Progressing"] == ("True", "RollingOut")


def test_a_database_that_is_down_is_told_in_three_places() -> None:
    status = report(facts(deployment(), service=service(database={})), NOW)
    found = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert found["DatabaseReady"] == ("False", "Missing")
    assert found["Ready"] == ("False", "DatabaseNotReady")
    assert status["database"] == "NotReady"
    assert report(facts(deployment()), NOW)["database"] == "-"


AUTOSCALED = {"autoscaling": {"max": 3, "metrics": [{"type": "Cpu", "target": "70"}]}}


def scaler(kind: str, condition: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {},
        "status": {"conditions": [{"type": condition, "status": status, "reason": reason}]},
    }


def falling_back(status: str) -> dict[str, Any]:
    """A ScaledObject that is Ready, and whether it has to do without a metric."""
    found = scaler("ScaledObject", "Ready", "True", "Ok")
    reason = "FallbackExists" if status == "True" else "NoFallbackFound"
    found["status"]["conditions"].append({"type": "Fallback", "status": status, "reason": reason})
    return found


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, ("False", "Pending")),
        ({"gaps": (Gap("AutoscalingActive", "MetricNotAvailable", "x"),)}, ("False", "MetricNotAvailable")),
        ({"others": (scaler("ScaledObject", "Ready", "True", "Ok"),)}, ("True", "Ok")),
        ({"others": (scaler("ScaledObject", "Ready", "False", "Bad"),)}, ("False", "Bad")),
        ({"others": (scaler("HorizontalPodAutoscaler", "ScalingActive", "True", "ValidMetricFound"),)},
         ("True", "ValidMetricFound")),
        ({"others": (scaler("ScaledObject", "Ready", "True", "Ok"),
                     scaler("HorizontalPodAutoscaler", "ScalingActive", "False", "FailedGetExternalMetric"))},
         ("False", "FailedGetExternalMetric")),
        # Scaled to zero the HPA sleeps: nothing is wrong.
        ({"others": (scaler("ScaledObject", "Ready", "True", "Ok"),
                     scaler("HorizontalPodAutoscaler", "ScalingActive", "False", "ScalingDisabled"))},
         ("True", "Ok")),
        # In its place KEDA invents a number by which nothing changes: the HPA is content with that.
        ({"others": (falling_back("True"),
                     scaler("HorizontalPodAutoscaler", "ScalingActive", "True", "ValidMetricFound"))},
         ("False", "FallbackExists")),
        ({"others": (falling_back("False"),)}, ("True", "Ok")),
    ],
)  # fmt: skip
def test_the_autoscaler(more: dict[str, Any], told: tuple[str, str]) -> None:
    assert conditions(facts(deployment(), service=service(**AUTOSCALED), **more))["AutoscalingActive"] == told


def rule() -> dict[str, Any]:
    return {"kind": "PrometheusRule", "metadata": {"name": "cart"}}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"gaps": (Gap("ObjectivesWatched", "KindNotAvailable", "x"),)}, ("False", "KindNotAvailable")),
        ({"gaps": (Gap("AutoscalingActive", "MetricNotAvailable", "x"),)}, ("False", "Missing")),
        ({"children": {("PrometheusRule", "cart"): rule()}}, ("True", "Applied")),
    ],
)
def test_whether_somebody_watches_the_objectives(more: dict[str, Any], told: tuple[str, str]) -> None:
    assert (
        conditions(facts(service=service(slo={"availability": "99.9"}), **more))["ObjectivesWatched"] == told
    )
    assert "ObjectivesWatched" not in conditions(facts(**more))


@pytest.mark.parametrize(("available", "least", "ready"), [(1, 1, "True"), (1, 2, "False"), (0, 1, "False")])
def test_while_an_autoscaler_adds_pods_the_service_is_ready(available: int, least: int, ready: str) -> None:
    autoscaling = {"autoscaling": {**AUTOSCALED["autoscaling"], "min": least}}
    found = conditions(facts(deployment(available), service=service(**autoscaling)))
    assert found["Ready"][0] == ready


def test_fewer_pods_than_a_fixed_number_are_not_enough() -> None:
    assert conditions(facts(deployment(1), service=service(replicas=2)))["Ready"] == ("False", "Unavailable")


def test_problems_are_told_together() -> None:
    found = facts(deployment(), problems=(("ChildConflict", "Service cart"), ("ChildRefused", "Job: no")))
    told = next(c for c in report(found, NOW)["conditions"] if c["type"] == "Reconciled")
    assert (told["status"], told["reason"], told["message"]) == (
        "False",
        "ChildConflict",
        "Service cart; Job: no",
    )


def test_a_repair_stays_to_be_read_until_the_spec_changes() -> None:
    repaired = facts(deployment(), repaired={("Deployment", "cart"): "spec.replicas was changed by x"})
    first = report(repaired, NOW)
    assert first["children"][0]["reason"] == "Repaired: spec.replicas was changed by x"
    later = report(facts(deployment(), service=service(first)), NOW)
    assert later["children"][0]["reason"] == "Repaired: spec.replicas was changed by x"
    changed = service(first)
    changed["metadata"]["generation"] = 4
    assert report(facts(deployment(), service=changed), NOW)["children"][0]["reason"] == "Available"


def test_of_an_invalid_spec_nothing_is_derived() -> None:
    before = {"target": "Cpu 70", "url": "http://cart.shop.svc"}
    broken = service(before)
    broken["spec"] = {"ports": "many", "autoscaling": "yes"}
    status = report(facts(deployment(), service=broken, valid=False), NOW)
    assert (status["target"], status["url"]) == ("Cpu 70", "http://cart.shop.svc")


RECREATED = service(rollout={"type": "Recreate"})


def test_a_pause_that_is_meant_to_be_is_told_as_such() -> None:
    between = deployment(available=0, updatedReplicas=0, replicas=0)
    found = report(facts(between, service=RECREATED), NOW)
    told = {c["type"]: (c["status"], c["reason"], c["message"]) for c in found["conditions"]}
    said = "spec.rollout.type is Recreate: the old pods end before the new ones start"
    assert told["Ready"] == ("False", "Recreating", said)
    assert told["Progressing"] == ("True", "RollingOut", said)
    assert conditions(facts(deployment(available=0), service=RECREATED))["Ready"] == ("False", "Unavailable")
    assert conditions(facts(between))["Ready"] == ("False", "Unavailable")


def test_pods_that_may_not_be_made_degrade() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no account"}
    status = report(facts(deployment(conditions=[refused])), NOW)
    told = next(c for c in status["conditions"] if c["type"] == "Degraded")
    assert (told["status"], told["reason"]) == ("True", "FailedCreate")
    assert told["message"] == "Deployment cart: no account"
    assert (
        conditions(facts(deployment(conditions=[{**refused, "status": "False"}])))["Degraded"][0] == "False"
    )


@pytest.mark.parametrize(
    ("job", "degraded"),
    [
        ({}, "False"),  # its controller has not seen it yet
        ({"startTime": "x"}, "True"),
        ({"startTime": "x", "active": 1}, "False"),
        ({"startTime": "x", "failed": 1}, "False"),
        ({"startTime": "x", "succeeded": 1}, "False"),
    ],
)
def test_a_migration_that_cannot_make_its_pod_degrades(job: dict[str, Any], degraded: str) -> None:
    live = {"kind": "Job", "metadata": {"name": "cart-migrate-1"}, "status": job}
    children = {("Deployment", "cart"): deployment(), ("Job", "cart-migrate-1"): live}
    found = facts(children=children, phase="Migrating", job="cart-migrate-1")
    assert conditions(found)["Degraded"][0] == degraded


def test_what_a_gap_degrades_is_told_after_what_is_missing() -> None:
    gap = Gap("Degraded", "IssuerKeysUnavailable", "no keys")
    assert conditions(facts(deployment(), gaps=(gap,)))["Degraded"] == ("True", "IssuerKeysUnavailable")
    worse = facts(deployment(), gaps=(gap,), missing_dependencies=("catalog",))
    assert conditions(worse)["Degraded"] == ("True", "DependencyMissing")


def cron_job(suspend: bool = False, **status: Any) -> dict[str, Any]:
    return {"kind": "CronJob", "metadata": {}, "spec": {"suspend": suspend}, "status": status}


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (None, (False, "Missing")),
        (cron_job(), (True, "Scheduled")),
        (cron_job(suspend=True), (True, "Suspended")),
        (cron_job(active=[{}], lastScheduleTime="2026-11-21T03:00:00Z"), (True, "Running")),
        (
            cron_job(lastScheduleTime="2026-11-21T03:00:00Z", lastSuccessfulTime="2026-11-21T03:01:00Z"),
            (True, "Complete"),
        ),
        (
            cron_job(lastScheduleTime="2026-11-21T03:00:00Z", lastSuccessfulTime="2026-11-20T03:01:00Z"),
            (False, "LastRunFailed"),
        ),
    ],
)
def test_a_job_by_the_clock_says_how_its_last_run_went(live: Any, expected: tuple[bool, str]) -> None:
    children = {("Deployment", "cart"): deployment(), ("CronJob", "cart-sweep"): live}
    [_, shown] = report(facts(children=children), NOW)["children"]
    assert (shown["ready"], shown["reason"]) == expected


def test_a_run_that_failed_degrades_the_service_and_its_last_words_are_told() -> None:
    failed = cron_job(lastScheduleTime="2026-11-21T03:00:00Z")
    words = {"terminated": {"exitCode": 1, "message": "no events yet", "finishedAt": "2026-11-21T03:01:00Z"}}
    ended = pod("", "job", state=words)
    ended["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "cart-sweep-29123456"}]
    other = pod("", "job", state={"terminated": {"exitCode": 1, "message": "another job"}})
    other["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "cart-train-29123456"}]
    children = {("Deployment", "cart"): deployment(), ("CronJob", "cart-sweep"): failed}
    found = report(facts(children=children, others=(ended, other)), NOW)
    [degraded] = [c for c in found["conditions"] if c["type"] == "Degraded"]
    assert (degraded["status"], degraded["reason"]) == ("True", "JobFailed")
    assert degraded["message"] == (
        "CronJob cart-sweep: the run of 2026-11-21T03:00:00Z has not ended well. It said: no events yet "
        "`kubectl -n shop get jobs` shows its runs, and `logs job/…` what they said"
    )
    assert conditions(facts(children=children))["Ready"] == ("True", "Available")


def test_a_job_whose_image_cannot_be_pulled_is_told() -> None:
    found = conditions(facts(deployment(), others=(pod("ErrImagePull", "job"),)))
    assert found["Degraded"] == ("True", "ImagePullFailed")


SHARED = {"mode": "shared", "shared": {"service": "notification"}}


def test_a_shared_database_is_ready_when_that_of_its_service_is() -> None:
    there = report(facts(deployment(), service=service(database=SHARED)), NOW)
    assert (there["database"], there["binding"]) == ("Ready", {"name": "notification-db"})
    [ready] = [c for c in there["conditions"] if c["type"] == "DatabaseReady"]
    assert (ready["reason"], ready["message"]) == ("Shared", "the database of ShopService notification")
    gap = Gap("DatabaseReady", "ServiceMissing", "there is none")
    missing = facts(deployment(), service=service(database=SHARED), gaps=(gap,))
    assert conditions(missing)["DatabaseReady"] == ("False", "ServiceMissing")
    assert conditions(missing)["Ready"] == ("False", "DatabaseNotReady")
