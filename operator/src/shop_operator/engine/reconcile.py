"""Bring one ShopService and its children to what its spec says, from the present state alone."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import structlog

from shop_operator import children as builders
from shop_operator.api import API_VERSION, KIND, InvalidSpec, ShopService, parse
from shop_operator.children import Context, Gap, Issuer
from shop_operator.children.database import KEYS
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import MANAGER, project
from shop_operator.engine.cache import Cache, Key, Ref, ref_of
from shop_operator.engine.dependencies import Dependencies, depends_on
from shop_operator.engine.diff import differences, managers, readable
from shop_operator.engine.events import Events
from shop_operator.engine.external import ExternalSecrets
from shop_operator.engine.handover import Bounds, of_others
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.ownership import Owner, owner
from shop_operator.engine.plan import (
    Apply,
    Conflict,
    Create,
    Delete,
    HandOver,
    Step,
    described,
    is_once,
    plan,
    stages,
    subject,
)
from shop_operator.engine.rollout import Gate, gate
from shop_operator.engine.volumes import CLAIM, Volumes
from shop_operator.settings import Settings
from shop_operator.status import Facts, news, report
from shop_operator.status.conditions import Condition
from shop_operator.status.health import health

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)
T = TypeVar("T")

SCALE_MANAGER = "shop-operator-scale"
# No answer, no login, too many requests: nothing is wrong with the child, and the others would fare the same.
AWAY = (0, 401, 429)
# The object changed meanwhile: the others can go on, and this one gets another look.
RACED = 409
FORBIDDEN = 403


class Incomplete(Exception):  # noqa: N818 - no error of the operator: something in the cluster is in the way
    """Some children could not be brought to what is wanted; it is worth trying again later."""


@dataclass
class Pass:
    """What one reconcile found and did."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    repaired: dict[tuple[str, str], str] = field(default_factory=dict)
    protection: Condition | None = None
    # Children that had been there, and were made again.
    restored: list[Ref] = field(default_factory=list)
    retry: bool = False
    # What was not done because the service is suspended.
    suspended: tuple[str, ...] | None = None
    raced: ApiError | None = None
    # Objects that have no label of ours (so the watches do not show them) but the name of a child.
    strangers: dict[Ref, Manifest] = field(default_factory=dict)
    # Objects of somebody else that are in the way of a child.
    conflicts: dict[Ref, Manifest] = field(default_factory=dict)
    # Children that could not be looked for, so that they must not be applied.
    unseen: set[Ref] = field(default_factory=set)


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
        self._api, self._cache, self._dependencies = api, cache, dependencies
        self._events, self._metrics, self._settings = events, metrics, settings
        # The optional kinds that are served at present.
        self.kinds: frozenset[str] = frozenset()
        self.external = ExternalSecrets(api)
        self.volumes = Volumes(cache)
        # Hears after each pass what is in the way of the service with this uid, to say when it goes.
        self.in_the_way: Callable[[Key, str, Mapping[Ref, Manifest]], None] = lambda key, uid, objects: None
        # Who signs the cluster's tokens, where it could be read.
        self.issuer: Issuer | None = None

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
            await self._report_invalid(key, service, error)
            return None
        done = Pass()
        desired, steps = await self.look(key, service, shop, done)
        if shop.spec.suspend:
            done.suspended = tuple(line for step in steps for line in described(step))
        elif self._destructive(service, steps) and not await self._is_current(service):
            return None  # the cache has heard of it now, and the key is queued again
        else:
            await self._execute(service, steps, done)
        await self._keep_volumes(key, done)
        self.in_the_way(key, service["metadata"]["uid"], done.conflicts)
        if done.raced:
            raise done.raced  # what is there is about to be looked at again
        gaps = builders.gaps(shop, self._context(key))
        written = await self._report(key, service, shop, desired, gaps, done)
        await self._tell_restored(service, done.restored, written)
        if done.retry:
            raise Incomplete("; ".join(message for _, message in done.problems))
        return min((gap.retry_seconds for gap in gaps if gap.retry_seconds is not None), default=None)

    async def look(
        self, key: Key, service: Manifest, shop: ShopService, done: Pass
    ) -> tuple[list[Manifest], list[Step]]:
        """The children as they should be, and what is to be done for that. Only reads."""
        external = shop.spec.database.external if shop.spec.database else None
        await self.external.look(key, external.secret_name if external else None)
        context, scaling = self._context(key), shop.spec.autoscaling
        desired = builders.build(shop, context)
        if await self._read_unknown(key, service, desired, done):
            # A Secret that the cache did not have holds the password that must be built in.
            context = self._context(key)
            desired = builders.build(shop, context)
        steps = plan(
            key,
            service["metadata"].get("uid", ""),
            [manifest for manifest in desired if ref_of(manifest) not in done.unseen],
            lambda ref: self._cache.get(*ref) or done.strangers.get(ref),
            list(self._cache.children(key)),
            rollout := self._gate(shop),
            fewest=scaling.min if scaling else 1 if shop.spec.replicas is None else shop.spec.replicas,
            bounds=Bounds(scaling.min, scaling.max) if scaling and not context.autoscalers else None,
            standing=self._standing(key, shop, rollout),
        )
        return desired, steps

    def _context(self, key: Key) -> Context:
        uid = self._uid(key)
        # What has lost its labels is under no service's key, and yet its password is the one to be kept.
        unlabelled = self._cache.children(Key(key.namespace, ""))
        children = [
            *self._cache.children(key),
            *(child for child in unlabelled if owner(child, key, uid) is Owner.OURS),
        ]
        return Context(
            settings=self._settings,
            kinds=self.kinds,
            dependants=self._dependencies.callers(key),
            issuer=self.issuer,
            autoscalers=of_others(children, key, uid),
            secrets={
                child["metadata"]["name"]: _decoded(child) for child in children if child["kind"] == "Secret"
            },
            claims={child["metadata"]["name"]: child for child in children if child["kind"] == CLAIM},
            external=self.external.keys(key),
            completed=frozenset(
                child["metadata"]["name"]
                for child in children
                if child["kind"] == "Job" and health(child).reason == "Complete"
            ),
            generate=lambda: secrets.token_urlsafe(24),
        )

    def _uid(self, key: Key) -> str:
        service = self._cache.get("ShopService", *key)
        return str(service["metadata"]["uid"]) if service else ""

    def _gate(self, shop: ShopService) -> Gate:
        # The gate's own Job carries the name that the builder gives it; see children.migration.
        closed = gate(shop, None, None)
        job = self._cache.get("Job", shop.namespace, closed.job)
        database = self._cache.get("StatefulSet", shop.namespace, f"{shop.name}-db")
        keys = self.external.keys(Key(shop.namespace, shop.name)) or frozenset()
        return gate(shop, job, database, bound=keys.issuperset(KEYS))

    def _standing(self, key: Key, shop: ShopService, rollout: Gate) -> Manifest | None:
        """The Deployment with the image that the database is migrated to, if the one that was is gone."""
        image = rollout.migrated_image
        if rollout.deployment or not image or self._cache.get("Deployment", *key):
            return None
        before = shop.model_copy(update={"spec": shop.spec.model_copy(update={"image": image})})
        built = builders.build(before, self._context(key))
        return next((one for one in built if ref_of(one) == Ref("Deployment", *key)), None)

    async def _read_unknown(self, key: Key, service: Manifest, desired: list[Manifest], done: Pass) -> bool:
        """Look once for what the cache lacks: it may exist without our labels. True when one was ours."""
        unknown = [ref for ref in map(ref_of, desired) if self._cache.get(*ref) is None]
        if not unknown:
            return False
        found = await _all(self._api.get(kinds.of(ref.kind), ref.namespace, ref.name) for ref in unknown)
        adopted = False
        for ref, answer in zip(unknown, found, strict=True):
            if isinstance(answer, ApiError):
                done.unseen.add(ref)
                self._refused(ref, answer, done)
            elif answer is not None:
                live = project(answer, ref.kind)
                if owner(live, key, service["metadata"].get("uid", "")) is Owner.OURS:
                    self._cache.update(ref.kind, live, quiet=True)
                    adopted = True
                done.strangers[ref] = live
        return adopted

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
        if now is not None and _wanted(now) == _wanted(service):
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

        for stage in stages(steps):
            for chain, answer in zip(stage, await _all(map(follow, stage)), strict=True):
                if isinstance(answer, ApiError):
                    self._refused(subject(chain[0]), answer, done)

    async def _keep_volumes(self, key: Key, done: Pass) -> None:
        """Protect the volumes of claims that are to be kept, and take up again those that were."""
        claims = [child for child in self._cache.children(key) if child["kind"] == CLAIM]
        for patch in self.volumes.patches(claims) if done.suspended is None else ():
            try:
                answer = await self._api.merge(kinds.VOLUME, "", patch.volume, patch.body, manager=MANAGER)
            except ApiError as error:
                self._refused(Ref("PersistentVolume", "", patch.volume), error, done)
            else:
                self.volumes.update("PersistentVolume", answer)
                log.info("volume changed", volume=patch.volume, why=patch.why)
        done.problems += [("VolumeNotAdopted", message) for message in self.volumes.obstacles(claims)]
        done.protection = self.volumes.protection(claims)

    def _refused(self, ref: Ref, error: ApiError, done: Pass) -> None:
        """Note what the API server did not do, to be reported and tried again."""
        if error.status == RACED:
            done.raced = error
            return
        done.retry = True
        # The API server itself knows which storage classes can grow.
        grows = ref.kind == CLAIM and error.status == FORBIDDEN and "resize" in error.message
        done.problems.append(("VolumeCannotGrow" if grows else "ChildRefused", f"{ref}: {error.message}"))

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
        if known is None or _wanted(known) != _wanted(service):
            return
        for ref in restored:
            self._metrics.drift.labels(ref.kind, "deleted").inc()
            await self._events.tell(
                service, "ChildRestored", f"{ref} was deleted; made again", action="Apply", warning=True
            )

    async def _report(
        self,
        key: Key,
        service: Manifest,
        shop: ShopService,
        desired: list[Manifest],
        gaps: list[Gap],
        done: Pass,
    ) -> bool:
        """Whether there was something to write."""
        rollout = self._gate(shop)
        # An object that belongs to another service is not this one's child, whatever its name.
        own = {ref_of(child): child for child in self._cache.children(key)}
        live = {ref: own.get(ref) for ref in map(ref_of, desired)}
        # A migration Job is a child while it is there; when its time to live is over it is nothing to miss.
        shown = {(ref.kind, ref.name): found for ref, found in live.items() if found or ref.kind != "Job"}
        missing = [
            name.name if name.namespace == key.namespace else str(name)
            for name in sorted(depends_on(service))
            if self._cache.get("ShopService", *name) is None
            # Limited to one namespace, the operator cannot know of others.
            and self._settings.namespace in ("", name.namespace)
        ]
        return await self._write_status(
            service,
            Facts(
                service=service,
                children=shown,
                others=tuple(child for ref, child in own.items() if ref not in live),
                problems=tuple(done.problems),
                missing_dependencies=tuple(missing),
                gaps=tuple(gaps),
                protection=done.protection,
                phase=rollout.phase,
                job=rollout.job,
                migrated_image=rollout.migrated_image,
                repaired=done.repaired,
                suspended=done.suspended,
            ),
        )

    async def _report_invalid(self, key: Key, service: Manifest, error: InvalidSpec) -> None:
        status = service.get("status", {})
        children = {
            (child["kind"], child["name"]): self._cache.get(child["kind"], key.namespace, child["name"])
            for child in status.get("children", ())
        }
        shown = set(children)
        facts = Facts(
            service=service,
            children=children,
            others=tuple(
                c for c in self._cache.children(key) if (c["kind"], c["metadata"]["name"]) not in shown
            ),
            problems=(("InvalidSpec", f"{error}; the version before keeps running"),),
            protection=self.volumes.protection(c for c in self._cache.children(key) if c["kind"] == CLAIM),
            migrated_image=status.get("migratedImage"),
            valid=False,
        )
        await self._write_status(service, facts)

    async def _write_status(self, service: Manifest, facts: Facts) -> bool:
        """One write if anything changed: True. The uid keeps it from a namesake that came since."""
        status = report(facts, datetime.now(UTC))
        if status == service.get("status"):
            return False
        metadata = {name: service["metadata"][name] for name in ("name", "namespace", "uid")}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status}
        try:
            answer = await self._api.apply(body, kinds.SHOP_SERVICE, manager=MANAGER, subresource="status")
        except ApiError as error:
            if error.status != 404 and not (error.status == 409 and "uid" in error.message.lower()):
                raise
            self._cache.remove(KIND, service)  # deleted while we were at it
            return True
        # The answer may hold a change of the spec whose event is still to come, and which would then be taken
        # for old news: only an answer with nothing new in it but the status is kept from the listeners.
        now, known = project(answer, KIND), self._cache.get(KIND, metadata["namespace"], metadata["name"])
        self._cache.update(KIND, now, quiet=known is not None and _wanted(known) == _wanted(now))
        for reason, message in news(status, service.get("status") or {}):
            log.warning("not well", reason=reason, message=message)
            await self._events.tell(service, reason, message, action="Reconcile", warning=True)
        return True


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


def _wanted(service: Manifest) -> Manifest:
    """A ShopService without what the operator writes to it."""
    metadata = {name: value for name, value in service["metadata"].items() if name != "resourceVersion"}
    return {"metadata": metadata, "spec": service.get("spec")}


async def _all(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T | ApiError]:
    """The answers to calls that are made at the same time, refusals among them.

    Raises ApiError, after all have ended, where the server itself is what is missing.
    """
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not (
            isinstance(answer, ApiError) and answer.status not in AWAY
        ):
            raise answer
    return cast("list[T | ApiError]", answers)


def _replicas(ref: Ref, replicas: int) -> Manifest:
    return {
        "apiVersion": kinds.of(ref.kind).api_version,
        "kind": ref.kind,
        "metadata": {"namespace": ref.namespace, "name": ref.name},
        "spec": {"replicas": replicas},
    }


def _decoded(secret: Manifest) -> dict[str, str]:
    data = secret.get("data") or {}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}
