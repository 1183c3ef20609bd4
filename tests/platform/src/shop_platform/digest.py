"""Content hashes: a thing is made again only when what it is made from has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

IGNORED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}


def files_below(paths: Iterable[Path]) -> list[Path]:
    """Every file of these files and folders, sorted, without caches."""
    found = []
    for path in paths:
        inside = path.rglob("*") if path.is_dir() else [path]
        found += [file for file in inside if file.is_file() and not IGNORED.intersection(file.parts)]
    return sorted(found)


def digest(root: Path, paths: Iterable[Path], *words: str) -> str:
    """Eight hex digits over names (relative to `root`), modes and contents of files, and over the words."""
    total = hashlib.sha256()
    for word in words:
        total.update(f"{len(word)}:{word}".encode())
    for file in files_below(paths):
        content = file.read_bytes()
        total.update(f"{file.relative_to(root)}:{file.stat().st_mode & 0o111}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()[:8]
