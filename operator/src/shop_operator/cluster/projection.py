"""What is kept of an object that the API server sends: all that is compared or reported, nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

Manifest = dict[str, Any]

MANAGER = "shop-operator"
# True in a projected Deployment while `replicas` is a field that our applies own.
OWNS_REPLICAS = "ownsReplicas"
# True in one whose `replicas` nobody has written yet: it is the API server's default.
DEFAULT_REPLICAS = "defaultReplicas"
# Of a ConfigMap's values that are longer, only a digest is kept: scripts and dashboards are most of the data.
LONG_TEXT = 256

_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "labels",
    "annotations",
    "ownerReferences",
    "deletionTimestamp",
)
_DROPPED_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
)
# What is read of each kind's status. A change of anything else is no news: an HPA, for one, writes the
# metrics' values every 15 s.
_STATUS = {
    "Deployment": (
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "conditions",
    ),
    "StatefulSet": ("observedGeneration", "replicas", "readyReplicas", "currentRevision", "updateRevision"),
    "CronJob": ("active", "lastScheduleTime", "lastSuccessfulTime"),
    "Job": ("startTime", "active", "succeeded", "failed", "conditions"),
    "HorizontalPodAutoscaler": ("conditions",),
    "ScaledObject": ("conditions",),
    "PersistentVolumeClaim": ("phase", "capacity", "conditions"),
    "PersistentVolume": ("phase",),
}
_CONDITION = ("type", "status", "reason", "message")


def project(manifest: Manifest, kind: str) -> Manifest:
    """The object with what is of use in its metadata and status, and of a Pod only how it does."""
    source = manifest["metadata"]
    metadata = _picked(source, _METADATA)
    if annotations := source.get("annotations"):
        metadata["annotations"] = {k: v for k, v in annotations.items() if k not in _DROPPED_ANNOTATIONS}
    # Objects in a list come without their kind.
    projected = {**manifest, "kind": kind, "metadata": metadata}
    if kind == "Pod":
        projected = _pod(projected)
    elif kind != "ShopService" and "status" in projected:
        projected["status"] = _status(projected["status"], _STATUS.get(kind, ()))
    if kind == "Deployment":
        owners = [
            (entry.get("manager"), entry.get("operation"))
            for entry in source.get("managedFields") or ()
            if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        ]
        projected |= {OWNS_REPLICAS: (MANAGER, "Apply") in owners, DEFAULT_REPLICAS: not owners}
    return digested(projected)


def digested(manifest: Manifest) -> Manifest:
    """A ConfigMap with digests in place of long values, a PrometheusRule with one in place of each group's
    rules; what is wanted is compared in the same form."""
    match manifest:
        case {"kind": "ConfigMap", "data": {} as data}:
            return {**manifest, "data": {key: _digest(value) for key, value in data.items()}}
        case {"kind": "PrometheusRule", "spec": {"groups": [*groups]} as spec}:
            return {**manifest, "spec": {**spec, "groups": [_without_rules(group) for group in groups]}}
    return manifest


def _without_rules(group: Manifest) -> Manifest:
    """Dozens of rules would take more memory than all else that is kept of a service."""
    text = json.dumps(group.get("rules", ()), sort_keys=True)
    return {**group, "rules": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}


@lru_cache(maxsize=64)  # the same scripts, in every reconcile; a dashboard each would fill more
def _digest(text: str) -> str:
    return text if len(text) <= LONG_TEXT else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _picked(source: Manifest, fields: Iterable[str]) -> Manifest:
    return {field: source[field] for field in fields if field in source}


def _status(status: Manifest, fields: Iterable[str]) -> Manifest:
    kept = _picked(status, fields)
    if conditions := kept.get("conditions"):
        kept["conditions"] = [_picked(condition, _CONDITION) for condition in conditions]
    return kept


def _pod(pod: Manifest) -> Manifest:
    status = pod.get("status", {})
    containers = [
        _picked(container, ("name", "image", "ready", "restartCount", "state", "lastState"))
        for field in ("initContainerStatuses", "containerStatuses")
        for container in status.get(field, ())
    ]
    keep = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences", "deletionTimestamp")
    return {
        "kind": "Pod",
        "metadata": _picked(pod["metadata"], keep),
        "spec": {"nodeName": pod.get("spec", {}).get("nodeName")},
        "status": {
            "phase": status.get("phase"),
            "conditions": [c for c in status.get("conditions", ()) if c["type"] in ("Ready", "PodScheduled")],
            "containerStatuses": containers,
        },
    }
