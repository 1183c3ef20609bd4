"""The scripts and settings that database and cache pods run, as they are mounted from a ConfigMap."""

from functools import cache
from importlib.resources import files


@cache
def folder(name: str) -> dict[str, str]:
    """All files of one folder here, by name."""
    entries = sorted((files(__package__) / name).iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_text() for entry in entries if entry.is_file()}
