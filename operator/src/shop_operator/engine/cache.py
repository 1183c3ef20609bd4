"""What is known of the cluster: ShopServices and their labelled children, from watches and our applies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

Manifest = dict[str, Any]

NAME_LABEL = "shopservice.dev/name"
# What can come late is at most a call and a watch behind; the oldest deletions may be forgotten.
DELETIONS_KEPT = 10_000


class Key(NamedTuple):
    """A ShopService, by namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Ref(NamedTuple):
    """An object of a kind that is cached."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


# (ShopService concerned, what the object was before or None, what it is now or None if it is gone)
Listener = Callable[[Key, Manifest | None, Manifest | None], None]


def ref_of(manifest: Manifest) -> Ref:
    """The address of an object."""
    metadata = manifest["metadata"]
    return Ref(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def key_of(manifest: Manifest) -> Key:
    """The ShopService that an object is, or belongs to by its label; or whose Deployment it scales."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace", "")
    if manifest["kind"] == "ShopService":
        return Key(namespace, metadata["name"])
    return Key(namespace, metadata.get("labels", {}).get(NAME_LABEL) or scaled_deployment(manifest) or "")


def scaled_deployment(manifest: Manifest) -> str | None:
    """The name of the Deployment that an object scales, if it is a HorizontalPodAutoscaler of one."""
    if manifest["kind"] != "HorizontalPodAutoscaler":
        return None
    target = manifest["spec"]["scaleTargetRef"]
    return target["name"] if target["kind"] == "Deployment" else None


def version(manifest: Manifest) -> int:
    """resourceVersion as a number; within one kind the larger is newer (a promise since Kubernetes 1.35)."""
    text = manifest["metadata"].get("resourceVersion", "")
    return int(text) if text.isdecimal() else 0


class Cache:
    """Objects by kind, namespace and name, and indexed by the ShopService that they belong to.

    Everything that enters is compared by resourceVersion first, because the answer to an apply is here before
    the watch tells of older changes. Listeners hear only of what really changed.
    """

    def __init__(self) -> None:
        self._objects: defaultdict[str, dict[Ref, Manifest]] = defaultdict(dict)
        self._by_key: defaultdict[Key, set[Ref]] = defaultdict(set)
        self._listed: dict[str, int] = {}
        # Versions of deletions that we saw: an apply's answer or a late event may be older than them.
        self._deleted: dict[Ref, int] = {}
        self._listeners: list[Listener] = []
        # Children that we are writing: what they were when a watch told of them before our answer was here.
        self._in_flight: dict[Ref, list[Manifest | None]] = {}

    def listen(self, listener: Listener) -> None:
        """Call `listener` at every change."""
        self._listeners.append(listener)

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object as last seen."""
        return self._objects[kind].get(Ref(kind, namespace, name))

    def children(self, key: Key) -> Iterator[Manifest]:
        """All objects that carry the ShopService's label."""
        return (
            self._objects[ref.kind][ref]
            for ref in sorted(self._by_key.get(key, ()))
            if ref.kind != "ShopService"
        )

    def of_kind(self, kind: str) -> Iterator[Manifest]:
        """All objects of one kind."""
        return iter(self._objects[kind].values())

    def replace(self, kind: str, objects: Iterable[Manifest], resource_version: str) -> None:
        """Take a complete list of the kind; what is not in it, and not newer than it, is gone."""
        listed = int(resource_version) if resource_version.isdecimal() else 0
        # A list older than the one before: the cluster's history went back (a restored backup), so versions
        # in the cache mean nothing any more.
        rewound = listed < self._listed.get(kind, 0)
        self._listed[kind] = listed
        present = {ref_of(manifest): manifest for manifest in objects}
        for ref, known in list(self._objects[kind].items()):
            if rewound or (ref not in present and version(known) <= listed):
                self._forget(ref)
        for ref in [
            ref
            for ref, deleted in self._deleted.items()
            if ref.kind == kind and (rewound or deleted <= listed)
        ]:
            del self._deleted[ref]
        for manifest in present.values():
            self.update(kind, manifest)

    def update(self, kind: str, manifest: Manifest, *, quiet: bool = False) -> None:
        """Take an object as it is now, unless something newer is known.

        `quiet` is for the answers to our own writes: whoever wrote knows already.
        """
        ref = ref_of(manifest)
        old = self._objects[ref.kind].get(ref)
        known = max(version(old) if old else 0, self._deleted.get(ref, 0))
        if known >= version(manifest) > 0:
            return
        self._deleted.pop(ref, None)
        if old is not None and key_of(old) != key_of(manifest):
            self._forget(ref)
            old = None
        self._objects[ref.kind][ref] = manifest
        self._by_key[key_of(manifest)].add(ref)
        if quiet or (old is not None and _same(old, manifest)):
            return
        if ref in self._in_flight:
            self._in_flight[ref].append(old)
            return
        self._tell(manifest, old, manifest)

    @contextmanager
    def writing(self, ref: Ref) -> Iterator[Callable[[Manifest], None]]:
        """While a child is written; the answer is to be handed to what this yields.

        A watch can tell of our own write before the answer to it is here. Listeners hear of a child in flight
        afterwards, and only if there is more to tell than the answer.
        """
        answers: list[Manifest] = []
        self._in_flight[ref] = []
        try:
            yield answers.append
        finally:
            held = self._in_flight.pop(ref)
            for answer in answers:
                self.update(ref.kind, answer, quiet=True)
            now = self._objects[ref.kind].get(ref)
            if held and now is not None and version(now) not in map(version, answers):
                self._tell(now, held[0], now)

    def remove(self, kind: str, manifest: Manifest) -> None:
        """Forget an object that was deleted, unless a newer one took its place."""
        ref = ref_of(manifest)
        old = self._objects[ref.kind].get(ref)
        if old is None or version(old) > version(manifest):
            return
        self._deleted[ref] = version(manifest)
        if len(self._deleted) > DELETIONS_KEPT:
            del self._deleted[next(iter(self._deleted))]
        self._forget(ref)

    def _forget(self, ref: Ref) -> None:
        old = self._objects[ref.kind].pop(ref)
        key = key_of(old)
        self._by_key[key].discard(ref)
        if not self._by_key[key]:
            del self._by_key[key]
        self._tell(old, old, None)

    def _tell(self, manifest: Manifest, old: Manifest | None, new: Manifest | None) -> None:
        for listener in self._listeners:
            listener(key_of(manifest), old, new)


def _same(old: Manifest, new: Manifest) -> bool:
    """Whether two states differ in nothing but their version."""
    return _without_version(old) == _without_version(new)


def _without_version(manifest: Manifest) -> Manifest:
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "resourceVersion"}
    return {**manifest, "metadata": metadata}
