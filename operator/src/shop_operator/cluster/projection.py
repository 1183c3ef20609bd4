"""What is kept of an object that the API server sends: all that is compared or reported, nothing else."""

from __future__ import annotations

import sys
from typing import Any

Manifest = dict[str, Any]

MANAGER = "shop-operator"
# True in a projected Deployment while `replicas` is a field that our applies own.
OWNS_REPLICAS = "ownsReplicas"
# True in one whose `replicas` nobody has written yet: it is the API server's default.
DEFAULT_REPLICAS = "defaultReplicas"
_DROPPED_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
)


def project(manifest: Manifest, kind: str) -> Manifest:
    """The object without managedFields, and of a Pod only what says how it does."""
    metadata = dict(manifest["metadata"])
    managed = metadata.pop("managedFields", None) or ()
    annotations = metadata.get("annotations")
    if annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if k not in _DROPPED_ANNOTATIONS}
    # Objects in a list come without these two.
    projected = {**manifest, "kind": kind, "metadata": metadata}
    if kind == "Pod":
        projected = _pod(projected)
    if kind == "Deployment":
        owners = [
            (entry.get("manager"), entry.get("operation"))
            for entry in managed
            if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        ]
        projected |= {OWNS_REPLICAS: (MANAGER, "Apply") in owners, DEFAULT_REPLICAS: not owners}
    compact: Manifest = _shared(projected)
    return compact


def _pod(pod: Manifest) -> Manifest:
    keep = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences", "deletionTimestamp")
    status = pod.get("status", {})
    containers = [
        {
            key: container[key]
            for key in ("name", "image", "ready", "restartCount", "state", "lastState")
            if key in container
        }
        for field in ("initContainerStatuses", "containerStatuses")
        for container in status.get(field, ())
    ]
    return {
        "kind": "Pod",
        "metadata": {key: pod["metadata"][key] for key in keep if key in pod["metadata"]},
        "spec": {"nodeName": pod.get("spec", {}).get("nodeName")},
        "status": {
            "phase": status.get("phase"),
            "conditions": [c for c in status.get("conditions", ()) if c["type"] in ("Ready", "PodScheduled")],
            "containerStatuses": containers,
        },
    }


def _shared(value: Any) -> Any:
    """The same value with equal short strings stored once: thousands of objects repeat the same words."""
    if isinstance(value, str):
        return sys.intern(value) if len(value) <= 64 else value
    if isinstance(value, dict):
        return {sys.intern(key): _shared(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shared(item) for item in value]
    return value
