"""Who depends on whom: an index over the ShopServices' dependsOn, and over whose database they share."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from shop_operator.children import Caller
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


def service_account(service: Manifest) -> str:
    """As whom the service calls others, read as leniently."""
    by_hand = _text_at(service, "spec", "podTemplate", "spec", "serviceAccountName")
    return str(by_hand or _text_at(service, "spec", "serviceAccount", "name") or service["metadata"]["name"])


def _at(value: Any, *path: str) -> Any:
    """What is at a path, if all on the way is what it should be."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text_at(value: Any, *path: str) -> str | None:
    found = _at(value, *path)
    return found if isinstance(found, str) else None


def lender(service: Manifest | None) -> Key | None:
    """The ShopService whose database one shares, read as leniently."""
    named = _text_at(service, "spec", "database", "shared", "service")
    return Key(service["metadata"]["namespace"], named) if service is not None and named else None


def lends(service: Manifest | None) -> bool | None:
    """Whether a ShopService has a database that others can share; None where there is no ShopService."""
    database = _at(service, "spec", "database")
    there = isinstance(database, dict) and database.get("mode", "dedicated") == "dedicated"
    return None if service is None else there


class Dependencies:
    """Kept up to date by the cache's listener."""

    def __init__(self) -> None:
        self._callers: defaultdict[Key, dict[Key, Caller]] = defaultdict(dict)
        self._sharers: defaultdict[Key, set[Key]] = defaultdict(set)

    def callers(self, key: Key) -> frozenset[Caller]:
        """Those that name this one."""
        return frozenset(self._callers.get(key, {}).values())

    def sharers(self, key: Key) -> frozenset[str]:
        """Names of those that share its database, all of its namespace."""
        return frozenset(sharer.name for sharer in self._sharers.get(key, ()))

    def change(self, key: Key, old: Manifest | None, new: Manifest | None) -> set[Key]:
        """Take a ShopService's change; returns the others whose children or status it concerns."""
        before, after = depends_on(old), depends_on(new)
        for gone in before - after:
            self._callers[gone].pop(key, None)
        concerned = set(before - after)
        for callee in after:
            assert new is not None
            caller = Caller(*key, service_account(new))
            if self._callers[callee].get(key) != caller:
                self._callers[callee][key] = caller
                concerned.add(callee)
        if (old is None) != (new is None):
            concerned |= {Key(caller.namespace, caller.name) for caller in self.callers(key)}
        return (concerned | self._shared(key, old, new)) - {key}

    def _shared(self, key: Key, old: Manifest | None, new: Manifest | None) -> set[Key]:
        before, after = lender(old), lender(new)
        if before and before != after:
            self._sharers[before].discard(key)
        if after:
            self._sharers[after].add(key)
        concerned = {one for one in (before, after) if one and before != after}
        if lends(old) != lends(new):
            concerned |= self._sharers.get(key, set())
        return concerned
