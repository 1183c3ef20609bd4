"""One part of a pod laid over another, by the rules of server-side apply."""

from typing import Any

from shop_operator.children.keys import item_key, keyed, list_keys

_ONE_OF = (
    frozenset({"value", "valueFrom"}),
    frozenset({"exec", "grpc", "httpGet", "sleep", "tcpSocket"}),
)
"""Fields of which an object has one: who gives another takes the first away."""


def merged(base: Any, over: Any, field: str = "") -> Any:
    """`over` laid over `base`, neither changed: maps are merged, lists of things with a key by that key, and
    everything else is replaced. What is new in a list comes last."""
    if isinstance(base, dict) and isinstance(over, dict):
        if field == "volumes" and not over.keys() <= base.keys():
            return over  # a volume has one source
        gone = {name for group in _ONE_OF if group & over.keys() for name in group - over.keys()}
        kept = {name: value for name, value in base.items() if name not in gone}
        return kept | {name: merged(base.get(name), value, name) for name, value in over.items()}
    keys = list_keys(field)
    if keys and isinstance(base, list) and isinstance(over, list) and keyed([*base, *over]):
        items: dict[tuple[Any, ...], Any] = {_key(item, keys): item for item in base}
        for item in over:
            key = _key(item, keys)
            items[key] = merged(items.get(key), item, field)
        return list(items.values())
    return over


def _key(item: dict[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    # As text: a key that somebody wrote by hand may be anything.
    return tuple(str(value) for value in item_key(item, keys).values())
