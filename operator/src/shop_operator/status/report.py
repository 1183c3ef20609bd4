"""The status of a ShopService: what is reported, computed from what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shop_operator.children import Gap
from shop_operator.status.conditions import Condition, merge, summary
from shop_operator.status.health import Health, condition, health
from shop_operator.status.pods import failure, last_words

Manifest = dict[str, Any]
Child = tuple[str, str]  # kind and name

REPAIRED = "Repaired: "
RECREATE = "spec.rollout.type is Recreate: the old pods end before the new ones start"


@dataclass(frozen=True)
class Facts:
    """All that a status depends on."""

    service: Manifest
    # The children that should be there, as they are; None where there is none.
    children: Mapping[Child, Manifest | None] = field(default_factory=dict)
    # Other objects with the service's label: pods, and the HPA that KEDA made.
    others: tuple[Manifest, ...] = ()
    # Reason and message of what keeps the children from being as the spec says.
    problems: tuple[tuple[str, str], ...] = ()
    missing_dependencies: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    # Whether the data outlives its namespace; None where there is none to be kept.
    protection: Condition | None = None
    phase: str = "Open"
    job: str = ""
    migrated_image: str | None = None
    # What was put right in this reconcile, for people: by child.
    repaired: Mapping[Child, str] = field(default_factory=dict)
    # What is not done because the service is suspended, a line each; None where it is not.
    suspended: tuple[str, ...] | None = None
    # Whether the spec could be read. If not, the children are those that were last reported.
    valid: bool = True

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as it is stored, valid or not."""
        spec = self.service.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def name(self) -> str:
        """Name of the service."""
        name: str = self.service["metadata"]["name"]
        return name

    @property
    def before(self) -> dict[str, Any]:
        """The status as it was last written."""
        status: dict[str, Any] = self.service.get("status") or {}
        return status

    def child(self, kind: str, name: str) -> Manifest | None:
        """One of the children, if it is there."""
        return self.children.get((kind, name))

    def pods(self, *components: str) -> list[Manifest]:
        """Pods of these components."""
        return [
            pod
            for pod in self.others
            if pod["kind"] == "Pod"
            and pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") in components
        ]


def report(facts: Facts, now: datetime) -> dict[str, Any]:
    """The whole status. Equal facts give an equal status, so it is written only on change."""
    deployment = facts.child("Deployment", facts.name) or {}
    generation = facts.service["metadata"].get("generation", 0)
    database = _database(facts)
    # Pods that have the address of an external database go on without its Secret.
    own = None if _external(facts) else database
    conditions = [_ready(facts, own), _progressing(facts, own), _degraded(facts)]
    conditions += [
        one for one in (database, facts.protection, _autoscaling(facts), _objectives(facts)) if one
    ]
    conditions.append(_reconciled(facts))
    status: dict[str, Any] = {
        "observedGeneration": generation,
        "summary": summary(conditions),
        "conditions": merge(conditions, facts.before.get("conditions", ()), generation=generation, now=now),
        "children": [_child(facts, kind, name, live) for (kind, name), live in facts.children.items()],
        "replicas": deployment.get("status", {}).get("replicas", 0),
        "readyReplicas": deployment.get("status", {}).get("readyReplicas", 0),
        "selector": f"shopservice.dev/name={facts.name},app.kubernetes.io/component=service",
        "database": "-" if database is None else "Ready" if database.status else "NotReady",
    }
    status |= _derived(facts) if facts.valid else {k: v for k, v in facts.before.items() if k in _DERIVED}
    if facts.migrated_image:
        status["migratedImage"] = facts.migrated_image
    return status


def _ready(facts: Facts, database: Condition | None) -> Condition:
    """Whether the service serves: any version of it, with enough pods."""
    deployment = facts.child("Deployment", facts.name)
    if deployment is None:
        return Condition("Ready", False, "NotDeployed", "there is no Deployment yet")
    wanted = deployment["spec"].get("replicas", 1)
    available = deployment.get("status", {}).get("availableReplicas", 0)
    enough = condition(deployment, "Available")
    if database is not None and not database.status:
        return Condition("Ready", False, "DatabaseNotReady", database.message)
    if wanted == 0:
        return Condition("Ready", True, "ScaledToZero")
    # Pods that an autoscaler has just asked for are more of what serves already.
    autoscaling = facts.spec.get("autoscaling") if facts.valid else None
    scaling_out = autoscaling is not None and available >= max(1, autoscaling.get("min", 1))
    if scaling_out or (enough is not None and enough["status"] == "True"):
        return Condition("Ready", True, "Available")
    if _recreating(facts):
        return Condition("Ready", False, "Recreating", RECREATE)
    return Condition("Ready", False, "Unavailable", f"{available} of {wanted} pods are available")


def _recreating(facts: Facts) -> bool:
    """Whether nothing serves because the rollout is meant to be like that."""
    rollout = facts.spec.get("rollout") if facts.valid else None
    if (rollout or {}).get("type") != "Recreate":
        return False
    return health(facts.child("Deployment", facts.name)).reason == "RollingOut"


def _progressing(facts: Facts, database: Condition | None) -> Condition:
    """Whether something is on its way from the old state to the new one."""
    if facts.phase in ("WaitingForDatabase", "Migrating"):
        message = {
            "WaitingForDatabase": "the migration starts when the database is ready",
            "Migrating": f"Job {facts.job} brings the database to the schema of {facts.spec.get('image')}",
        }[facts.phase]
        return Condition("Progressing", True, facts.phase, message)
    state = health(facts.child("Deployment", facts.name))
    if facts.phase == "Open" and state.reason in ("RollingOut", "Missing") and facts.valid:
        message = RECREATE if _recreating(facts) else state.message
        return Condition("Progressing", True, "RollingOut", message)
    if database is not None and not database.status:
        return Condition("Progressing", True, "DatabaseStarting", database.message)
    for gap in facts.gaps:
        if gap.condition == "Progressing":
            return Condition("Progressing", True, gap.reason, gap.message)
    return Condition("Progressing", False, "Stable")


def _degraded(facts: Facts) -> Condition:
    """Whether something is wrong that does not mend itself."""
    if facts.phase == "MigrationFailed":
        said = last_words(facts.pods("migration"))
        return Condition(
            "Degraded", True, "MigrationFailed",
            f"Job {facts.job} failed, {_runs(facts)}. "
            + (f"It said: {said} " if said else "")
            + f"Read `kubectl -n {facts.service['metadata']['namespace']} logs job/{facts.job}`; "
            "then set another image, or delete the Job to run it again",
        )  # fmt: skip
    found = failure(facts.pods("service", "migration", "job", "database", "cache", "rotation"))
    if found:
        return Condition("Degraded", True, found.reason, found.message)
    if refused := _refused_pods(facts):
        return refused
    state = health(facts.child("Deployment", facts.name))
    if state.reason == "ProgressDeadlineExceeded":
        return Condition("Degraded", True, state.reason, state.message)
    if failed := _failed_job(facts):
        return failed
    if facts.missing_dependencies:
        names = ", ".join(facts.missing_dependencies)
        message = f"spec.dependsOn: there is no ShopService {names}; calls to it fail until there is"
        return Condition("Degraded", True, "DependencyMissing", message)
    for gap in facts.gaps:
        if gap.condition == "Degraded":
            return Condition("Degraded", True, gap.reason, gap.message)
    return Condition("Degraded", False, "AsExpected")


def _failed_job(facts: Facts) -> Condition | None:
    """A job of spec.jobs whose last run has failed, for as long as no other has ended well."""
    for (kind, name), live in facts.children.items():
        state = health(live)
        if kind == "CronJob" and state.reason == "LastRunFailed":
            said = last_words([pod for pod in facts.pods("job") if _is_of(pod, name)])
            namespace = facts.service["metadata"]["namespace"]
            return Condition(
                "Degraded", True, "JobFailed",
                f"CronJob {name}: {state.message}. " + (f"It said: {said} " if said else "")
                + f"`kubectl -n {namespace} get jobs` shows its runs, and `logs job/…` what they said",
            )  # fmt: skip
    return None


def _is_of(pod: Manifest, cron_job: str) -> bool:
    """Whether a pod is of a run of the CronJob: its Job is called as that, a dash and the time."""
    owners: Iterable[dict[str, Any]] = pod["metadata"].get("ownerReferences", ())
    return any(owner["name"].rpartition("-")[0] == cron_job for owner in owners)


def _runs(facts: Facts) -> str:
    return "the version before keeps running" if facts.child("Deployment", facts.name) else "nothing runs yet"


def _refused_pods(facts: Facts) -> Condition | None:
    """Pods that the API server does not let be made: there is none to say so itself."""
    refused = condition(facts.child("Deployment", facts.name) or {}, "ReplicaFailure")
    if refused and refused["status"] == "True":
        message = f"Deployment {facts.name}: {refused.get('message', '')}"
        return Condition("Degraded", True, refused["reason"], message)
    job = (facts.child("Job", facts.job) or {}).get("status", {})
    if job.get("startTime") and not any(job.get(count) for count in ("active", "succeeded", "failed")):
        namespace = facts.service["metadata"]["namespace"]
        return Condition(
            "Degraded", True, "FailedCreate",
            f"Job {facts.job} cannot make its pod, for instance because spec.serviceAccount.name does not "
            f"exist: `kubectl -n {namespace} describe job/{facts.job}` says why",
        )  # fmt: skip
    return None


def _database(facts: Facts) -> Condition | None:
    if facts.spec.get("database") is None:
        return None
    for gap in facts.gaps:
        if gap.condition == "DatabaseReady":
            return Condition("DatabaseReady", False, gap.reason, gap.message)
    if external := _external(facts):
        return Condition("DatabaseReady", True, "Bound", f"Secret {external} of an external database")
    if lender := _lender(facts):
        return Condition("DatabaseReady", True, "Shared", f"the database of ShopService {lender}")
    state = health(facts.child("StatefulSet", f"{facts.name}-db"))
    message = state.message or ("" if state.ready else f"StatefulSet {facts.name}-db: {state.reason}")
    return Condition("DatabaseReady", state.ready, state.reason, message)


def _external(facts: Facts) -> str | None:
    """The Secret of an external database, if the spec can be read and names one."""
    database = facts.spec.get("database") if facts.valid else None
    return database["external"]["secretName"] if database and database.get("external") else None


def _lender(facts: Facts) -> str | None:
    """The ShopService whose database is shared, if the spec can be read and names one."""
    database = facts.spec.get("database") if facts.valid else None
    return database["shared"]["service"] if database and database.get("shared") else None


def _autoscaling(facts: Facts) -> Condition | None:
    for gap in facts.gaps:
        if gap.condition == "AutoscalingActive":
            return Condition("AutoscalingActive", False, gap.reason, gap.message)
    if facts.spec.get("autoscaling") is None:
        return None
    # KEDA makes an HPA of its own; what that one says of the metrics is closer to the truth.
    found = [child for child in (*facts.children.values(), *facts.others) if child]
    hpas = [child for child in found if child["kind"] == "HorizontalPodAutoscaler"]
    for hpa in hpas:
        active = condition(hpa, "ScalingActive")
        if active and active["status"] != "True" and active.get("reason") != "ScalingDisabled":
            return Condition("AutoscalingActive", False, active["reason"], active.get("message", ""))
    scalers = [child for child in found if child["kind"] == "ScaledObject"] or hpas
    if not scalers:
        return Condition("AutoscalingActive", False, "Pending", "there is no autoscaler yet")
    state, fallback = health(scalers[0]), condition(scalers[0], "Fallback")
    if state.ready and fallback and fallback["status"] == "True":
        # KEDA then gives the HPA numbers of its own making, in which that finds nothing wrong.
        message = f"a metric cannot be had, so the number of pods stays: {fallback.get('message', '')}"
        return Condition("AutoscalingActive", False, fallback["reason"], message)
    return Condition("AutoscalingActive", state.ready, state.reason, "" if state.ready else state.message)


def _objectives(facts: Facts) -> Condition | None:
    """Whether somebody is told when the service does not keep what it promises."""
    if facts.spec.get("slo") is None:
        return None
    for gap in facts.gaps:
        if gap.condition == "ObjectivesWatched":
            return Condition("ObjectivesWatched", False, gap.reason, gap.message)
    state = health(facts.child("PrometheusRule", facts.name))
    return Condition("ObjectivesWatched", state.ready, state.reason, state.message)


def _reconciled(facts: Facts) -> Condition:
    if facts.suspended is not None:
        waits = "; ".join(facts.suspended) or "nothing"
        message = f"spec.suspend: the children are left alone. What waits to be done: {waits}"
        return Condition("Reconciled", None, "Suspended", message)
    if not facts.problems:
        for gap in facts.gaps:
            if gap.condition == "Reconciled":
                return Condition("Reconciled", True, gap.reason, gap.message)
        return Condition("Reconciled", True, "Applied")
    reason = facts.problems[0][0]
    return Condition("Reconciled", False, reason, "; ".join(message for _, message in facts.problems))


def _child(facts: Facts, kind: str, name: str, live: Manifest | None) -> dict[str, Any]:
    state = health(live)
    return {"kind": kind, "name": name, "ready": state.ready, "reason": _reason(facts, kind, name, state)}


def _reason(facts: Facts, kind: str, name: str, state: Health) -> str:
    """Why it is not ready; and what was repaired, which stays to be read until the spec changes."""
    repaired = facts.repaired.get((kind, name)) or _repaired_before(facts, kind, name)
    if not repaired:
        return state.reason
    return f"{REPAIRED}{repaired}" if state.ready else f"{state.reason}; {REPAIRED}{repaired}"


def _repaired_before(facts: Facts, kind: str, name: str) -> str:
    if facts.before.get("observedGeneration") != facts.service["metadata"].get("generation"):
        return ""
    children: Iterable[dict[str, Any]] = facts.before.get("children", ())
    said = (child.get("reason", "") for child in children if (child["kind"], child["name"]) == (kind, name))
    return next(said, "").partition(REPAIRED)[2]


_DERIVED = ("target", "url", "binding")


def _derived(facts: Facts) -> dict[str, Any]:
    """What follows from the spec alone, if it can be read."""
    metrics = (facts.spec.get("autoscaling") or {}).get("metrics", ())
    found: dict[str, Any] = {
        "target": ", ".join(f"{m.get('name', m['type'])} {m['target']}" for m in metrics) or "-"
    }
    if ports := facts.spec.get("ports"):
        port = ports[0].get("servicePort", 80)
        suffix = "" if port == 80 else f":{port}"
        found["url"] = f"http://{facts.name}.{facts.service['metadata']['namespace']}.svc{suffix}"
    if facts.spec.get("database") is not None:
        found["binding"] = {"name": _external(facts) or f"{_lender(facts) or facts.name}-db"}
    return found
