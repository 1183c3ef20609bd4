"""By what Kubernetes tells the items of a list apart: the `x-kubernetes-list-map-keys` of its own schemas.

A test compares the table with what an API server publishes.
"""

from typing import Any

_KEYS: dict[str, tuple[str, ...]] = {
    "claims": ("name",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "protocol"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_OF_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("PrometheusRule", "groups"): ("name",),
    ("Service", "ports"): ("port", "protocol"),
    ("ServiceAccount", "secrets"): ("name",),
}
"""Where the same word is another thing."""
_WITHOUT_PODS = ("NetworkPolicy", "ServiceAccount", "ScaledObject", "PodMonitor")


def list_keys(field: str, kind: str = "Deployment") -> tuple[str, ...]:
    """The fields that identify an item in the list `field` of an object of that kind; none: it is atomic,
    it has one writer as a whole."""
    if (kind, field) in _OF_KIND:
        return _OF_KIND[kind, field]
    if kind in _WITHOUT_PODS and field != "ownerReferences":
        return ()
    return _KEYS.get(field, ())


def item_key(item: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What identifies an item, in the order of managedFields; a port is TCP unless it says otherwise."""
    return {key: item.get(key, "TCP" if key == "protocol" else None) for key in sorted(keys)}


def keyed(items: list[Any]) -> bool:
    """Whether items can have keys at all: what a person wrote by hand may be anything."""
    return all(isinstance(item, dict) for item in items)
