"""What a ShopService's children should be, what there is, and what is to be done about it. Only reads."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from shop_operator import children as builders
from shop_operator.api import ShopService
from shop_operator.children import Context, Issuer, Lender
from shop_operator.children.database import KEYS
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import project
from shop_operator.engine.cache import Cache, Key, Ref, ref_of
from shop_operator.engine.dependencies import Dependencies, lender, lends
from shop_operator.engine.external import ExternalSecrets
from shop_operator.engine.handover import Bounds, of_others
from shop_operator.engine.ownership import Owner, owner
from shop_operator.engine.passes import Pass, together
from shop_operator.engine.plan import Step, plan
from shop_operator.engine.rollout import Gate, gate
from shop_operator.engine.volumes import CLAIM
from shop_operator.settings import Settings
from shop_operator.status.health import health

Manifest = dict[str, Any]


@dataclass(frozen=True)
class View:
    """What a look at one service found."""

    context: Context
    desired: list[Manifest]
    """The children as they should be."""
    steps: list[Step]
    """What is to be done for that."""
    rollout: Gate
    """What these steps had to wait for."""


class Look:
    """Looks at one service after the other; what it must know of the cluster besides is told it."""

    def __init__(self, api: Api, cache: Cache, dependencies: Dependencies, settings: Settings) -> None:
        self._api, self._cache, self._dependencies, self._settings = api, cache, dependencies, settings
        # The optional kinds that are served at present.
        self.kinds: frozenset[str] = frozenset()
        self.external = ExternalSecrets(api)
        # Who signs the cluster's tokens, where it could be read.
        self.issuer: Issuer | None = None

    async def take(self, key: Key, service: Manifest, shop: ShopService, done: Pass) -> View:
        """Notes in `done` what cannot be seen and what is not the service's. Raises ApiError."""
        external = shop.spec.database.external if shop.spec.database else None
        await self.external.look(key, external.secret_name if external else None)
        context, scaling = self.context(key), shop.spec.autoscaling
        desired = builders.build(shop, context)
        if await self._read_unknown(key, service, desired, done):
            # A Secret that the cache did not have holds the password that must be built in.
            context = self.context(key)
            desired = builders.build(shop, context)
        rollout = self._rollout(shop)
        steps = plan(
            key,
            service["metadata"].get("uid", ""),
            [manifest for manifest in desired if ref_of(manifest) not in done.unseen],
            lambda ref: self._cache.get(*ref) or done.strangers.get(ref),
            list(self._cache.children(key)),
            rollout,
            fewest=scaling.min if scaling else 1 if shop.spec.replicas is None else shop.spec.replicas,
            bounds=Bounds(scaling.min, scaling.max) if scaling and not context.autoscalers else None,
            standing=self._standing(key, shop, rollout),
        )
        return View(context, desired, steps, rollout)

    def context(self, key: Key) -> Context:
        """What the builders must know besides the spec."""
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
            sharers=self._dependencies.sharers(key),
            lender=self._lender(key),
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

    def _lender(self, key: Key) -> Lender | None:
        named = lender(self._cache.get("ShopService", *key))
        dedicated = lends(self._cache.get("ShopService", *named)) if named else None
        if named is None or dedicated is None:
            return None
        store = self._cache.get("StatefulSet", named.namespace, f"{named.name}-db")
        return Lender(dedicated, dedicated and health(store).ready)

    def _rollout(self, shop: ShopService) -> Gate:
        """Whether the Deployment may move to the present image, and what it waits for."""
        # The gate's own Job carries the name that the builder gives it; see children.migration.
        closed = gate(shop, None, None)
        job = self._cache.get("Job", shop.namespace, closed.job)
        database = self._cache.get("StatefulSet", shop.namespace, f"{shop.name}-db")
        key = Key(shop.namespace, shop.name)
        keys, lent = self.external.keys(key) or frozenset(), self._lender(key)
        return gate(shop, job, database, bound=lent.ready if lent else keys.issuperset(KEYS))

    def _standing(self, key: Key, shop: ShopService, rollout: Gate) -> Manifest | None:
        """The Deployment with the image that the database is migrated to, if the one that was is gone."""
        image = rollout.migrated_image
        if rollout.deployment or not image or self._cache.get("Deployment", *key):
            return None
        before = shop.model_copy(update={"spec": shop.spec.model_copy(update={"image": image})})
        built = builders.build(before, self.context(key))
        return next((one for one in built if ref_of(one) == Ref("Deployment", *key)), None)

    async def _read_unknown(self, key: Key, service: Manifest, desired: list[Manifest], done: Pass) -> bool:
        """Look once for what the cache lacks: it may exist without our labels. True when one was ours."""
        unknown = [ref for ref in map(ref_of, desired) if self._cache.get(*ref) is None]
        if not unknown:
            return False
        found = await together(self._api.get(kinds.of(ref.kind), ref.namespace, ref.name) for ref in unknown)
        adopted = False
        for ref, answer in zip(unknown, found, strict=True):
            if isinstance(answer, ApiError):
                done.unseen.add(ref)
                done.refused(ref, answer)
            elif answer is not None:
                live = project(answer, ref.kind)
                if owner(live, key, service["metadata"].get("uid", "")) is Owner.OURS:
                    self._cache.update(ref.kind, live, quiet=True)
                    adopted = True
                done.strangers[ref] = live
        return adopted


def _decoded(secret: Manifest) -> dict[str, str]:
    data = secret.get("data") or {}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}
