"""Bring one ShopService and its children to what its spec says, from the present state alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from shop_operator import children as builders
from shop_operator.api import KIND, InvalidSpec, parse
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import MANAGER, project
from shop_operator.engine.cache import Cache, Key, Ref, ref_of
from shop_operator.engine.dependencies import Dependencies
from shop_operator.engine.diff import differences, managers, readable
from shop_operator.engine.events import Events
from shop_operator.engine.look import Look
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.passes import Pass, together
from shop_operator.engine.plan import (
    Apply,
    Conflict,
    Create,
    Delete,
    HandOver,
    Step,
    described,
    is_once,
    stages,
    subject,
)
from shop_operator.engine.reports import Reports, wanted
from shop_operator.engine.volumes import CLAIM, Volumes
from shop_operator.settings import Settings

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

SCALE_MANAGER = "shop-operator-scale"


class Incomplete(Exception):  # noqa: N818 - no error of the operator: something in the cluster is in the way
    """Some children could not be brought to what is wanted; it is worth trying again later."""


class Reconciler:
    """Holds what a reconcile needs; has no state of its own that a restart would miss."""

    def __init__(
        self,
        api: Api,
        cache: Cache,
        dependencies: Dependencies,
        events: Events,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self._api, self._cache, self._events, self._metrics = api, cache, events, metrics
        self.look = Look(api, cache, dependencies, settings)
        self.volumes = Volumes(cache)
        self._reports = Reports(api, cache, events, settings)
        # Hears after each pass what is in the way of the service with this uid, to say when it goes.
        self.in_the_way: Callable[[Key, str, Mapping[Ref, Manifest]], None] = lambda key, uid, objects: None

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns after how many seconds to look again, where only time is missing.

        Raises ApiError or Incomplete when there is reason to try again.
        """
        service = self._cache.get("ShopService", *key)
        if service is None or service["metadata"].get("deletionTimestamp"):
            return None  # its children go by their ownerReferences
        try:
            shop = parse(service)
        except InvalidSpec as error:
            protection = self.volumes.protection(self._claims(key))
            await self._reports.invalid(key, service, error, protection)
            return None
        done = Pass()
        view = await self.look.take(key, service, shop, done)
        if shop.spec.suspend:
            done.suspended = tuple(line for step in view.steps for line in described(step))
        elif self._destructive(service, view.steps) and not await self._is_current(service):
            return None  # the cache has heard of it now, and the key is queued again
        else:
            await self._execute(service, view.steps, done)
        await self._keep_volumes(key, done)
        self.in_the_way(key, service["metadata"]["uid"], done.conflicts)
        if done.raced:
            raise done.raced  # what is there is about to be looked at again
        gaps = builders.gaps(shop, self.look.context(key) if view.steps else view.context)
        # What was held back is said to wait, also where a Job has ended during the pass; and a database that
        # was made in it has no schema yet. The next pass finds both.
        written = await self._reports.of(key, service, view.desired, gaps, view.rollout, done)
        await self._tell_restored(service, done.restored, written)
        if done.retry:
            raise Incomplete("; ".join(message for _, message in done.problems))
        return min((gap.retry_seconds for gap in gaps if gap.retry_seconds is not None), default=None)

    def _destructive(self, service: Manifest, steps: list[Step]) -> bool:
        """Whether something is to be removed, or made again that would stay or act if the service had gone:
        wrong if the service is not as it seems, since the watches of several kinds are not ahead or behind
        alike. What carries an ownerReference goes with its owner however late it was made."""
        known = _reported(service)
        return any(
            isinstance(step, Delete)
            or (
                isinstance(step, Create | Apply)
                and (is_once(step.manifest) or not step.manifest["metadata"].get("ownerReferences"))
                and self._vanished(ref_of(step.manifest), known)
            )
            for step in steps
        )

    def _vanished(self, ref: Ref, known: set[tuple[str, str]]) -> bool:
        return (ref.kind, ref.name) in known and self._cache.get(*ref) is None

    async def _is_current(self, service: Manifest) -> bool:
        """Whether the cluster has the service with this spec; if not, the cache is told what it has."""
        metadata = service["metadata"]
        found = await self._api.get(kinds.SHOP_SERVICE, metadata["namespace"], metadata["name"])
        now = project(found, KIND) if found else None
        if now is not None and wanted(now) == wanted(service):
            return True
        if now is None or now["metadata"]["uid"] != metadata["uid"]:
            self._cache.remove(KIND, service)
        if now is not None:
            self._cache.update(KIND, now)
        return False

    async def _execute(self, service: Manifest, steps: list[Step], done: Pass) -> None:
        """Do what the plan says; what is refused for one child does not keep the others from going on."""
        before = _reported(service)

        async def follow(chain: list[Step]) -> None:
            for step in chain:
                await self._do(step, service, before, done)

        refused = False
        for stage in stages(steps):
            chains = [chain for chain in stage if not (refused and _has_worked(chain[0]))]
            for chain, answer in zip(chains, await together(map(follow, chains)), strict=True):
                if isinstance(answer, ApiError):
                    refused = True
                    done.refused(subject(chain[0]), answer)

    async def _keep_volumes(self, key: Key, done: Pass) -> None:
        """Protect the volumes of claims that are to be kept, and take up again those that were."""
        claims = self._claims(key)
        for patch in self.volumes.patches(claims) if done.suspended is None else ():
            try:
                answer = await self._api.merge(kinds.VOLUME, "", patch.volume, patch.body, manager=MANAGER)
            except ApiError as error:
                done.refused(Ref("PersistentVolume", "", patch.volume), error)
            else:
                self.volumes.update("PersistentVolume", answer)
                log.info("volume changed", volume=patch.volume, why=patch.why)
        done.problems += [("VolumeNotAdopted", message) for message in self.volumes.obstacles(claims)]
        done.protection = self.volumes.protection(claims)

    def _claims(self, key: Key) -> list[Manifest]:
        return [child for child in self._cache.children(key) if child["kind"] == CLAIM]

    async def _do(self, step: Step, service: Manifest, before: set[tuple[str, str]], done: Pass) -> None:
        match step:
            case Create(manifest):
                await self._write(manifest, lambda kind: self._api.create(manifest, kind, manager=MANAGER))
                self._note_made(ref_of(manifest), before, done)
            case Apply(manifest, live, drift):
                kind = kinds.of(manifest["kind"])
                changed_by = await self._who(kind, live, drift) if live and drift else ""
                answer = await self._write(
                    manifest, lambda kind: self._api.apply(manifest, kind, manager=MANAGER)
                )
                if drift:
                    _check_kept(manifest, project(answer, answer["kind"]), done)
                if live is None:
                    self._note_made(ref_of(manifest), before, done)
                elif answer["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]:
                    pass  # it was so already
                elif drift:
                    await self._tell_repaired(service, ref_of(manifest), drift, changed_by, done)
                else:
                    log.info("changed", child=str(ref_of(manifest)))
            case HandOver(ref, replicas):
                body = _replicas(ref, replicas)
                await self._write(body, lambda kind: self._api.apply(body, kind, manager=SCALE_MANAGER))
                log.info("replicas handed over", child=str(ref), replicas=replicas)
            case Delete(live):
                ref = ref_of(live)
                kind = kinds.of(ref.kind)
                await self._api.delete(kind, ref.namespace, ref.name, uid=live["metadata"]["uid"])
                log.info("pruned", child=str(ref))
            case Conflict(manifest, live):
                ref = ref_of(manifest)
                message = (
                    f"{ref} exists and is not this service's: it is left alone. Remove or rename it, or "
                    f"label it {kinds.MANAGED_BY},shopservice.dev/name={service['metadata']['name']} "
                    "to hand it over"
                )
                done.problems.append(("ChildConflict", message))
                done.conflicts[ref] = live

    async def _write(
        self, manifest: Manifest, write: Callable[[kinds.Kind], Awaitable[Manifest]]
    ) -> Manifest:
        """Write a child; the answer is in the cache when this returns."""
        with self._cache.writing(ref_of(manifest)) as answered:
            answer = await write(kinds.of(manifest["kind"]))
            answered(project(answer, answer["kind"]))
        return answer

    async def _who(self, kind: kinds.Kind, live: Manifest, drift: Iterable[tuple[str, ...]]) -> str:
        """The managers that changed these fields; only here are managedFields read."""
        metadata = live["metadata"]
        full = await self._api.get(kind, metadata["namespace"], metadata["name"]) or live
        fields = full["metadata"].get("managedFields", [])
        return ", ".join(sorted({name for path in drift for name in managers(fields, path, ours=MANAGER)}))

    async def _tell_repaired(
        self, service: Manifest, ref: Ref, drift: Iterable[tuple[str, ...]], changed_by: str, done: Pass
    ) -> None:
        fields = ", ".join(readable(path) for path in drift)
        # The API server does not record who removes a field.
        what = f"{fields} was {f'changed by {changed_by}' if changed_by else 'removed by an unknown manager'}"
        done.repaired[ref.kind, ref.name] = what
        self._metrics.drift.labels(ref.kind, "edited").inc()
        log.info("drift repaired", child=str(ref), fields=fields, manager=changed_by)
        await self._events.tell(
            service, "DriftRepaired", f"{ref}: {what}; put back", action="Apply", warning=True
        )

    def _note_made(self, ref: Ref, before: set[tuple[str, str]], done: Pass) -> None:
        if (ref.kind, ref.name) not in before:
            log.info("created", child=str(ref))
            return
        done.repaired[ref.kind, ref.name] = "was deleted"
        done.restored.append(ref)
        log.info("restored", child=str(ref))

    async def _tell_restored(self, service: Manifest, restored: list[Ref], written: bool) -> None:
        """Tell of children that were made again, unless they went with their service or a part of it: then
        the watch of the ShopServices is only behind that of the children. The answer to the status write,
        which the cache has by now, says so; where there was none to write, the service is read."""
        if not restored or (not written and not await self._is_current(service)):
            return
        known = self._cache.get(KIND, service["metadata"]["namespace"], service["metadata"]["name"])
        if known is None or wanted(known) != wanted(service):
            return
        for ref in restored:
            self._metrics.drift.labels(ref.kind, "deleted").inc()
            await self._events.tell(
                service, "ChildRestored", f"{ref} was deleted; made again", action="Apply", warning=True
            )


def _has_worked(step: Step) -> bool:
    """Whether a Job is to go, since what it found out is written now: had that been refused, it would have to
    find it out again."""
    return isinstance(step, Delete) and is_once(step.live)


def _reported(service: Manifest) -> set[tuple[str, str]]:
    """The children that the service had when its status was last written, by kind and name."""
    children = service.get("status", {}).get("children", ())
    return {(child["kind"], child["name"]) for child in children if child.get("reason") != "Missing"}


def _check_kept(manifest: Manifest, live: Manifest, done: Pass) -> None:
    """Note what is not as it was given, although it was given just now."""
    if lost := differences(manifest, live):
        fields = ", ".join(readable(path) for path in lost)
        message = (
            f"{ref_of(manifest)}: the API server has {fields} otherwise than given: does this cluster not "
            "know the field, or does an admission webhook change it?"
        )
        done.problems.append(("FieldNotKept", message))


def _replicas(ref: Ref, replicas: int) -> Manifest:
    return {
        "apiVersion": kinds.of(ref.kind).api_version,
        "kind": ref.kind,
        "metadata": {"namespace": ref.namespace, "name": ref.name},
        "spec": {"replicas": replicas},
    }
