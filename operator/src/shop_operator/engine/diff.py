"""Desired ⊆ live: which fields that we want are missing or different, by Kubernetes' own rules for lists.

Only what the operator names is compared, so what others add (sidecars, `kubectl rollout restart`, labels)
survives. What the operator named before and names no longer is found by the hash of what was applied.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from shop_operator.children.keys import item_key, keyed, list_keys
from shop_operator.cluster.projection import digested

HASH_ANNOTATION = "shopservice.dev/applied-hash"

# A step into an object, in the notation of managedFields: `f:name`, or `k:{"name":"main"}` into a keyed list.
Path = tuple[str, ...]


def applied_hash(manifest: dict[str, Any]) -> str:
    """A short hash of a manifest as the builders made it."""
    return hashlib.sha256(_encode(manifest).encode()).hexdigest()[:16]


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def differences(desired: dict[str, Any], live: dict[str, Any]) -> list[Path]:
    """Paths of the fields in `desired` that `live`, as it was projected, lacks or has otherwise."""
    found: list[Path] = []
    for field, value in digested(desired).items():
        if field not in ("apiVersion", "kind"):
            _compare(value, live.get(field), (f"f:{field}",), desired.get("kind", ""), found)
    return found


def _compare(desired: Any, live: Any, path: Path, kind: str, found: list[Path]) -> None:
    if desired is None or desired == live:
        return
    if isinstance(desired, dict) and isinstance(live, dict):
        for field, value in desired.items():
            have = live.get(field)
            if value != have:
                _compare(value, have, (*path, f"f:{field}"), kind, found)
        return
    if isinstance(desired, list) and isinstance(live, list):
        keys = list_keys(path[-1].removeprefix("f:"), kind)
        if keys and keyed([*desired, *live]):
            by_key = {_key(item, keys): item for item in live}
            for item in desired:
                key = _key(item, keys)
                _compare(item, by_key.get(key), (*path, key), kind, found)
        elif not _atomic_same(desired, live, path, kind):
            found.append(path)
        return
    if not (_empty(desired) and _empty(live)):
        found.append(path)


def _atomic_same(desired: list[Any], live: list[Any], path: Path, kind: str) -> bool:
    """An atomic list belongs to one writer as a whole, but the server fills in defaults inside its items."""
    if len(desired) != len(live):
        return False
    inside: list[Path] = []
    for want, have in zip(desired, live, strict=True):
        _compare(want, have, path, kind, inside)
    return not inside


def _empty(value: Any) -> bool:
    """The server leaves out what is empty, and an absent field means the same."""
    return not value


def _key(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps(item_key(item, keys), separators=(",", ":"))


def readable(path: Path) -> str:
    """A path as people write it: `spec.template.spec.containers[name=main].image`."""
    text = ""
    for step in path:
        if step.startswith("k:"):
            text += "[" + ",".join(f"{key}={value}" for key, value in json.loads(step[2:]).items()) + "]"
        else:
            text += ("." if text else "") + step.removeprefix("f:")
    return text


def managers(managed_fields: list[dict[str, Any]], path: Path, *, ours: str) -> list[str]:
    """Who else than `ours` last wrote the field, from the object's managedFields.

    Who removes a field, or empties what is above it, leaves no record of that: such a one is named only if
    its last write was after ours. Nobody is better than somebody who was not there.
    """
    others = [
        entry for entry in managed_fields if entry.get("manager") != ours and not entry.get("subresource")
    ]
    exact = [entry["manager"] for entry in others if _owns(entry.get("fieldsV1", {}), path)]
    if exact:
        return sorted(set(exact))
    # The server writes times in UTC to the second, so that as texts they sort like times.
    applied = max(
        (entry.get("time", "") for entry in managed_fields if entry.get("manager") == ours), default=""
    )
    since = [entry for entry in others if entry.get("time", "") >= applied]
    latest = max(since, key=lambda entry: entry.get("time", ""), default=None)
    return [latest["manager"]] if latest else []


def _owns(fields: dict[str, Any], path: Path) -> bool:
    """Whether the set contains the path, or something below or the whole above it."""
    for step in path:
        if step not in fields:
            # A leaf above the path is an atomic value that includes it.
            return bool(path) and fields == {} and step is not path[0]
        fields = fields[step]
    return True
