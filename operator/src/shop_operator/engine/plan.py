"""What has to be done so that the cluster is as the builders want it: pure, no I/O."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shop_operator.children.meta import APPLY_POLICY
from shop_operator.cluster import kinds
from shop_operator.cluster.projection import DEFAULT_REPLICAS, OWNS_REPLICAS
from shop_operator.engine.cache import Key, Ref, ref_of
from shop_operator.engine.diff import HASH_ANNOTATION, Path, applied_hash, differences, readable
from shop_operator.engine.handover import AUTOSCALERS, SCALED_OBJECT, Bounds, leftover
from shop_operator.engine.ownership import Owner, controller, owner
from shop_operator.engine.rollout import Gate

Manifest = dict[str, Any]

PODS = ("StatefulSet", "Job", "CronJob", "Deployment")

LAST_APPLIED = "shopservice.dev/last-applied"
"""Annotation of a Deployment whose ShopService has migrations: what was applied. While a migration holds the
rollout the spec says something newer, and drift goes back to this."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object whose content must not be made twice; it is an error if the name is taken."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply. `drift` are the fields that somebody else changed since we applied the same."""

    manifest: Manifest
    live: Manifest | None
    drift: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class HandOver:
    """Write `replicas` once under the second field manager, before ours stops naming it or for a start."""

    deployment: Ref
    replicas: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a child that is no longer wanted."""

    live: Manifest


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object of somebody else has the child's name: it is left alone."""

    manifest: Manifest
    live: Manifest


Step = Create | Apply | HandOver | Delete | Conflict
Lookup = Callable[[Ref], Manifest | None]


def plan(
    key: Key,
    uid: str,
    desired: list[Manifest],
    live: Lookup,
    children: Iterable[Manifest],
    gate: Gate,
    *,
    fewest: int = 1,
    bounds: Bounds | None = None,
    standing: Manifest | None = None,
) -> list[Step]:
    """The steps in the order in which they are to be done.

    `live` gives what exists under a child's name, `children` all that carries the service's label; `fewest`
    is with how many pods an autoscaled Deployment begins, `bounds` are those of the service's own autoscaler;
    `standing` the Deployment of the version before, should it have to be made again while the gate is closed.
    An autoscaler that goes does so first: two of them, or one and our own `replicas`, would fight over the
    Deployment. One that comes does so last, and finds a number that is right already. So nothing is lost
    wherever this is cut short.
    """
    wanted = {ref_of(manifest) for manifest in desired}
    unwanted = [child for child in children if _to_prune(child, key, uid, wanted, gate)]
    first = [Delete(child) for child in unwanted if child["kind"] in AUTOSCALERS]
    last = [Delete(child) for child in unwanted if child["kind"] not in AUTOSCALERS]
    steps: list[Step] = [*first]
    for manifest in desired:
        if due := _due(manifest, live, gate, standing):
            steps += _child(due, live(ref_of(manifest)), key, uid, fewest, migrates=bool(gate.job))
    deployment = live(Ref("Deployment", *key))
    if bounds and deployment and owner(deployment, key, uid) is Owner.OURS:
        steps += _within(bounds, deployment, steps, alone=not any(ref.kind in AUTOSCALERS for ref in wanted))
    return [*steps, *last]


def _within(bounds: Bounds, deployment: Manifest, steps: list[Step], *, alone: bool) -> Iterator[Step]:
    """Nothing, or the number of pods that the autoscaler is to find."""
    ref, number = ref_of(deployment), deployment["spec"].get("replicas", 1)
    if deployment["metadata"].get("deletionTimestamp"):
        return
    # Its number may be the API server's: the operator ended before it wrote the one to begin with.
    changes = deployment.get(DEFAULT_REPLICAS) or any(subject(step).kind in AUTOSCALERS for step in steps)
    right = bounds.number(number, changes=changes, alone=alone)
    if right != number and not any(isinstance(step, HandOver) for step in steps):
        yield HandOver(ref, right)


def stages(steps: Iterable[Step]) -> list[list[list[Step]]]:
    """The steps as stages to be done one after another.

    A stage is a list of chains, one for each object, that need not wait for each other: what pods stand on
    comes before them (a NetworkPolicy, so that none is ever open), an autoscaler after its Deployment.
    """
    ranked: defaultdict[int, dict[Ref, list[Step]]] = defaultdict(dict)
    for step in steps:
        ranked[_rank(step)].setdefault(subject(step), []).append(step)
    return [list(ranked[rank].values()) for rank in sorted(ranked)]


def subject(step: Step) -> Ref:
    """The object that a step is about."""
    match step:
        case HandOver(ref, _):
            return ref
        case Delete(live):
            return ref_of(live)
        case Create(manifest) | Apply(manifest) | Conflict(manifest):
            return ref_of(manifest)


def described(step: Step) -> Iterator[str]:
    """What a step changes, for people; nothing where the number of pods only changes hands."""
    match step:
        case Create(manifest) | Apply(manifest, None):
            yield f"+ {ref_of(manifest)}"
        case Apply(manifest, live):
            assert live is not None
            fields = [readable(path) for path in differences(manifest, live)]
            shown = [field for field in fields if "applied-hash" not in field]
            yield f"~ {ref_of(manifest)}: {', '.join(shown) or 'fields no longer wanted are removed'}"
        case Delete(live):
            yield f"- {ref_of(live)}"
        case Conflict(manifest, _):
            yield f"! {ref_of(manifest)}: exists and is not this service's; it would be left alone"
        case HandOver():
            pass  # the number of pods stays as it is


def _rank(step: Step) -> int:
    kind = subject(step).kind
    if isinstance(step, Delete):
        # As long as the ScaledObject is there, KEDA makes its HPA anew.
        return 0 if kind == SCALED_OBJECT else 1 if kind in AUTOSCALERS else 5
    return 4 if kind in AUTOSCALERS else 3 if kind in PODS else 2


def with_hash(manifest: Manifest, *, migrates: bool = False) -> Manifest:
    """The manifest as it is sent: with the hash of itself, by which removed fields are found later."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), HASH_ANNOTATION: applied_hash(manifest)}
    if migrates and _rolls_out(manifest):
        annotations[LAST_APPLIED] = json.dumps(manifest, separators=(",", ":"))
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _child(
    manifest: Manifest, live: Manifest | None, key: Key, uid: str, fewest: int, *, migrates: bool
) -> Iterator[Step]:
    # The builder names `replicas` unless an autoscaler is to write it.
    autoscaled = manifest["kind"] == "Deployment" and "replicas" not in manifest["spec"]
    if live is None:
        # A password must not be overwritten by another one, nor a Job run again.
        new = with_hash(manifest, migrates=migrates)
        yield Create(new) if manifest["kind"] == "Secret" or is_once(manifest) else Apply(new, None)
        if autoscaled and fewest > 1:
            yield HandOver(ref_of(manifest), fewest)
        return
    match owner(live, key, uid):
        case Owner.FOREIGN:
            yield Conflict(manifest, live)
            return
        case Owner.PREDECESSOR:
            return
    if live["metadata"].get("deletionTimestamp") or is_once(manifest):
        return
    found = differences(manifest, live)
    annotations = live["metadata"].get("annotations") or {}
    same = annotations.get(HASH_ANNOTATION) == applied_hash(manifest)
    unrecorded = migrates and _rolls_out(manifest) and LAST_APPLIED not in annotations
    if found or not same or unrecorded:
        if autoscaled and live.get(OWNS_REPLICAS):
            yield HandOver(ref_of(manifest), max(fewest, live["spec"].get("replicas", 1)))
        yield Apply(with_hash(manifest, migrates=migrates), live, tuple(found) if same else ())


def is_once(manifest: Manifest) -> bool:
    """Whether the child is made and then left alone: a Job, whose work must not be done again."""
    annotations: dict[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get(APPLY_POLICY) == "Once"


def _due(manifest: Manifest, live: Lookup, gate: Gate, standing: Manifest | None) -> Manifest | None:
    """What is to be applied now: the manifest, what stands in for it while the gate is closed, or nothing."""
    kind, reference = manifest["kind"], ref_of(manifest)
    if kind == "Job":
        return manifest if gate.migration or _component(manifest) != "migration" else None
    if gate.deployment:
        return manifest
    if kind == "CronJob":
        return None  # the image of the spec must not run on a schema that is older; the one before goes on
    if _rolls_out(manifest):
        there = live(reference)
        return _held(manifest, standing if there is None else last_applied(there))
    if kind in AUTOSCALERS and live(Ref("Deployment", reference.namespace, reference.name)) is None:
        return None  # KEDA's webhook refuses a ScaledObject whose Deployment is not there yet
    return manifest


def _held(manifest: Manifest, before: Manifest | None) -> Manifest | None:
    """The Deployment of the version before, but with as many pods as are wanted now."""
    if before is None:
        return None
    spec = {name: value for name, value in before["spec"].items() if name != "replicas"}
    if "replicas" in manifest["spec"]:
        spec["replicas"] = manifest["spec"]["replicas"]
    return {**before, "spec": spec}


def last_applied(live: Manifest) -> Manifest | None:
    """The manifest that was last applied, if it was recorded and nobody has touched the record since."""
    annotations: dict[str, str] = live["metadata"].get("annotations") or {}
    try:
        found: Manifest = json.loads(annotations.get(LAST_APPLIED, ""))
    except ValueError:
        return None
    return found if applied_hash(found) == annotations.get(HASH_ANNOTATION) else None


def _rolls_out(manifest: Manifest) -> bool:
    return manifest["kind"] == "Deployment" and _component(manifest) == "service"


def _component(manifest: Manifest) -> str:
    labels: dict[str, str] = manifest["metadata"].get("labels", {})
    return labels.get("app.kubernetes.io/component", "")


_PRUNED = {kind.kind for kind in kinds.CHILDREN}


def _to_prune(child: Manifest, key: Key, uid: str, wanted: set[Ref], gate: Gate) -> bool:
    """Only what this ShopService controls: what was retained has no ownerReference. And all that would still
    scale it."""
    reference = controller(child)
    return (
        child["kind"] in _PRUNED
        and ref_of(child) not in wanted
        and ((reference is not None and reference["uid"] == uid) or leftover(child, key, uid, wanted))
        and not child["metadata"].get("deletionTimestamp")
        # The Job that ended stays until its time to live is over: people want to read its log.
        and not (child["kind"] == "Job" and child["metadata"]["name"] == gate.job)
    )
