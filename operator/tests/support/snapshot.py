"""The state of a namespace, without what differs between two that are the same."""

import json
import re
from base64 import b64decode
from typing import Any

from shop_operator.cluster import kinds
from shop_operator.engine.diff import HASH_ANNOTATION

from .cluster import Cluster

Manifest = dict[str, Any]
Snapshot = dict[str, Manifest]

# secrets.token_urlsafe(24); the operator generates nothing else.
GENERATED = re.compile(r"[A-Za-z0-9_-]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
TIMES = {"time", "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "eventTime"}
# What the API server allocates; and the hash of what was applied, which covers uids, names and passwords.
ALLOCATED = {"resourceVersion", "clusterIP", "clusterIPs", "nodePort", HASH_ANNOTATION}
MADE_BY_THE_CLUSTER = ("default", "kube-root-ca.crt")


async def snapshot(cluster: Cluster) -> Snapshot:
    """All that the operator writes in this namespace, by kind and name, and the Events that it tells."""
    objects = []
    for kind in (kinds.SHOP_SERVICE, *kinds.CHILDREN):
        async for page in cluster.api.pages(kind, namespace=cluster.namespace):
            objects += [{**item, "kind": kind.kind} for item in page["items"]]
    events = [
        event
        async for page in cluster.api.pages(kinds.EVENT, namespace=cluster.namespace)
        for event in page["items"]
        if event.get("reportingController", "").startswith("shopservice.dev/")
    ]
    return normalised(objects, events, cluster.namespace)


def normalised(objects: list[Manifest], events: list[Manifest], namespace: str) -> Snapshot:
    """The same for two namespaces in which the same was done; equal secrets stay equal, others differ."""
    ours = [obj for obj in objects if obj["metadata"]["name"] not in MADE_BY_THE_CLUSTER]
    generated: dict[str, str] = {}
    readable = {_title(obj): _uncounted(_readable(obj, generated)) for obj in sorted(ours, key=_title)}
    # Of what a test injected it may be told; of what followed from it not.
    told = sorted(
        {f"{event['reason']}: {event['note']}" for event in events if "injected" not in event["note"]}
    )
    text = json.dumps(_without_chance(readable | {"Events": {"told": told}}))
    for obj in ours:
        text = text.replace(obj["metadata"]["uid"], f"<uid of {_title(obj)}>")
    snapshot: Snapshot = json.loads(text.replace(namespace, "<namespace>"))
    return snapshot


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """One line for each field that is not as expected."""
    return list(_differences(expected, found, ""))


def _title(obj: Manifest) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def _readable(obj: Manifest, generated: dict[str, str]) -> Manifest:
    """With the data of a Secret as text, and in place of each generated one a number of its own."""
    if obj["kind"] != "Secret":
        return obj
    data = {name: b64decode(value).decode() for name, value in sorted(obj.get("data", {}).items())}
    for name, value in data.items():
        if GENERATED.fullmatch(value):
            data[name] = generated.setdefault(value, f"<secret {len(generated) + 1}>")
        elif TIME.fullmatch(value):
            data[name] = "<time>"
    return {**obj, "data": data}


def _uncounted(obj: Manifest) -> Manifest:
    """Without generations: two changes of a child may be made in one. A ShopService's are the person's."""
    if obj["kind"] == "ShopService":
        return obj
    parts = {name: obj[name] for name in ("metadata", "status") if name in obj}
    counts = ("generation", "observedGeneration")
    return obj | {
        part: {name: value for name, value in fields.items() if name not in counts}
        for part, fields in parts.items()
    }


def _without_chance(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _without_chance(item, name) for name, item in value.items() if name not in TIMES | ALLOCATED
        }
    if isinstance(value, list):
        items = [_without_chance(item) for item in value]
        # The server orders these by time.
        return (
            sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
            if key == "managedFields"
            else items
        )
    return value


def _differences(expected: Any, found: Any, path: str) -> Any:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            here = f"{path}.{name}" if path else name
            if name not in found:
                yield f"{here}: missing"
            elif name not in expected:
                yield f"{here}: not expected, found {_short(found[name])}"
            else:
                yield from _differences(expected[name], found[name], here)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif expected != found:
        yield f"{path}: expected {_short(expected)}, found {_short(found)}"


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
