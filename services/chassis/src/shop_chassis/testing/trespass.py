"""What somebody can ask for who has a token of their own and knows another's ids: every route there is."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

Json = dict[str, Any]
SOMETHING = str(UUID(int=7))
"""In place of what is nobody's."""
_PARAMETER = re.compile(r"([^/{}]+)/\{(\w+)\}")


class Attempt(NamedTuple):
    """A request."""

    method: str
    route: str
    """Its path in the document, with the parameters' names."""
    path: str
    """The same with ids."""
    body: Any
    open: bool
    """Whether no token is asked for, so that what it names is nobody's."""

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def attempts(document: Json, ids: Mapping[str, str]) -> Iterator[Attempt]:
    """One for each route of an OpenAPI document, those of administrators and services apart.

    `ids` has what to put in place of a parameter, by what stands before it: `orders` for
    `/orders/{order_id}`, and of a member `order_id` in a body. Raises LookupError for a route that names
    something else, unless it asks for no token.
    """
    for route, methods in document["paths"].items():
        if route.startswith(("/admin", "/internal")):
            continue
        for method, operation in methods.items():
            if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
                continue  # it goes on for ever
            is_open = not operation.get("security")
            path = _filled(f"{method.upper()} {route}", ids, is_open).partition(" ")[2]
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            body = None if schema is None else _pointed(_example(schema, document), ids)
            yield Attempt(method.upper(), route, path, body, is_open)


def _filled(route: str, ids: Mapping[str, str], is_open: bool) -> str:
    def id_of(found: re.Match[str]) -> str:
        kind = found[1]
        if kind not in ids and not is_open:
            detail = f'add {{"{kind}": …}}, the {found[2]} of one that is another\'s'
            raise LookupError(f"{route}: expected to be told one of {kind} that can be tried; {detail}")
        return f"{kind}/{ids.get(kind, SOMETHING)}"

    filled = _PARAMETER.sub(id_of, route)
    if "{" in filled:
        raise LookupError(f"{route}: expected before each parameter what it is one of, as in /orders/{{id}}")
    return filled


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
