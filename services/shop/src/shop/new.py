"""A new service: a folder that passes its tests, written from the files below `template`."""

import re
import subprocess
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

SUFFIX = ".tmpl"
"""Of template files, so that no tool takes them for what they will be."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SOURCES = re.compile(r"(?<=\[tool\.uv\.sources\]\n)(?:.+\n)+")
_PATHS = re.compile(r"(?<=\nmypy_path = \[\n)(?:    .+\n)+")


class CannotMake(Exception):  # noqa: N818 - the message says what is wrong
    """The service is not made; says why."""


def new_service(name: str, workspace: Path) -> Path:
    """Writes services/NAME and names it in the workspace's pyproject.toml; returns the folder.

    Raises CannotMake, before anything is written.
    """
    if not _NAME.fullmatch(name) or len(name) > 40:
        raise CannotMake(f"{name}: expected lower-case words joined by dashes, at most 40 characters")
    project, folder = workspace / "pyproject.toml", workspace / "services" / name
    if not project.is_file() or "[tool.uv.workspace]" not in project.read_text():
        raise CannotMake(f"{workspace}: expected the root of the workspace, found no [tool.uv.workspace]")
    if folder.exists():
        raise CannotMake(f"{folder}: is there already")
    words = {
        "PACKAGE": f"shop_{name.replace('-', '_')}",
        "TITLE": name.replace("-", " ").capitalize(),
        "NAME": name,
    }
    named = _with_member(project.read_text(), name)
    for path, content in _filled(files("shop") / "template", words):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    project.write_text(named)
    _tidy(folder)
    return folder


def _tidy(folder: Path) -> None:
    """Where imports go and lines break depends on the name; without ruff they stay as they are."""
    for arguments in (["check", "--quiet", "--fix", "--select", "I"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, folder], capture_output=True)


def _filled(folder: Traversable, words: dict[str, str], at: Path = Path()) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = at / _fill(entry.name.removesuffix(SUFFIX), words)
        if entry.is_dir():
            found += _filled(entry, words, path)
        elif entry.name.endswith(SUFFIX):
            found.append((path, _fill(entry.read_text(), words)))
    return found


def _fill(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _with_member(project: str, name: str) -> str:
    """The workspace's pyproject.toml with the member among its sources and on mypy's path."""
    source = f"shop-{name} = {{ workspace = true }}\n"
    path = f'    "services/{name}/src",\n'
    for block, line in ((_SOURCES, source), (_PATHS, path)):
        found = block.search(project)
        if found is None:
            raise CannotMake(f"pyproject.toml: expected a block that matches {block.pattern!r}")
        if line not in found[0]:
            project = project[: found.end()] + line + project[found.end() :]
    return project
