"""What Kopf does for the operator: it watches the ShopServices, logs in, reports health, ends the process.

Its handlers only hand events to the cache, whose listener puts keys on the queue. Two things that Kopf does
not tell are taken from its own lists: when the first is complete, and what vanished while a watch was down.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import kopf
import structlog

from shop_operator.api import GROUP, PLURAL, VERSION
from shop_operator.cluster.client import PAGE_SIZE, decoded
from shop_operator.cluster.connection import Connection
from shop_operator.cluster.projection import project
from shop_operator.engine.engine import Engine
from shop_operator.engine.patience import Backoffs, WatchResponse
from shop_operator.settings import Settings

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)
LIST_KIND = "ShopServiceList"


class NoRecord(kopf.DiffBaseStorage):
    """Kopf compares each object with a record of what its handlers saw last. Ours look at the present state
    alone, so there is no record, and no deep copy of every event's object to make one."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:
        """Nothing."""
        return kopf.BodyEssence({})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Never needed."""


def settings() -> kopf.OperatorSettings:
    """Kopf's settings as they were measured to do best."""
    configured = kopf.OperatorSettings()
    # Kopf would watch CRDs, as the engine does already, and for one namespace also Namespaces, which it may
    # not. Instead it is let in when the CRD is there, and starts anew when that has gone.
    configured.scanning.disabled = True
    configured.posting.enabled = False
    configured.peering.standalone = True
    configured.persistence.diffbase_storage = NoRecord()
    configured.watching.chunk_size = PAGE_SIZE
    # Every object keeps a worker for this long after an event.
    configured.queueing.idle_timeout = 0.1
    configured.networking.error_backoffs = Backoffs()
    return configured


def registry(engine: Engine, connection: Connection, working: asyncio.Task[None]) -> kopf.OperatorRegistry:
    """The handlers of one operator whose engine runs as the task `working`."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.AiohttpSession:
        await engine.served()
        session = connection.session(response_class=_observing(engine))
        session.headers.update(connection.headers())
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=session)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def changed(type: str | None, event: Any, **_: Any) -> None:
        manifest = project(event["object"], "ShopService")
        if type == "DELETED":
            engine.cache.remove("ShopService", manifest)
        else:
            engine.cache.update("ShopService", manifest)

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        # Kopf waits 5 s for tasks that it did not start itself, unless they have ended by now.
        working.cancel()
        await asyncio.wait({working})

    @kopf.on.probe(registry=handlers, id="queue")
    async def queue(**_: Any) -> int:
        engine.check()
        return engine.queue.depth

    return handlers


async def serve(engine: Engine, connection: Connection, chosen: Settings) -> bool:
    """Run Kopf and the engine until SIGTERM or SIGINT, or until one of them fails.

    True when there is reason to begin anew: the CRD was deleted, and Kopf looks for resources only once.
    """
    working = asyncio.create_task(engine.run(), name="engine")
    serving = asyncio.create_task(
        kopf.operator(
            registry=registry(engine, connection, working),
            settings=settings(),
            standalone=True,
            clusterwide=not chosen.namespace,
            namespaces=[chosen.namespace] if chosen.namespace else [],
            liveness_endpoint=f"http://0.0.0.0:{chosen.health_port}/healthz",
        ),
        name="kopf",
    )
    await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
    if working.done() and not working.cancelled():
        # An operator that does half of its work is worse than one that is started again.
        serving.cancel()
        await asyncio.wait({serving})
        working.result()
    try:
        await serving
    except Exception as error:
        # Kopf gives up on a resource that is no longer served.
        if getattr(error, "status", None) != 404:
            raise
        log.warning("the CRD of the ShopServices was deleted")
        return True
    return False


def _observing(engine: Engine) -> type[aiohttp.ClientResponse]:
    """A response class that shows the engine the ShopServices of each list that Kopf reads.

    Kopf itself is told of none: it would start a worker for each, to tell the engine the same again.
    """
    pages: list[Manifest] = []

    class Response(WatchResponse):
        async def json(self, **options: Any) -> Any:
            body = await super().json(loads=decoded, **options)
            if isinstance(body, dict) and body.get("kind") == LIST_KIND:
                if "continue" not in self.url.query:
                    pages.clear()
                pages.extend(project(item, "ShopService") for item in body.pop("items") or ())
                if not body["metadata"].get("continue"):
                    engine.cache.replace("ShopService", pages, body["metadata"]["resourceVersion"])
                    engine.services_listed()
                    pages.clear()
            return body

    return Response
