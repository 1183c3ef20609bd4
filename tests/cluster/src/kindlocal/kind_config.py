"""The part of kind's configuration file (kind.x-k8s.io/v1alpha4) that one node can honour."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kindlocal.errors import KindlocalError
from kindlocal.ports import Mapping


@dataclass(frozen=True)
class KindConfig:
    """What a configuration asks for; ``ignored`` names what is not honoured."""

    name: str = ""
    ports: list[Mapping] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def read(path: str) -> KindConfig:
    """Read a file, or standard input for ``-``.

    Raises KindlocalError for what is no such configuration.
    """
    import yaml  # costs 30 ms, and only this and kubeconfigs need it

    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
        return parse(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise KindlocalError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise KindlocalError(f"cannot read the configuration {path}: {error.strerror}") from None


def parse(document: Any) -> KindConfig:
    """Understand a document.

    Raises KindlocalError for a wrong kind, several nodes or a wrong port mapping.
    """
    if not isinstance(document, dict) or document.get("kind") != "Cluster":
        raise KindlocalError("the configuration must be of kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4")
    nodes = document.get("nodes") or []
    if len(nodes) > 1:
        raise KindlocalError(f"the configuration asks for {len(nodes)} nodes, a local cluster has one")
    node = nodes[0] if nodes else {}
    mappings = [_mapping(entry) for entry in node.get("extraPortMappings") or []]
    ignored = sorted(document.keys() - {"kind", "apiVersion", "name", "nodes"})
    ignored += sorted(f"nodes[0].{key}" for key in node.keys() - {"role", "extraPortMappings"})
    return KindConfig(str(document.get("name") or ""), mappings, ignored)


def _mapping(entry: Any) -> Mapping:
    where = f"extraPortMappings entry {entry!r}"
    if str(entry.get("protocol", "TCP")).upper() != "TCP":
        raise KindlocalError(f"{where}: only TCP can be mapped")
    numbers = {}
    for key in ("containerPort", "hostPort"):
        number = entry.get(key)
        if not isinstance(number, int) or not 0 < number < 65536:
            raise KindlocalError(f"{where}: {key} must be a port from 1 to 65535, found {number!r}")
        numbers[key] = number
    address = str(entry.get("listenAddress") or "0.0.0.0")
    return Mapping(numbers["containerPort"], numbers["hostPort"], address)
