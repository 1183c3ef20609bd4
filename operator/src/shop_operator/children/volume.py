"""The claim of a database or cache.

It is a child of its own and no volumeClaimTemplate, because those cannot change: so a volume grows when the
resource says so, and its fate after deletion is decided by its ownerReference alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop_operator.api import Cache, Database, ShopService, quantity
from shop_operator.children.context import Context, Gap, Manifest
from shop_operator.children.meta import Component, manifest

FIXED = "shopservice.dev/fixed-fields"
"""Annotation: the fields of its spec that a claim was made with. They can neither change nor be left out."""
_FIXABLE = ("storageClassName", "volumeName")


def claim_name(store: str) -> str:
    """As a StatefulSet would name it: `data-catalog-db-0`."""
    return f"data-{store}-0"


def claim(
    shop: ShopService,
    component: Component,
    store: str,
    wanted: Database | Cache,
    context: Context,
    *,
    owned: bool,
) -> Manifest:
    """The PersistentVolumeClaim. Without an owner it outlives its ShopService, and is adopted again: then
    what cannot change about it stays as it is, see `gaps`."""
    live = context.claims.get(claim_name(store))
    fixed = _fixed(wanted, live)
    spec = {
        "accessModes": ["ReadWriteOnce"],
        **fixed,
        "resources": {"requests": {"storage": _size(wanted, live)}},
    }
    annotations = {FIXED: ",".join(fixed)} if fixed else None
    return manifest(
        shop,
        "v1",
        "PersistentVolumeClaim",
        component,
        name=claim_name(store),
        owned=owned,
        annotations=annotations,
        spec=spec,
    )


def gaps(field: str, store: str, wanted: Database | Cache, context: Context) -> list[Gap]:
    """In what the claim that is there differs from what is asked for, and has to."""
    name = claim_name(store)
    live = context.claims.get(name)
    if live is None:
        return []
    spec, told = live["spec"], f"spec.{field}"
    found: list[Gap] = []
    kept = _size(wanted, live)
    if quantity.value(kept) > quantity.value(wanted.storage):
        message = (
            f"{told}.storage is {wanted.storage}, but claim {name}, which was kept, has {kept} and cannot"
            f" shrink: it stays as it is. Set storage to {kept}"
        )
        found.append(Gap("Reconciled", "VolumeIsLarger", message))
    for given, key in (
        (wanted.storage_class_name, "storageClassName"),
        (wanted.adopt_volume, "volumeName"),
    ):
        if given and spec.get(key) and spec[key] != given:
            shown = "adoptVolume" if key == "volumeName" else key
            message = (
                f"{told}.{shown} is {given}, but claim {name}, which was kept, has {key} {spec[key]}: it"
                f" stays as it is. Set {shown} to that, or leave it out"
            )
            found.append(Gap("Reconciled", "VolumeIsAnother", message))
    has = live.get("status", {}).get("capacity", {}).get("storage")
    asked = spec["resources"]["requests"]["storage"]
    if has and quantity.value(has) < quantity.value(asked):
        why = [one.get("message") or one["type"] for one in live["status"].get("conditions") or ()]
        message = f"{told}.storage: the volume of claim {name} has {has} and grows to {asked}"
        found.append(Gap("Reconciled", "VolumeGrows", ": ".join([message, *why[:1]])))
    return found


def _size(wanted: Database | Cache, live: Manifest | None) -> str:
    sizes = [wanted.storage, live["spec"]["resources"]["requests"]["storage"]] if live else [wanted.storage]
    return quantity.canonical(max(sizes, key=quantity.value))


def _fixed(wanted: Database | Cache, live: Manifest | None) -> Mapping[str, str]:
    given = {"storageClassName": wanted.storage_class_name, "volumeName": wanted.adopt_volume}
    if live is None:
        return {key: value for key, value in given.items() if value}
    annotations: dict[str, str] = live["metadata"].get("annotations") or {}
    named = annotations.get(FIXED, "").split(",")
    return {
        key: live["spec"][key]
        for key in _FIXABLE
        if (given[key] or key in named) and live["spec"].get(key)
    }  # fmt: skip


def claimed(store: str) -> dict[str, Any]:
    """The pod's volume on that claim."""
    return {"name": "data", "persistentVolumeClaim": {"claimName": claim_name(store)}}
