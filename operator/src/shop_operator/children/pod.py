"""What all pods have in common: the `restricted` pod security profile, and how a binding is mounted."""

from typing import Any

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""securityContext of every container."""

BINDINGS = "/bindings"
"""Root of the Service Binding form (servicebinding.io)."""

TMP_VOLUME: dict[str, Any] = {"name": "tmp", "emptyDir": {}}
TMP_MOUNT: dict[str, Any] = {"name": "tmp", "mountPath": "/tmp"}


def security(uid: int) -> dict[str, Any]:
    """securityContext of a pod whose processes and volumes belong to one ordinary user."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "fsGroup": uid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def binding_volume(binding: str, secret: str) -> dict[str, Any]:
    """The volume of a binding: one file per key, which follows the Secret without a restart."""
    return {"name": f"binding-{binding}", "secret": {"secretName": secret, "defaultMode": 0o440}}


def binding_mount(binding: str) -> dict[str, Any]:
    """Where the binding is seen."""
    return {"name": f"binding-{binding}", "mountPath": f"{BINDINGS}/{binding}", "readOnly": True}
