"""What the operator says of a ShopService: its status, and Events about what is new in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog

from shop_operator.api import API_VERSION, KIND, InvalidSpec
from shop_operator.children import Gap
from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.projection import MANAGER, project
from shop_operator.engine.cache import Cache, Key, ref_of
from shop_operator.engine.dependencies import depends_on
from shop_operator.engine.events import Events
from shop_operator.engine.passes import Pass
from shop_operator.engine.rollout import Gate
from shop_operator.settings import Settings
from shop_operator.status import Facts, news, report
from shop_operator.status.conditions import Condition

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)


class Reports:
    """Writes statuses: one write if anything changed, none otherwise."""

    def __init__(self, api: Api, cache: Cache, events: Events, settings: Settings) -> None:
        self._api, self._cache, self._events, self._settings = api, cache, events, settings

    async def of(
        self,
        key: Key,
        service: Manifest,
        desired: list[Manifest],
        gaps: list[Gap],
        rollout: Gate,
        done: Pass,
    ) -> bool:
        """After a pass. True: there was something to write."""
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
        return await self._write(
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

    async def invalid(
        self, key: Key, service: Manifest, error: InvalidSpec, protection: Condition | None
    ) -> None:
        """Instead of a pass: the spec cannot be read."""
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
            protection=protection,
            migrated_image=status.get("migratedImage"),
            valid=False,
        )
        await self._write(service, facts)

    async def _write(self, service: Manifest, facts: Facts) -> bool:
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
        self._cache.update(KIND, now, quiet=known is not None and wanted(known) == wanted(now))
        for reason, message in news(status, service.get("status") or {}):
            log.warning("not well", reason=reason, message=message)
            await self._events.tell(service, reason, message, action="Reconcile", warning=True)
        return True


def wanted(service: Manifest) -> Manifest:
    """A ShopService without what the operator writes to it."""
    metadata = {name: value for name, value in service["metadata"].items() if name != "resourceVersion"}
    return {"metadata": metadata, "spec": service.get("spec")}
