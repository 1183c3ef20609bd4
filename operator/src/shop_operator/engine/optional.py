"""Kinds that come and go with their CRDs: of other projects (KEDA, Prometheus Operator), and our own.

CRDs belong to the whole cluster. An operator that is limited to a namespace has no rights over them, and asks
every few seconds which kinds the API server has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.reflector import Reflector
from shop_operator.engine.cache import Cache

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

ASK_SECONDS = 5.0


class OptionalKinds:
    """Starts and ends the watches of the kinds as they come and go; a sink for the watch of CRDs.

    `installed` tells that the ShopServices' own CRD is there; before `listed` it may just not be known yet.
    """

    def __init__(
        self, api: Api, cache: Cache, namespace: str | None, changed: Callable[[frozenset[str]], None]
    ) -> None:
        self._api, self._cache, self._namespace, self._changed = api, cache, namespace, changed
        self.listed, self.installed = asyncio.Event(), asyncio.Event()
        self._kinds = {kind.crd: kind for kind in kinds.WATCHED if kind.optional}
        self._watches: dict[str, tuple[Reflector, asyncio.Task[None]]] = {}
        self._served: set[str] = set()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Start in this group; return when it is known which kinds there are, and their lists are in."""
        self._tasks = tasks
        if self._namespace:
            known = asyncio.Event()
            tasks.create_task(self._keep_asking(known), name="ask for optional kinds")
        else:
            crds = Reflector(self._api, kinds.CRD, self, metadata_only=True)
            tasks.create_task(crds.run(), name="watch CustomResourceDefinition")
            known = crds.synced
        await known.wait()
        self.listed.set()
        for reflector, _ in list(self._watches.values()):
            await reflector.answered.wait()

    def replace(self, kind: str, objects: list[Manifest], resource_version: str) -> None:
        """All CRDs that there are."""
        names = {manifest["metadata"]["name"] for manifest in objects if _stays(manifest)}
        for crd in (*self._kinds, kinds.SHOP_SERVICE.crd):
            self._set(crd, crd in names)

    def update(self, kind: str, manifest: Manifest) -> None:
        """A CRD was added or changed."""
        self._set(manifest["metadata"]["name"], _stays(manifest))

    def remove(self, kind: str, manifest: Manifest) -> None:
        """A CRD was deleted."""
        self._set(manifest["metadata"]["name"], False)

    async def _keep_asking(self, known: asyncio.Event) -> None:
        while True:
            try:
                for kind in (*self._kinds.values(), kinds.SHOP_SERVICE):
                    self._set(kind.crd, await self._api.serves(kind))
                known.set()
            except ApiError as error:
                log.warning("optional kinds not known", error=error.message, retry_seconds=ASK_SECONDS)
            await asyncio.sleep(ASK_SECONDS)

    def _set(self, crd: str, present: bool) -> None:
        if crd == kinds.SHOP_SERVICE.crd:
            if present:
                self.installed.set()
            return
        kind = self._kinds.get(crd)
        if kind is None or present == (crd in self._watches):
            return
        if present:
            assert self._tasks is not None
            reflector = Reflector(
                self._api, kind, self._cache, namespace=self._namespace, selector=kind.selector
            )
            task = self._tasks.create_task(self._watch(kind, reflector), name=f"watch {kind.kind}")
            self._watches[crd] = (reflector, task)
            return
        self._watches.pop(crd)[1].cancel()
        self._cache.replace(kind.kind, (), "")
        self._tell(self._served - {kind.kind})

    async def _watch(self, kind: kinds.Kind, reflector: Reflector) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reflector.run())
            # A CRD is there a moment before its kind is served.
            await reflector.synced.wait()
            self._tell(self._served | {kind.kind})

    def _tell(self, served: set[str]) -> None:
        if served != self._served:
            self._served = served
            log.info("optional kinds", served=sorted(served))
            self._changed(frozenset(served))


def _stays(crd: Manifest) -> bool:
    """Whether objects of the kind can be made. One that is going waits for its objects' finalizers, for ever
    if their controller went first; until then it takes no new ones."""
    return "deletionTimestamp" not in crd["metadata"]
