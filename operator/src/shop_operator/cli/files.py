"""ShopServices from files. What is wrong in them is told all at once, each with its file and line."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shop_operator.api import API_VERSION, KIND, InvalidSpec, ShopService, parse


class Unreadable(ValueError):  # noqa: N818 - reads well in `except`
    """Files that cannot be used; the text says which, where and why, one line for each thing."""


@dataclass(frozen=True)
class _Object:
    """One Kubernetes object of a file: its content, and where each part of it is written."""

    file: str
    node: yaml.Node
    content: Any

    def at(self, field: str = "") -> str:
        """`shop.yaml:12`: where a field is written."""
        return f"{self.file}:{self.line(field)}"

    def line(self, field: str) -> int:
        """The line of a field such as `spec.ports[0].name`, or of what it is missing in; the first is 1."""
        node, line = self.node, self.node.start_mark.line
        for step in re.findall(r"[^.\[\]]+", field):
            if isinstance(node, yaml.MappingNode):
                found = [pair for pair in node.value if pair[0].value == step]
                if not found:
                    break
                line, node = found[0][0].start_mark.line, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
                node = node.value[int(step)]
                line = node.start_mark.line
            else:
                break
        return line + 1


def read(*files: str) -> list[ShopService]:
    """The ShopServices of YAML files, `-` for standard input. Lists are opened; other kinds are passed over.

    Raises Unreadable.
    """
    problems: list[str] = []
    found: dict[tuple[str, str], ShopService] = {}
    for file in files:
        shown, kinds, before = "<stdin>" if file == "-" else file, [], len(problems)
        services = 0
        for one in _objects(file, shown, problems):
            if not isinstance(one.content, dict):
                told = f"expected a Kubernetes object, found {type(one.content).__name__}"
                problems.append(f"{one.at()}: {told}")
            elif one.content.get("kind") != KIND:
                kinds.append(str(one.content.get("kind", "an object without kind")))
            else:
                services += 1
                _take(one, found, problems)
        if not services and len(problems) == before:
            told = ", ".join(dict.fromkeys(kinds)) or "none"
            problems.append(f"{shown}: expected a {KIND} of {API_VERSION}, found {told}")
    if problems:
        raise Unreadable("\n".join(problems))
    return list(found.values())


def _take(one: _Object, found: dict[tuple[str, str], ShopService], problems: list[str]) -> None:
    """Put one ShopService with the others, or what is wrong with it with the problems."""
    if (version := one.content.get("apiVersion")) != API_VERSION:
        problems.append(f"{one.at('apiVersion')}: expected apiVersion {API_VERSION}, found {version}")
        return
    metadata = one.content.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    try:
        shop = parse(one.content)
    except InvalidSpec as error:
        who = f"{KIND} {name or 'without a name'}"
        told = sorted(error.errors, key=lambda found: one.line(found[0]))
        problems += [f"{one.at(field)}: {who}: {field}: {message}" for field, message in told]
        return
    if (shop.namespace, shop.name) in found:
        problems.append(f"{one.at('metadata.name')}: {KIND} {name} is given twice")
    found[shop.namespace, shop.name] = shop


def _objects(file: str, shown: str, problems: list[str]) -> Iterator[_Object]:
    loader = yaml.SafeLoader("")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
            problems += [f"{shown}:{line + 1}: {key} is given twice" for key, line in _twice(document)]
            for node in _opened(document):
                if (content := loader.construct_document(node)) is not None:
                    yield _Object(shown, node, content)
    except OSError as error:
        problems.append(f"{shown}: {error.strerror}")
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problems.append(f"{shown}{line}: not YAML: {error.problem or error.context}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"{shown}: not YAML: {' '.join(str(error).split())}")
    finally:
        loader.dispose()


def _opened(node: yaml.Node) -> list[yaml.Node]:
    """The items of a List, as `kubectl get --output=yaml` prints it; otherwise the node itself."""
    fields = {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    kind, items = fields.get("kind"), fields.get("items")
    if isinstance(kind, yaml.ScalarNode) and kind.value in ("List", f"{KIND}List"):
        return list(items.value) if isinstance(items, yaml.SequenceNode) else []
    return [node]


def _twice(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Keys that a mapping has more than once: YAML readers keep the last, the API server refuses them."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    yield key.value, key.start_mark.line
                seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)
