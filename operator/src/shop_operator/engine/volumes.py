"""PersistentVolumes of claims that are kept: they outlive their namespace, and are taken up again.

A claim goes with its namespace, and its volume with the claim, unless the volume's reclaim policy is Retain.
To set that takes a right over PersistentVolumes, which the operator may be given or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api
from shop_operator.cluster.reflector import Reflector
from shop_operator.engine.cache import Cache, Key, key_of
from shop_operator.status.conditions import Condition

Manifest = dict[str, Any]
CLAIM = "PersistentVolumeClaim"
BEFORE = "shopservice.dev/reclaim-policy"
"""Annotation of a protected PersistentVolume: the reclaim policy that it had before."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What matters of a PersistentVolume."""

    name: str
    phase: str
    policy: str
    storage_class: str
    # Namespace, name and uid of the claim that it is bound to, or was; empty texts for none.
    namespace: str
    claim: str
    uid: str
    before: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A merge patch of a PersistentVolume, and why, for people."""

    volume: str
    body: Manifest
    why: str


def volume_of(manifest: Manifest) -> Volume:
    """A PersistentVolume as the API gives it."""
    spec, reference = manifest["spec"], manifest["spec"].get("claimRef") or {}
    return Volume(
        name=manifest["metadata"]["name"],
        phase=manifest.get("status", {}).get("phase", ""),
        policy=spec.get("persistentVolumeReclaimPolicy", ""),
        storage_class=spec.get("storageClassName", ""),
        namespace=reference.get("namespace", ""),
        claim=reference.get("name", ""),
        uid=reference.get("uid", ""),
        before=(manifest["metadata"].get("annotations") or {}).get(BEFORE, ""),
    )


class Volumes:
    """A sink for the watch of PersistentVolumes; empty and not `permitted` where they may not be watched."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._changed: Callable[[Key], None] = lambda key: None
        self._volumes: dict[str, Volume] = {}
        self.permitted = False

    def reflector(self, api: Api, changed: Callable[[Key], None]) -> Reflector:
        """The watch that fills this, and calls `changed` for each service whose volume is not as it was."""
        self._changed = changed
        return Reflector(api, kinds.VOLUME, self)

    def replace(self, kind: str, objects: list[Manifest], resource_version: str) -> None:
        """All volumes that there are."""
        self.permitted = True
        found = {volume.name: volume for volume in map(volume_of, objects)}
        for name in self._volumes.keys() - found.keys():
            self._set(name, None)
        for name, volume in found.items():
            self._set(name, volume)

    def update(self, kind: str, manifest: Manifest) -> None:
        """A volume was added or changed."""
        self._set(manifest["metadata"]["name"], volume_of(manifest))

    def remove(self, kind: str, manifest: Manifest) -> None:
        """A volume was deleted."""
        self._set(manifest["metadata"]["name"], None)

    def _set(self, name: str, volume: Volume | None) -> None:
        before = self._volumes.pop(name, None)
        if volume:
            self._volumes[name] = volume
        if before == volume:
            return
        for one in filter(None, (before, volume)):
            claim = self._cache.get(CLAIM, one.namespace, one.claim)
            if claim:
                self._changed(key_of(claim))
        if volume is None or volume.phase != "Bound":
            for claim in self._cache.of_kind(CLAIM):
                if claim["spec"].get("volumeName") == name:
                    self._changed(key_of(claim))

    def patches(self, claims: Iterable[Manifest]) -> Iterator[Patch]:
        """What is to be changed about the volumes of a service's claims."""
        for claim in claims:
            metadata = claim["metadata"]
            volume = self._volumes.get(claim["spec"].get("volumeName", ""))
            if volume is None or (volume.namespace, volume.claim) != (
                metadata["namespace"], metadata["name"]
            ):  # fmt: skip
                continue
            if volume.uid not in ("", metadata["uid"]):
                # Of the same claim before it was deleted with its namespace. Reserved, not freed for anybody.
                if volume.phase in ("Released", "Failed"):
                    yield Patch(
                        volume.name,
                        {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}},
                        f"taken up again by claim {metadata['name']}",
                    )
            elif kept(claim) and volume.policy != "Retain":
                yield Patch(
                    volume.name,
                    {
                        "metadata": {"annotations": {BEFORE: volume.policy}},
                        "spec": {"persistentVolumeReclaimPolicy": "Retain"},
                    },
                    f"protected: claim {metadata['name']} is to be kept",
                )
            elif not kept(claim) and volume.before:
                yield Patch(
                    volume.name,
                    {
                        "metadata": {"annotations": {BEFORE: None}},
                        "spec": {"persistentVolumeReclaimPolicy": volume.before},
                    },
                    f"goes with claim {metadata['name']} again",
                )

    def protection(self, claims: Iterable[Manifest]) -> Condition | None:
        """Whether the data outlives its namespace; None where there is none to be kept."""
        names = {claim["metadata"]["name"]: claim for claim in claims if kept(claim)}
        if not names:
            return None
        shown = ", ".join(sorted(names))
        if not self.permitted:
            message = (
                f"deleting the namespace deletes the data of {shown}, unless the storage class retains it:"
                " the operator may not protect PersistentVolumes (Helm value protectVolumes)"
            )
            return Condition("DataProtected", False, "NotPermitted", message)
        open_ = [name for name, claim in names.items() if not self._protected(claim)]
        if open_:
            message = f"the volume of {', '.join(sorted(open_))} is not bound yet, or not yet protected"
            return Condition("DataProtected", None, "Pending", message)
        return Condition("DataProtected", True, "Protected", f"{shown}: the volume outlives its namespace")

    def _protected(self, claim: Manifest) -> bool:
        volume = self._volumes.get(claim["spec"].get("volumeName", ""))
        return volume is not None and (volume.uid, volume.policy) == (claim["metadata"]["uid"], "Retain")

    def obstacles(self, claims: Iterable[Manifest]) -> Iterator[str]:
        """Why claims that are to take up a volume do not get it."""
        for claim in claims:
            name, metadata = claim["spec"].get("volumeName", ""), claim["metadata"]
            if not name or claim.get("status", {}).get("phase") in ("Bound", None):
                continue
            here, volume = (metadata["namespace"], metadata["name"]), self._volumes.get(name)
            free = f'`kubectl patch pv {name} --type=merge -p \'{{"spec":{{"claimRef":null}}}}\'`'
            waits = f"claim {metadata['name']} waits for PersistentVolume {name}"
            if not self.permitted:
                yield f"{waits}: where it is Released, free it with {free}"
            elif volume is None:
                yield f"{waits}, which does not exist"
            elif volume.claim and (volume.namespace, volume.claim) != here:
                yield (
                    f"{waits}, which belongs to claim {volume.namespace}/{volume.claim}: only who may change"
                    f" PersistentVolumes can free it, with {free}"
                )
            elif volume.storage_class != claim["spec"].get("storageClassName", ""):
                yield f"{waits}, whose storage class is {volume.storage_class or 'none'}: set that one"


def kept(claim: Manifest) -> bool:
    """Whether the claim outlives its ShopService."""
    return not claim["metadata"].get("ownerReferences")
