"""What somebody can ask for who has a token of their own and knows another's ids: every route there is."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from shop_journeys.api import Json

SOMETHING = str(UUID(int=7))
"""In place of what is nobody's."""
_PARAMETER = re.compile(r"([^/{}]+)/\{\w+\}")


class Attempt(NamedTuple):
    """A request."""

    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def attempts(document: Json, ids: Mapping[str, str]) -> Iterator[Attempt]:
    """One for each route of an OpenAPI document, those of administrators and services apart.

    `ids` has what to put in place of a parameter, by what stands before it: `orders` for `/orders/{id}`; and
    of a member `order_id` in a body. Raises LookupError for a route of which it is not known whose things it
    is about.
    """
    for path, methods in document["paths"].items():
        if path.startswith(("/admin", "/internal")):
            continue
        if unknown := [name for name in _PARAMETER.findall(path) if name not in ids]:
            raise LookupError(f"{path}: expected to be told an id of {unknown[0]} that is another's")
        filled = _PARAMETER.sub(lambda found: f"{found[1]}/{ids[found[1]]}", path)
        for method, operation in methods.items():
            if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
                continue  # it goes on for ever
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            body = None if schema is None else _pointed(_example(schema, document), ids)
            yield Attempt(method.upper(), filled, body)


def _example(schema: Json, document: Json) -> Any:
    """Something that the schema takes, with all that is required."""
    match schema:
        case {"$ref": ref}:
            return _example(document["components"]["schemas"][ref.rpartition("/")[2]], document)
        case {"example": value} | {"examples": [value, *_]} | {"const": value} | {"enum": [value, *_]}:
            return value
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]} | {"allOf": [first, *_]}:
            return _example(first, document)
        case {"type": "object"}:
            parts = schema.get("properties", {})
            return {name: _example(parts[name], document) for name in schema.get("required", ())}
        case {"type": "array", "items": each}:
            return [_example(each, document)]
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
        case {"type": "boolean"}:
            return True
        case {"format": "uuid"}:
            return SOMETHING
    return "x" * schema.get("minLength", 1)


def _pointed(value: Any, ids: Mapping[str, str]) -> Any:
    """The same about these things."""
    match value:
        case dict():
            named = {name: ids.get(f"{name.removesuffix('_id')}s") for name in value if name.endswith("_id")}
            return {name: named.get(name) or _pointed(each, ids) for name, each in value.items()}
        case list():
            return [_pointed(each, ids) for each in value]
    return value
