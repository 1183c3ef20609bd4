"""Kubeconfig files: making one, and adding to and removing from a user's own as kind does."""

import base64
import json
import os
from pathlib import Path
from typing import Any


def document(name: str, server: str, ca: Path, user: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one cluster, user and context, all of the same name."""
    cluster = {"server": server, "certificate-authority-data": encoded(ca)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
    }


def encoded(path: Path) -> str:
    """A file's bytes in base64, as kubeconfig embeds certificates."""
    return base64.b64encode(path.read_bytes()).decode()


def write(path: Path, config: dict[str, Any]) -> None:
    """Write it readable by the owner alone; JSON is YAML."""
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        json.dump(config, out)
