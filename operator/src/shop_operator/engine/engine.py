"""The runtime: watches fill the cache, changes put keys on the queue, workers reconcile them."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import structlog

from shop_operator.children import Issuer
from shop_operator.cluster import kinds
from shop_operator.cluster.client import URGENT_CONNECTIONS, Api, ApiError, urgent
from shop_operator.cluster.reflector import Reflector
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.conflicts import Conflicts
from shop_operator.engine.dependencies import Dependencies
from shop_operator.engine.events import Events
from shop_operator.engine.issuer import IssuerWatch
from shop_operator.engine.metrics import Metrics
from shop_operator.engine.optional import OptionalKinds
from shop_operator.engine.queue import Priority, Queue
from shop_operator.engine.reconcile import Incomplete, Reconciler
from shop_operator.settings import Settings

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

# A reconcile is a few calls of at most 30 s each; one that takes longer than this hangs.
STUCK_SECONDS = 300.0
# The list of ShopServices is there within seconds, or the framework waits for something that never comes.
START_SECONDS = 60.0


class Engine:
    """Everything between the watches and the API calls. The ShopServices are fed in from outside."""

    def __init__(self, api: Api, settings: Settings, metrics: Metrics, instance: str) -> None:
        self._api, self._settings, self._metrics = api, settings, metrics
        self.cache = Cache()
        self.queue: Queue[Key] = Queue()
        self._dependencies = Dependencies()
        self.reconciler = Reconciler(
            api, self.cache, self._dependencies, Events(api, instance), metrics, settings
        )
        self._listed = asyncio.Event()
        # Whether everything that was there at the start has been looked at.
        self._began, self._caught_up = time.monotonic(), False
        # When the ShopServices' CRD was found to be served; nothing can be expected of them before.
        self._served_at: float | None = None
        self._issuer = IssuerWatch(api, self._namespace, self._issuer_changed)
        self._optional = OptionalKinds(api, self.cache, self._namespace, self._kinds_changed)
        self._conflicts: Conflicts | None = None
        self.cache.listen(self._changed)
        metrics.watch(self.queue, self.cache)

    async def run(self) -> None:
        """Run until cancelled.

        Nothing is reconciled before every list is in: a service whose children are not known yet would be
        made anew, and a dependant not known yet locked out.
        """
        self._began = time.monotonic()
        # The connections end with the tasks that use them: Kopf waits 5 s for whatever else is still open.
        async with self._api, asyncio.TaskGroup() as tasks:
            self._conflicts = Conflicts(self._api, tasks, lambda key: self.queue.add(key, Priority.REPAIR))
            self.reconciler.in_the_way = self._conflicts.set
            volumes = self.reconciler.volumes.reflector(self._api, self.queue.add)
            if self._settings.protect_volumes:
                tasks.create_task(volumes.run(), name="watch PersistentVolume")
            external = self.reconciler.look.external.run(self._namespace, self.queue.add)
            tasks.create_task(external, name="watch external Secrets")
            reflectors = [
                Reflector(self._api, kind, self.cache, namespace=self._namespace, selector=kind.selector)
                for kind in kinds.WATCHED
                if not kind.optional
            ]
            for reflector in reflectors:
                tasks.create_task(reflector.run(), name=f"watch {reflector.kind.kind}")
            tasks.create_task(self._issuer.run(), name="issuer")
            await self._optional.run(tasks)
            for reflector in reflectors:
                await reflector.synced.wait()
            await self._issuer.answered.wait()
            if self._settings.protect_volumes:
                await volumes.answered.wait()
            await self._listed.wait()
            # What was read so far stays for good: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            log.info("started", seconds=round(time.monotonic() - self._began, 3), services=self.queue.depth)
            for number in range(self._settings.workers):
                tasks.create_task(self._work(Priority.NORMAL), name=f"worker {number}")
            for number in range(URGENT_CONNECTIONS):
                tasks.create_task(self._work(Priority.REPAIR), name=f"repairs {number}")

    async def served(self) -> None:
        """Return when the cluster can be asked for ShopServices: their CRD may be installed later."""
        await self._optional.listed.wait()
        if not self._optional.installed.is_set():
            log.info("waiting", crd=kinds.SHOP_SERVICE.crd)
            await self._optional.installed.wait()
        while not await self._serves():  # noqa: ASYNC110 - the API server tells nobody when
            await asyncio.sleep(0.1)
        self._served_at = time.monotonic()

    async def _serves(self) -> bool:
        try:
            return await self._api.serves(kinds.SHOP_SERVICE)
        except ApiError as error:
            log.warning("will try again", error=error.message)
            return False

    def services_listed(self) -> None:
        """All ShopServices are in the cache now."""
        self._listed.set()

    def check(self) -> None:
        """Raise RuntimeError if the operator no longer does its work, so that it is started again."""
        waited = time.monotonic() - (self._served_at or time.monotonic())
        if not self._listed.is_set() and waited > START_SECONDS:
            raise RuntimeError(f"the ShopServices have not been listed in {waited:.0f} s")
        if self.queue.longest_work > STUCK_SECONDS:
            raise RuntimeError(f"a reconcile has taken {self.queue.longest_work:.0f} s")

    @property
    def _namespace(self) -> str | None:
        return self._settings.namespace or None

    async def _work(self, at_least: Priority) -> None:
        urgent.set(at_least is Priority.REPAIR)
        while True:
            key = await self.queue.get(at_least)
            structlog.contextvars.bind_contextvars(shopservice=str(key))
            began, outcome = time.perf_counter(), "failed"
            try:
                again = await self.reconciler.reconcile(key)
            except (ApiError, Incomplete) as error:
                reason = (error.reason or str(error.status)) if isinstance(error, ApiError) else "Incomplete"
                self._metrics.errors.labels(reason).inc()
                wait = error.retry_after if isinstance(error, ApiError) else None
                delay = self.queue.failed(key, at_least=wait or 0.0)
                log.warning("will try again", error=str(error), seconds=round(delay, 2))
            except Exception as error:
                # A defect of the operator in one service must not stop the others.
                self._metrics.errors.labels(type(error).__name__).inc()
                self.queue.failed(key)
                log.exception("reconcile failed")
            else:
                outcome = "done"
                self.queue.done(key)
                if again is not None:
                    self.queue.add_after(key, again)
            finally:
                self._metrics.reconciles.labels(outcome).observe(time.perf_counter() - began)
            if not self._caught_up and not self.queue.depth and not self.queue.in_work:
                self._caught_up = True
                log.info("caught up", seconds=round(time.monotonic() - self._began, 3))

    def _changed(self, key: Key, old: Manifest | None, new: Manifest | None) -> None:
        changed = new or old
        assert changed is not None
        if changed["kind"] == "ShopService":
            for other in self._dependencies.change(key, old, new):
                self.queue.add(other)
            if new is not None:
                self.queue.add(key)
            elif self._conflicts:
                self._conflicts.set(key, "", {})
                self.reconciler.look.external.forget(key)
        elif self.cache.get("ShopService", *key):
            # What was changed or deleted may be a service that is down; what was added was most likely us.
            self.queue.add(key, Priority.REPAIR if old is not None else Priority.NORMAL)
            if changed["kind"] == "StatefulSet":  # whether a database is ready concerns those that share it
                for name in self._dependencies.sharers(key):
                    self.queue.add(Key(key.namespace, name))

    def _kinds_changed(self, served: frozenset[str]) -> None:
        self.reconciler.look.kinds = served
        self._add_all()

    def _issuer_changed(self, issuer: Issuer) -> None:
        self.reconciler.look.issuer = issuer
        self._add_all()

    def _add_all(self) -> None:
        for service in self.cache.of_kind("ShopService"):
            self.queue.add(Key(service["metadata"]["namespace"], service["metadata"]["name"]))
