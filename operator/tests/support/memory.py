"""An API server in memory: enough of one to run the whole engine in a unit test, in milliseconds.

It has objects, versions, uids, watches, and server-side apply as far as the engine relies on it: fields that
a manager named and names no longer go away. It has no schema and no defaults, and only those controllers that
a test plays. What a real one answers is shown by the tests with the marker apiserver.
"""

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError
from shop_operator.cluster.kinds import Kind
from shop_operator.cluster.projection import MANAGER
from shop_operator.engine.cache import Ref, ref_of
from shop_operator.engine.reconcile import SCALE_MANAGER

Manifest = dict[str, Any]

ISSUER = "https://kubernetes.default.svc"


@dataclass(eq=False)
class Watch:
    """A watch that is open, and the events that it has still to give."""

    kind: Kind
    namespace: str | None
    selector: str
    name: str
    metadata_only: bool
    events: asyncio.Queue[Manifest] = field(default_factory=asyncio.Queue)

    def __str__(self) -> str:
        which = f"{self.kind.kind} {self.namespace or '*'}/{self.name or '*'}"
        return f"{which} metadata" if self.metadata_only else which

    def take(self, event: Manifest) -> None:
        """Give the event if it is one of those that are watched."""
        obj = event["object"]
        if self.name in ("", obj["metadata"]["name"]) and _chosen(
            obj, self.kind, self.namespace, self.selector
        ):
            seen = _metadata(obj) if self.metadata_only else obj
            self.events.put_nowait(copy.deepcopy({**event, "object": seen}))


class MemoryApi:
    """In place of `cluster.client.Api`."""

    def __init__(self, *optional: str) -> None:
        self.objects: dict[Ref, Manifest] = {}
        self.calls: list[str] = []
        """All but watches and the lists of the start: `apply Deployment cart`."""
        self.events: list[str] = []
        self.refuse: Callable[[str], ApiError | None] = lambda call: None
        """Asked before each call, which it may refuse; also of lists (`list Service shop`) and documents."""
        self.admission: Callable[[Manifest], Manifest] = lambda manifest: manifest
        """What a webhook makes of an object that is created or applied."""
        self.optional = set(optional)
        self.one_list = asyncio.Semaphore(1)
        self._versions = itertools.count(100)
        self._applied: dict[tuple[Ref, str], Manifest] = {}
        self._watches: list[Watch] = []
        self._history: list[Manifest] = []
        for kind in kinds.WATCHED:
            if kind.kind in optional:
                self.objects[Ref("CustomResourceDefinition", "", kind.crd)] = self._crd(kind)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    def watched(self) -> list[str]:
        """The watches that are open: `Deployment shop/*`, `Secret */* metadata`."""
        return sorted(map(str, self._watches))

    # What a person, a controller or the garbage collector does.

    def put(self, manifest: Manifest) -> Manifest:
        """Make an object, or change it as a whole."""
        ref = ref_of(manifest)
        before = self.objects.get(ref)
        metadata = {
            "uid": f"{ref.kind}-{ref.name}-{next(self._versions)}",
            **(before or {}).get("metadata", {}),
        }
        metadata |= manifest["metadata"] | {"resourceVersion": str(next(self._versions))}
        stored = copy.deepcopy({**manifest, "metadata": metadata})
        self.objects[ref] = stored
        self._tell("MODIFIED" if before else "ADDED", stored)
        return stored

    def edit(
        self, kind: str, name: str, change: Callable[[Manifest], None], *, manager: str = "kubectl"
    ) -> None:
        """Change an object; `change` does it in place."""
        live = copy.deepcopy(self.objects[Ref(kind, "shop", name)])
        change(live)
        written = {"manager": manager, "operation": "Update", "time": "2026", "fieldsV1": {"f:spec": {}}}
        live["metadata"]["managedFields"] = [*live["metadata"].get("managedFields", []), written]
        self.put(live)

    def remove(self, kind: str, name: str) -> None:
        """Delete an object."""
        gone = copy.deepcopy(self.objects.pop(Ref(kind, "shop", name)))
        gone["metadata"]["resourceVersion"] = str(next(self._versions))
        self._tell("DELETED", gone)

    def install(self, kind: str) -> None:
        """An optional kind's CRD appears."""
        self.optional.add(kind)
        self.put(self._crd(kinds.of(kind)))

    def uninstall(self, kind: str) -> None:
        """It goes, and its objects with it."""
        self.optional.discard(kind)
        crd = self.objects.pop(Ref("CustomResourceDefinition", "", kinds.of(kind).crd))
        crd["metadata"]["resourceVersion"] = str(next(self._versions))
        self._tell("DELETED", crd)
        for ref in [ref for ref in self.objects if ref.kind == kind]:
            del self.objects[ref]

    def live(self, kind: str, name: str = "cart") -> Manifest:
        return self.objects[Ref(kind, "shop", name)]

    def has(self, kind: str, name: str = "cart") -> bool:
        return Ref(kind, "shop", name) in self.objects

    # What the engine calls.

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        self._note(f"get {kind.kind} {name}")
        return copy.deepcopy(self.objects.get(Ref(kind.kind, namespace, name)))

    async def serves(self, kind: Kind) -> bool:
        return not kind.optional or kind.kind in self.optional

    async def document(self, path: str) -> Manifest:
        self._ask(f"document {path}")
        return {"issuer": ISSUER} if "openid-configuration" in path else {"keys": []}

    async def pages(
        self, kind: Kind, *, namespace: str | None = None, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[Manifest]:
        self._ask(f"list {kind.kind} {namespace or ''}".strip())
        if not await self.serves(kind):
            raise ApiError(404, "NotFound", "no such kind")
        found = [
            copy.deepcopy(_metadata(obj) if metadata_only else obj)
            for obj in self.objects.values()
            if _chosen(obj, kind, namespace, selector)
        ]
        yield {"metadata": {"resourceVersion": str(next(self._versions))}, "items": found}

    async def watch(
        self,
        kind: Kind,
        resource_version: str,
        *,
        namespace: str | None = None,
        selector: str = "",
        name: str = "",
        metadata_only: bool = False,
        **_: Any,
    ) -> AsyncIterator[Manifest]:
        self._ask(f"watch {kind.kind} {name}".strip())
        watch = Watch(kind, namespace, selector, name, metadata_only)
        for event in self._history:
            if _version(event["object"]) > int(resource_version):
                watch.take(event)
        self._watches.append(watch)
        try:
            while True:
                yield await watch.events.get()
        finally:
            self._watches.remove(watch)

    async def create(self, manifest: Manifest, kind: Kind, *, manager: str) -> Manifest:
        what = manifest["reason"] if kind is kinds.EVENT else manifest["metadata"]["name"]
        _check(manifest, kind, manager)
        self._note(f"create {kind.kind} {what}")
        if kind is kinds.EVENT:
            self.events.append(
                f"{manifest['type']} {manifest['reason']} {manifest['action']}: {manifest['note']}"
            )
            return manifest
        if ref_of(manifest) in self.objects:
            raise ApiError(409, "AlreadyExists", f"{manifest['metadata']['name']} already exists")
        return await self._store(manifest, manager)

    async def apply(
        self, manifest: Manifest, kind: Kind, *, manager: str, subresource: str | None = None, **_: Any
    ) -> Manifest:
        _check(manifest, kind, manager)
        self._note(f"apply {kind.kind} {manifest['metadata']['name']} {subresource or ''}".strip())
        if subresource:
            live = self.objects.get(ref_of(manifest))
            if live is None:
                raise ApiError(404, "NotFound", "no such object")
            if live["metadata"]["uid"] != manifest["metadata"]["uid"]:
                raise ApiError(409, "Conflict", "the UID in the precondition does not match")
            return copy.deepcopy(self.put({**live, "status": manifest["status"]}))
        return await self._store(manifest, manager)

    async def merge(
        self, kind: Kind, namespace: str, name: str, patch: Manifest, *, manager: str
    ) -> Manifest:
        assert manager == MANAGER
        if kind is kinds.EVENT:
            self._note(f"patch Event {patch['series']['count']}")
            return patch
        self._note(f"patch {kind.kind} {name}")
        return copy.deepcopy(self.put(_patched(self.objects[Ref(kind.kind, namespace, name)], patch)))

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        self._note(f"delete {kind.kind} {name}")
        live = self.objects.get(Ref(kind.kind, namespace, name))
        if live and live["metadata"]["uid"] == uid:
            self.remove(kind.kind, name)

    async def _store(self, manifest: Manifest, manager: str) -> Manifest:
        manifest, ref = self.admission(copy.deepcopy(manifest)), ref_of(manifest)
        live, before = self.objects.get(ref), self._applied.get((ref, manager), {})
        self._applied[ref, manager] = copy.deepcopy(manifest)
        others = [was for (of, who), was in self._applied.items() if of == ref and who != manager]
        merged = _merged(copy.deepcopy(live or {}), before, copy.deepcopy(manifest), others)
        if live is not None and _content(merged) == _content(live):
            return copy.deepcopy(live)
        if "replicas" in manifest.get("spec", {}):
            owner = {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            merged["metadata"]["managedFields"] = [owner]
        if ref.kind == "Deployment":
            merged["spec"].setdefault("replicas", 1)
        return copy.deepcopy(self.put(merged))

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._ask(call)

    def _ask(self, call: str) -> None:
        if error := self.refuse(call):
            raise error

    def _tell(self, event: str, obj: Manifest) -> None:
        self._history.append({"type": event, "object": copy.deepcopy(obj)})
        for watch in self._watches:
            watch.take(self._history[-1])

    def _crd(self, kind: Kind) -> Manifest:
        metadata = {"name": kind.crd, "resourceVersion": str(next(self._versions))}
        return {"kind": "CustomResourceDefinition", "metadata": metadata}


def _check(manifest: Manifest, kind: Kind, manager: str) -> None:
    """A server refuses what is sent to another kind's address; and all that we write is under our names."""
    assert (manifest["apiVersion"], manifest["kind"]) == (kind.api_version, kind.kind)
    assert manager in (MANAGER, SCALE_MANAGER)


def _chosen(obj: Manifest, kind: Kind, namespace: str | None, selector: str) -> bool:
    """Whether a list or watch shows the object."""
    metadata = obj["metadata"]
    name, _, value = selector.partition("=")
    return (
        obj["kind"] == kind.kind
        and namespace in (None, metadata.get("namespace"))
        and (not selector or metadata.get("labels", {}).get(name) == value)
    )


def _metadata(obj: Manifest) -> Manifest:
    return {"kind": obj["kind"], "metadata": obj["metadata"]}


def _version(obj: Manifest) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _patched(live: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict) or not isinstance(live, dict):
        return patch
    whole = live | {field: _patched(live.get(field, {}), value) for field, value in patch.items()}
    return {field: value for field, value in whole.items() if value is not None}


def _merged(live: Any, before: Any, now: Any, others: list[Any]) -> Any:
    """Server-side apply: what this manager named before and names no longer goes, unless others name it."""
    if not isinstance(now, dict) or not isinstance(live, dict):
        return now
    was: Manifest = before if isinstance(before, dict) else {}
    theirs = [other for other in others if isinstance(other, dict)]
    gone = {field for field in was.keys() - now.keys() if not any(field in other for other in theirs)}
    return {field: value for field, value in live.items() if field not in gone} | {
        field: _merged(live.get(field), was.get(field), value, [other.get(field) for other in theirs])
        for field, value in now.items()
    }


def _content(obj: Manifest) -> Manifest:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    return {**obj, "metadata": metadata}
