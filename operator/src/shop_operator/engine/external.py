"""Secrets that ShopServices name and somebody else keeps: which keys they have, as a watch tells."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from shop_operator.cluster import kinds
from shop_operator.cluster.client import Api
from shop_operator.cluster.reflector import Reflector
from shop_operator.engine.cache import Key, Ref, ref_of

Manifest = dict[str, Any]
SECRET = kinds.of("Secret")


class ExternalSecrets:
    """A sink for a watch of all Secrets' metadata, which begins when the first such Secret is named.

    A Secret is read when it is first named and when the watch shows another version of it. Its values are
    forgotten at once.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._changed: Callable[[Key], None] = lambda key: None
        self._named = asyncio.Event()
        self._watch: Reflector | None = None
        self._users: defaultdict[Ref, set[Key]] = defaultdict(set)
        self._of: dict[Key, Ref] = {}
        # By Secret the version that was read, "" for none, with the keys; and the version that was watched.
        self._read: dict[Ref, tuple[str, frozenset[str] | None]] = {}
        self._seen: dict[Ref, str] = {}

    async def run(self, namespace: str | None, changed: Callable[[Key], None]) -> None:
        """Watch until cancelled, and call `changed` for each service whose Secret is no longer as it was."""
        self._changed = changed
        await self._named.wait()
        self._watch = Reflector(self._api, SECRET, self, namespace=namespace, metadata_only=True)
        await self._watch.run()

    async def look(self, key: Key, name: str | None) -> None:
        """Note which Secret the service uses, if any, and read it unless it is known. Raises ApiError."""
        self.forget(key)
        if name is None:
            return
        ref = self._of[key] = Ref("Secret", key.namespace, name)
        self._users[ref].add(key)
        self._named.set()
        watched = self._watch is not None and self._watch.synced.is_set()
        if watched and ref in self._read and self._read[ref][0] == self._seen.get(ref):
            return
        found = await self._api.get(SECRET, ref.namespace, ref.name)
        data = (found or {}).get("data") or {}
        keys = frozenset(field for field, value in data.items() if value)
        version = found["metadata"]["resourceVersion"] if found else ""
        self._read[ref] = (version, keys if found else None)
        self._seen.setdefault(ref, version)

    def forget(self, key: Key) -> None:
        """The service uses no such Secret, or is gone."""
        if before := self._of.pop(key, None):
            self._users[before].discard(key)

    def keys(self, key: Key) -> frozenset[str] | None:
        """The keys with a value in the Secret that the service named last; None where there is no Secret."""
        return self._read[self._of[key]][1] if key in self._of else None

    def replace(self, kind: str, objects: list[Manifest], resource_version: str) -> None:
        """All Secrets that there are."""
        versions = {ref_of(manifest): manifest["metadata"]["resourceVersion"] for manifest in objects}
        for ref in self._users:
            self._see(ref, versions.get(ref, ""))

    def update(self, kind: str, manifest: Manifest) -> None:
        """A Secret was added or changed."""
        self._see(ref_of(manifest), manifest["metadata"]["resourceVersion"])

    def remove(self, kind: str, manifest: Manifest) -> None:
        """A Secret was deleted."""
        self._see(ref_of(manifest), "")

    def _see(self, ref: Ref, version: str) -> None:
        if not self._users.get(ref):
            return
        self._seen[ref] = version
        if self._read.get(ref, ("?",))[0] != version:
            for key in self._users[ref]:
                self._changed(key)
