"""List + watch of one kind into a sink that is then always a true, if slightly old, picture."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Protocol

import structlog

from shop_operator.cluster.client import Api, ApiError
from shop_operator.cluster.kinds import Kind
from shop_operator.cluster.projection import project

Manifest = dict[str, Any]
log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 0.2, 30.0


class Sink(Protocol):
    """Where a reflector puts what it sees."""

    def replace(self, kind: str, objects: list[Manifest], resource_version: str) -> None:
        """These are all objects of the kind as of `resource_version`; what is not among them is gone."""

    def update(self, kind: str, manifest: Manifest) -> None:
        """This object was added or changed."""

    def remove(self, kind: str, manifest: Manifest) -> None:
        """This object was deleted."""


class Reflector:
    """Keeps `sink` filled with one kind.

    `synced` is set once the first list is in, `answered` also when the answer was that there is no such kind,
    or no right to it.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind,
        sink: Sink,
        *,
        namespace: str | None = None,
        selector: str = "",
        metadata_only: bool = False,
    ) -> None:
        self.kind, self.synced, self.answered = kind, asyncio.Event(), asyncio.Event()
        self._api, self._sink = api, sink
        self._namespace, self._selector, self._metadata_only = namespace, selector, metadata_only

    async def run(self) -> None:
        """Run until cancelled; every error is waited out, longer each time."""
        resource_version, delay = "", FIRST_RETRY_SECONDS
        while True:
            try:
                if not resource_version:
                    resource_version = await self._list()
                    self.synced.set()
                    self.answered.set()
                began = time.monotonic()
                async for event in self._api.watch(
                    self.kind,
                    resource_version,
                    namespace=self._namespace,
                    selector=self._selector,
                    timeout_seconds=random.randint(300, 600),
                    metadata_only=self._metadata_only,
                ):
                    resource_version = event["object"]["metadata"]["resourceVersion"]
                    self._take(event)
                    delay = FIRST_RETRY_SECONDS
                if time.monotonic() - began < 1:
                    # A proxy that ends every stream at once must not be asked again as fast as it answers.
                    await asyncio.sleep(FIRST_RETRY_SECONDS)
            except ApiError as error:
                watching = bool(resource_version)
                # A version that is too old, or from before a restored backup, cannot be resumed from;
                # nor can a kind whose CRD went away. After anything else the watch goes on where it was.
                if error.status in (400, 404, 410, 500):
                    resource_version = ""
                if error.status in (403, 404):
                    self.answered.set()
                # To list anew at once is right when a watch is too old, not when a list itself is.
                if error.status != 410 or not watching:
                    log.warning(
                        "watch interrupted", kind=self.kind.kind, error=error.message, retry_seconds=delay
                    )
                    await asyncio.sleep(max(delay * random.uniform(0.5, 1), error.retry_after or 0.0))
                    delay = min(delay * 2, LAST_RETRY_SECONDS)

    async def _list(self) -> str:
        objects: list[Manifest] = []
        resource_version = ""
        async with self._api.one_list:
            async for page in self._api.pages(
                self.kind,
                namespace=self._namespace,
                selector=self._selector,
                metadata_only=self._metadata_only,
            ):
                resource_version = page["metadata"]["resourceVersion"]
                objects += [project(item, self.kind.kind) for item in page.pop("items") or ()]
        self._sink.replace(self.kind.kind, objects, resource_version)
        return resource_version

    def _take(self, event: Manifest) -> None:
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._sink.update(self.kind.kind, project(event["object"], self.kind.kind))
            case "DELETED":
                self._sink.remove(self.kind.kind, project(event["object"], self.kind.kind))
