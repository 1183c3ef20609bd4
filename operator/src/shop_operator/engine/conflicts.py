"""Objects of somebody else that have the name of a child: watched, so that the child is made when they go."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api, ApiError
from shop_operator.engine.cache import Key, Ref
from shop_operator.engine.ownership import Owner, owner

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

# Where the object cannot be watched, it is looked at again this often.
RETRY_SECONDS = 30.0


class Conflicts:
    """One watch for each such object: no call while nothing happens, and no wait when it does."""

    def __init__(self, api: Api, tasks: asyncio.TaskGroup, gone: Callable[[Key], None]) -> None:
        self._api, self._tasks, self._gone = api, tasks, gone
        self._watches: defaultdict[Key, dict[Ref, asyncio.Task[None]]] = defaultdict(dict)

    def set(self, key: Key, uid: str, objects: Mapping[Ref, Manifest]) -> None:
        """These are in the way of the service with this uid now, and no others."""
        watches = self._watches[key]
        for ref in [ref for ref in watches if ref not in objects or watches[ref].done()]:
            watches.pop(ref).cancel()
        for ref in objects.keys() - watches.keys():
            version = objects[ref]["metadata"]["resourceVersion"]
            watches[ref] = self._tasks.create_task(
                self._watch(key, uid, ref, version), name=f"conflict {ref} of {key}"
            )
        if not watches:
            del self._watches[key]

    async def _watch(self, key: Key, uid: str, ref: Ref, version: str) -> None:
        """Tell once, when the object is gone or has become the service's."""
        try:
            while True:
                async for event in self._api.watch(
                    kinds.of(ref.kind), version, namespace=ref.namespace, name=ref.name, metadata_only=True
                ):
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] == "DELETED" or (
                        event["type"] == "MODIFIED" and owner(event["object"], key, uid) is not Owner.FOREIGN
                    ):
                        self._gone(key)
                        return
                await asyncio.sleep(1)
        except ApiError as error:
            # Most likely a version that is too old to go on from; a new look gives a new one.
            log.info("conflict not watched", child=str(ref), error=error.message)
            await asyncio.sleep(0 if error.status == 410 else RETRY_SECONDS)
            self._gone(key)
