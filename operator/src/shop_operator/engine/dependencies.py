"""Who depends on whom: an index over the ShopServices' dependsOn."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from shop_operator.engine.cache import Key

Manifest = dict[str, Any]


def depends_on(service: Manifest | None) -> frozenset[Key]:
    """The ShopServices that one names, read leniently: the object may be invalid."""
    spec = (service or {}).get("spec")
    named = spec.get("dependsOn") if isinstance(spec, dict) else None
    if service is None or not isinstance(named, list):
        return frozenset()
    here = service["metadata"]["namespace"]
    return frozenset(
        Key(entry.get("namespace") or here, entry["name"])
        for entry in named
        if isinstance(entry, dict) and "name" in entry
    )


class Dependencies:
    """Kept up to date by the cache's listener."""

    def __init__(self) -> None:
        self._dependants: defaultdict[Key, set[Key]] = defaultdict(set)

    def dependants(self, key: Key) -> frozenset[Key]:
        """Those that name this one."""
        return frozenset(self._dependants.get(key, ()))

    def change(self, key: Key, old: Manifest | None, new: Manifest | None) -> set[Key]:
        """Take a ShopService's change; returns the others whose children or status it concerns."""
        before, after = depends_on(old), depends_on(new)
        for gone in before - after:
            self._dependants[gone].discard(key)
        for added in after - before:
            self._dependants[added].add(key)
        concerned = set(before ^ after)
        if (old is None) != (new is None):
            concerned |= self.dependants(key)
        return concerned - {key}
