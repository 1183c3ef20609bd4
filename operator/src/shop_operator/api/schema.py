"""From a pydantic model to a structural schema, the subset of OpenAPI that a CRD takes.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model: references resolved, descriptions of fields before those of types."""
    schema = model.model_json_schema(by_alias=True)
    return _structural(schema, schema.get("$defs", {}))


def _structural(schema: Mapping[str, Any], types: Mapping[str, Schema]) -> Schema:
    found = _resolved(schema, types)
    result: Schema = {
        key: value
        for key, value in found.items()
        # Titles repeat the names. Empty and null defaults would only be written into every object.
        if key not in ("$defs", "title", "const", "x-list-keys", "additionalProperties")
        and not (key == "default" and value in (None, []))
    }
    if "description" in found:
        result["description"] = " ".join(found["description"].split()) + _default(result.get("default"))
    if "const" in found:
        result["enum"] = [found["const"]]
    if "properties" in found:
        result["properties"] = {
            name: _structural(field, types) for name, field in found["properties"].items()
        }
    if isinstance(found.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(found["additionalProperties"], types)
    elif found.get("additionalProperties") is True:
        result["x-kubernetes-preserve-unknown-fields"] = True
    if "items" in found:
        keys = _resolved(found["items"], types).get("x-list-keys")
        result["items"] = _structural(found["items"], types)
        if keys:
            result |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
        else:
            result["x-kubernetes-list-type"] = "atomic"
    return result


def _resolved(schema: Mapping[str, Any], types: Mapping[str, Schema]) -> Schema:
    """Without `$ref`, and without the null that stands for "not given"."""
    found = dict(schema)
    if "anyOf" in found:
        choices = [choice for choice in found.pop("anyOf") if choice.get("type") != "null"]
        if len(choices) != 1:
            raise TypeError(f"expected one type or None, found a union: {choices}")
        found = {**choices[0], **found}
    if "$ref" in found:
        named = types[found.pop("$ref").removeprefix("#/$defs/")]
        found = {**_resolved(named, types), **found}
    return found


def _default(value: Any) -> str:
    """A default in words: `kubectl explain` prints none."""
    if value is None or isinstance(value, dict | list):
        return ""
    return f" Default: {str(value).lower() if isinstance(value, bool) else value}."
