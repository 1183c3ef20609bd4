"""How one live object does: pure, from its status as its own controller wrote it."""

from __future__ import annotations

from typing import Any, NamedTuple

Manifest = dict[str, Any]


class Health(NamedTuple):
    """Whether an object does its work, and one word why (PascalCase, as in a condition)."""

    ready: bool
    reason: str
    message: str = ""


def health(live: Manifest | None) -> Health:
    """Health of a child; None is one that should be there and is not."""
    if live is None:
        return Health(False, "Missing")
    if live["metadata"].get("deletionTimestamp"):
        return Health(False, "Terminating")
    match live["kind"]:
        case "Deployment":
            return _deployment(live)
        case "StatefulSet":
            return _stateful_set(live)
        case "Job":
            return _job(live)
        case "CronJob":
            return _cron_job(live)
        case "PersistentVolumeClaim":
            phase = live.get("status", {}).get("phase", "Pending")
            return Health(phase == "Bound", phase)
        case "HorizontalPodAutoscaler":
            return _from_condition(live, "ScalingActive")
        case "ScaledObject":
            return _from_condition(live, "Ready")
    return Health(True, "Applied")


def condition(live: Manifest, kind: str) -> dict[str, Any] | None:
    """The condition of that type in the object's status."""
    found: dict[str, Any] | None = next(
        (c for c in live.get("status", {}).get("conditions") or () if c["type"] == kind), None
    )
    return found


def observed(live: Manifest) -> bool:
    """Whether the controller has seen the latest spec."""
    generation: int = live["metadata"].get("generation", 0)
    seen: int = live.get("status", {}).get("observedGeneration", 0)
    return seen >= generation


def _deployment(live: Manifest) -> Health:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    progressing = condition(live, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        return Health(False, "ProgressDeadlineExceeded", progressing.get("message", ""))
    if not observed(live) or status.get("updatedReplicas", 0) < wanted:
        return Health(False, "RollingOut")
    if status.get("availableReplicas", 0) < wanted:
        return Health(
            False, "Unavailable", f"{status.get('availableReplicas', 0)} of {wanted} pods are available"
        )
    if status.get("replicas", 0) > wanted:
        return Health(False, "RollingOut", "pods of the version before are still there")
    return Health(True, "Available" if wanted else "ScaledToZero")


def _stateful_set(live: Manifest) -> Health:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    if not observed(live) or status.get("updateRevision") != status.get("currentRevision"):
        # While its one pod is replaced, a database is not there.
        ready = status.get("readyReplicas", 0) >= wanted and observed(live)
        return Health(ready, "Updating")
    if status.get("readyReplicas", 0) < wanted:
        return Health(False, "Starting", f"{status.get('readyReplicas', 0)} of {wanted} pods are ready")
    return Health(True, "Available")


def _job(live: Manifest) -> Health:
    failed, complete = condition(live, "Failed"), condition(live, "Complete")
    if failed and failed["status"] == "True":
        return Health(False, "Failed", failed.get("message", ""))
    if complete and complete["status"] == "True":
        return Health(True, "Complete")
    return Health(False, "Running")


def _cron_job(live: Manifest) -> Health:
    status = live.get("status", {})
    if status.get("active"):
        return Health(True, "Running")
    began, succeeded = status.get("lastScheduleTime", ""), status.get("lastSuccessfulTime", "")
    if began > succeeded:  # both are UTC, in one form
        return Health(False, "LastRunFailed", f"the run of {began} has not ended well")
    if live["spec"].get("suspend"):
        return Health(True, "Suspended")
    return Health(True, "Complete" if succeeded else "Scheduled")


def _from_condition(live: Manifest, kind: str) -> Health:
    found = condition(live, kind)
    if found is None:
        return Health(False, "Pending")
    return Health(found["status"] == "True", found.get("reason") or kind, found.get("message", ""))
