"""Kubeconfig files: making one, and adding to and removing from a user's own as kind does."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kindlocal.errors import KindlocalError
from kindlocal.processes import wait_for

Config = dict[str, Any]

SECTIONS = ("contexts", "clusters", "users")


def document(name: str, server: str, ca: Path, user: Config) -> Config:
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


def write(path: Path, config: Config) -> None:
    """Write it readable by the owner alone; JSON is YAML."""
    _write(path, json.dumps(config))


def _write(path: Path, text: str) -> None:
    # In place, as kubectl does: links and owners stay.
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)


def load(path: Path) -> Config:
    """Read what `write` wrote."""
    return dict(json.loads(path.read_text()))


def as_yaml(config: Config) -> str:
    """A config as YAML."""
    import yaml

    return str(yaml.safe_dump(config, sort_keys=False))


def user_file(explicit: str = "") -> Path:
    """The file that kubectl and kind write: the flag's, or of ``$KUBECONFIG`` the first there is, or ."""
    if explicit:
        return Path(explicit)
    listed = [Path(name) for name in os.environ.get("KUBECONFIG", "").split(":") if name]
    if listed:
        return next((path for path in listed if path.exists()), listed[-1])
    return Path.home() / ".kube" / "config"


def user_files(explicit: str = "") -> list[Path]:
    """Every file in which a context may be: for removing it."""
    if explicit:
        return [Path(explicit)]
    listed = [Path(name) for name in os.environ.get("KUBECONFIG", "").split(":") if name]
    return listed or [Path.home() / ".kube" / "config"]


def merged(config: Config, addition: Config) -> Config:
    """A config with another's entries, which replace those of the same name, and its current context."""
    result = {"apiVersion": "v1", "kind": "Config", **config}
    for section in SECTIONS:
        new = addition[section]
        names = {entry["name"] for entry in new}
        result[section] = [entry for entry in config.get(section) or [] if entry["name"] not in names] + new
    return {**result, "current-context": addition["current-context"]}


def without(config: Config, name: str) -> Config:
    """A config without the entries of that name."""
    result = dict(config)
    for section in SECTIONS:
        result[section] = [entry for entry in config.get(section) or [] if entry["name"] != name]
    if config.get("current-context") == name:
        result["current-context"] = ""
    return result


def edit(path: Path, change: Callable[[Config], Config]) -> None:
    """Change a user's file under the lock that kubectl and kind take.

    Raises KindlocalError when it is no kubeconfig or its lock stays taken.
    """
    import yaml  # costs 30 ms, and only this and kind's configuration need it

    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        try:
            before = yaml.safe_load(path.read_text()) if path.exists() else None
        except yaml.YAMLError as error:
            raise KindlocalError(f"{path} is no kubeconfig: {' '.join(str(error).split())}") from None
        if not isinstance(before or {}, dict):
            raise KindlocalError(
                f"{path} is no kubeconfig: expected a mapping, found {type(before).__name__}"
            )
        after = change(before or {})
        if after != before:
            _write(path, as_yaml(after))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f"{path.name}.lock")

    def taken() -> bool:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    wait_for(taken, 5, f"{lock} is still there (remove it if no kubectl or kind is running)")
    try:
        yield
    finally:
        lock.unlink()
