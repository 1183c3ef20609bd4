"""The fields of a structural schema, and values for them: right ones, other right ones, wrong ones."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from shop_operator.api.crd import custom_resource_definition

Schema = dict[str, Any]
Path = tuple[str | int, ...]

ITEM, VALUE = "[]", "{}"
"""Steps of a field's path into the items of a list and the values of a map."""
NOTHING = object()
"""In place of a value: the field is not there."""

# What fields of this API look like; the first that a schema allows is taken.
WORDS = (
    "a", "name-1", "1Gi", "2", "1", "5s", "30d", "50%", "99.9", "250ms", "/a", "/a/b", "A_1", "10.0.0.0/8",
    "a.example.com", "a.example.com/b", "2026-11-21T00:00:00Z",
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A node of the schema: `spec.ports[].port` is ("spec", "ports", "[]", "port")."""

    path: tuple[str, ...]
    schema: Schema
    required: bool = False

    @property
    def name(self) -> str:
        """What a person calls it: the last named step."""
        return next(step for step in reversed(self.path) if step not in (ITEM, VALUE))

    @property
    def leaf(self) -> bool:
        """Whether nothing below it is described."""
        return not self.schema.get("properties") and "items" not in self.schema and not _values(self.schema)

    def __str__(self) -> str:
        return ".".join(self.path).replace("." + ITEM, ITEM).replace("." + VALUE, VALUE)


@cache
def spec_fields() -> tuple[Field, ...]:
    """Every field below `spec` of the ShopService, those of structures before what is in them."""
    versions = custom_resource_definition()["spec"]["versions"]
    spec = versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return tuple(_fields(spec, ("spec",)))


def _fields(schema: Schema, path: tuple[str, ...]) -> Iterator[Field]:
    for name, field in schema.get("properties", {}).items():
        yield Field((*path, name), field, name in schema.get("required", ()))
        yield from _fields(field, (*path, name))
    for step, inner in ((ITEM, schema.get("items")), (VALUE, _values(schema))):
        if inner:
            yield Field((*path, step), inner)
            yield from _fields(inner, (*path, step))


def _values(schema: Schema) -> Schema | None:
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else None


def places(obj: Any, path: tuple[str, ...]) -> Iterator[Path]:
    """Where in an object a field of the schema is, or could be set since all around it is there."""
    if not path:
        yield ()
        return
    step, *rest = path
    if step == ITEM:
        inside = list(enumerate(obj)) if isinstance(obj, list) else []
    elif step == VALUE:
        inside = list(obj.items()) if isinstance(obj, dict) else []
    else:
        inside = [(step, obj.get(step))] if isinstance(obj, dict) and (step in obj or not rest) else []
    for key, item in inside:
        for place in places(item, tuple(rest)):
            yield (key, *place)


def grown(obj: Any, field: Field) -> Any:
    """A copy in which all that is around the field is there, with no more in it than has to be."""
    result = copy.deepcopy(obj)
    for length in range(2, len(field.path)):
        around = next(f for f in spec_fields() if f.path == field.path[:length])
        for place in list(places(result, around.path)):
            if value_at(result, place) is NOTHING or value_at(result, place) in ({}, []):
                result = changed(result, place, example(around.schema))
    return result


def value_at(obj: Any, place: Path) -> Any:
    """What is there, or NOTHING."""
    for step in place:
        if isinstance(obj, dict) and step not in obj:
            return NOTHING
        obj = obj[step]
    return obj


def changed(obj: Any, place: Path, value: Any) -> Any:
    """A copy with that value there, or without the field."""
    result = copy.deepcopy(obj)
    *above, last = place
    parent = value_at(result, tuple(above))
    if value is not NOTHING:
        parent[last] = copy.deepcopy(value)
    elif isinstance(parent, list) or last in parent:
        del parent[last]
    return result


def example(schema: Schema) -> Any:
    """A value that the schema allows, with all that is required and nothing more."""
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("x-kubernetes-int-or-string"):
        return 1 if allowed(schema, "1") else word(schema)
    match schema.get("type"):
        case "object" | None:
            properties = schema.get("properties", {})
            found = {name: example(properties[name]) for name in schema.get("required", ())}
            if not found and (inner := _values(schema)):
                found = {"cpu": example(inner)}  # of the maps with values of their own, most are of resources
            return found
        case "array":
            return [example(schema["items"])] * max(1, schema.get("minItems", 0))
        case "integer":
            return max(schema.get("minimum", 0), min(1, schema.get("maximum", 1)))
        case "boolean":
            return True
    return word(schema)


def word(schema: Schema) -> str:
    """A text that the schema allows."""
    for text in WORDS:
        if allowed(schema, text):
            return text
    raise LookupError(f"no word for {schema.get('pattern')}: add one to {__name__}.WORDS")


def allowed(schema: Schema, text: str) -> bool:
    """Whether a text fits pattern and length."""
    return (
        len(text) <= schema.get("maxLength", 2**31)
        and len(text) >= schema.get("minLength", 0)
        and re.search(schema.get("pattern", ""), text) is not None
    )


def others(schema: Schema, value: Any) -> Iterator[Any]:
    """Other values that the schema allows instead of this one, the likely ones first."""
    if "enum" in schema:
        yield from (member for member in schema["enum"] if member != value)
    elif schema.get("type") == "boolean":
        yield not value
    elif schema.get("type") == "integer":
        low, high = schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1)
        near = [value + 1, value - 1] if isinstance(value, int) else []
        yield from (number for number in dict.fromkeys([*near, low, high]) if low <= number <= high != value)
    elif schema.get("type") == "string" or schema.get("x-kubernetes-int-or-string"):
        yield from _other_texts(schema, value)
    elif schema.get("type") == "array":
        if isinstance(value, list) and value:
            yield value[:-1]
            yield value[::-1]
        yield example(schema)
    elif isinstance(value, dict):
        for name in value:
            yield {key: item for key, item in value.items() if key != name}
    else:
        yield example(schema)


def _other_texts(schema: Schema, value: Any) -> Iterator[Any]:
    text = str(value) if isinstance(value, str | int) else ""
    digits = re.search(r"[0-9]+", text)
    near = []
    if digits:  # a larger quantity, a longer time, another address
        for more in (int(digits[0]) + 1, int(digits[0]) * 2, max(int(digits[0]) - 1, 0)):
            near.append(f"{text[: digits.start()]}{more}{text[digits.end() :]}")
    near += [f"{text}x", f"{text}-x", f"x{text}", f"{text}/x", text[:-1], *WORDS]
    yield from (found for found in dict.fromkeys(near) if found != text and allowed(schema, found))


def wrong(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    """Extreme and invalid values by name: the API server has to refuse them, or the operator to cope."""
    yield "null", None
    kind = "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema.get("type")
    if kind in ("object", "array", None):
        yield "wrong type", "text"
    else:
        yield "wrong type", {"unexpected": "map"}
    if kind in ("integer", "boolean"):
        yield "text", "seven"
    if kind in ("string", "integer", "int-or-string", "boolean"):
        yield "list", ["a"]
    if kind == "string":
        yield "number", 7
    if "enum" in schema:
        yield "unknown enum", "Nonsense"
    elif kind in ("string", "int-or-string"):
        yield "empty", ""
        yield from _lengths(schema, value)
        yield "white space", " \t\n"
        yield "other script", "名前-ß-🙂"
        yield "markup", "{{ .Values }} ${x} `y` \"z\" 'q' \\"
    if kind in ("integer", "int-or-string"):
        yield "zero", 0
        yield "negative", -1
        yield "huge", 2**63 - 1
        yield "fraction", 0.5
    if kind == "integer":
        for name, bound, step in (
            ("minimum", schema.get("minimum"), -1),
            ("maximum", schema.get("maximum"), 1),
        ):
            if bound is not None:
                yield name, bound
                yield f"beyond {name}", bound + step
    if kind == "array":
        yield from _lists(schema, value)
    if kind in ("object", None):
        yield "empty", {}
        if isinstance(value, dict):
            yield "unknown sibling", {**value, "unknownField": 1}
        else:
            yield "unknown field", {"unknownField": 1}


def _lengths(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    longest = schema.get("maxLength")
    if longest is None:
        yield "very long", "a" * 100_000
        return
    base = value if isinstance(value, str) else word(schema)
    for name, length in (("longest", longest), ("too long", longest + 1)):
        without = {key: limit for key, limit in schema.items() if key != "maxLength"}
        for filler, at in ((filler, at) for filler in ("a", "1", "A") for at in range(len(base) + 1)):
            text = base[:at] + filler * (length - len(base)) + base[at:]
            if allowed(without, text):
                yield name, text
                break


def _lists(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    yield "empty", []
    yield "item of the wrong type", [["nested"]]
    yield "null item", [None]
    items = value if isinstance(value, list) and value else [example(schema["items"])]
    yield "duplicate", [*items, items[-1]]
    if most := schema.get("maxItems"):
        yield "too many", [_numbered(items[-1], schema, number) for number in range(most + 1)]


def _numbered(item: Any, schema: Schema, number: int) -> Any:
    """The item under another key, so that it is their number alone that is wrong."""
    for key in schema.get("x-kubernetes-list-map-keys", ()):
        if isinstance(item.get(key), str):
            item = {**item, key: f"{item[key]}{number}"}
    return item
