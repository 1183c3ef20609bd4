"""What others may rely on since the last release: fields of every schema, names of every stream and event.

    python -m shop_contracts.released > released.json    # at a release

While a new version is rolled out, and for as long as a stream keeps its events, old and new read each other's
words. So a field stays, keeps its type and values, and what is new may be missing. Whoever needs more adds
another field or event, and releases that it is gone once nobody can still read it.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import shop_contracts

Fields = dict[str, str]
"""Type by field, as `string`, `[uuid]`, `shop_contracts.money.Money`; one that may be missing ends in `?`."""
Contracts = dict[str, Fields]
"""By schema; those of names are by module."""


def contracts() -> Contracts:
    """As they are now."""
    found = list(_models())
    keys, document = models_json_schema([(model, "validation") for model in found])
    names = {keys[model, "validation"]["$ref"]: _name(model) for model in found}
    told: Contracts = {}
    for model in found:
        told[_name(model)] = _fields(document, keys[model, "validation"]["$ref"], names)
    for module in _modules():
        if constants := {
            name: f"'{value}'"
            for name, value in vars(module).items()
            if name.isupper() and not name.startswith("_") and isinstance(value, str)
        }:
            told[module.__name__] = constants
    return dict(sorted(told.items()))


def broken(released: Mapping[str, Fields], now: Mapping[str, Fields]) -> list[str]:
    """What somebody relies on and is not so any more, one line each."""
    found: list[str] = []
    for schema, before in released.items():
        if schema not in now:
            found.append(f"{schema}: expected to stay, found none")
            continue
        after = now[schema]
        for field, type in before.items():
            name = field.removesuffix("?")
            present = after.get(name) or after.get(f"{name}?")
            if present is None:
                found.append(f"{schema}.{name}: expected to stay, found none")
            elif present != type:
                found.append(f"{schema}.{name}: expected {type}, found {present}")
            elif field.endswith("?") and name in after:
                found.append(f"{schema}.{name}: could be missing, and is required now")
        fresh = set(after) - set(before) - {field.removesuffix("?") for field in before}
        found += [
            f"{schema}.{field}: is new, and required: who wrote before did not know it"
            for field in sorted(fresh)
            if not field.endswith("?") and f"{field}?" not in before and not after[field].startswith("'")
        ]
    return found


def _modules() -> Iterator[Any]:
    for module in pkgutil.walk_packages(shop_contracts.__path__, "shop_contracts."):
        if module.name != __name__:
            yield importlib.import_module(module.name)


def _models() -> Iterator[type[BaseModel]]:
    for module in _modules():
        for found in vars(module).values():
            mine = isinstance(found, type) and issubclass(found, BaseModel)
            if mine and found.__module__ == module.__name__ and not found.__name__.startswith("_"):
                yield found


def _name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _fields(document: Mapping[str, Any], ref: str, names: Mapping[str, str]) -> Fields:
    definitions = document["$defs"]
    schema = definitions[ref.rpartition("/")[2]]
    required = set(schema.get("required", ()))
    return {
        field if field in required else f"{field}?": _type(part, definitions, names)
        for field, part in sorted(schema.get("properties", {}).items())
    }


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """How it is written down; bounds and patterns, examples and defaults apart."""
    match schema:
        case {"$ref": ref}:
            return names.get(ref) or _type(definitions[ref.rpartition("/")[2]], definitions, names)
        case {"anyOf": parts} | {"oneOf": parts}:
            return " | ".join(sorted(_type(part, definitions, names) for part in parts))
        case {"allOf": [part]}:
            return _type(part, definitions, names)
        case {"const": value}:
            return repr(value)
        case {"enum": values}:
            return " | ".join(sorted(repr(value) for value in values))
        case {"type": "array", "prefixItems": parts}:
            return f"[{', '.join(_type(part, definitions, names) for part in parts)}]"
        case {"type": "array", "items": part}:
            return f"[{_type(part, definitions, names)}]"
        case {"type": "object", "additionalProperties": dict(part)}:
            return f"{{{_type(part, definitions, names)}}}"
        case {"type": kind}:
            return str(schema.get("format", kind))
    return "anything"


if __name__ == "__main__":
    print(json.dumps(contracts(), indent=1))
