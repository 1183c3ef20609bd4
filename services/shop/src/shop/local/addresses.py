"""A local shop that runs, as other commands find it."""

from pathlib import Path

from pydantic import BaseModel

from shop.local import FOLDER

CONSOLE = "console"


class Addresses(BaseModel):
    """Where everything is."""

    services: dict[str, str]
    """URL by name."""
    private_key: Path
    """Of the tokens of users."""
    gateway_key: str = ""
    """With which the test gateway is spoken to."""
    broker: str | None = None
    """URL; None: all of it is at the console."""


def file_of(folder: Path) -> Path:
    """There while the shop runs."""
    return folder / "addresses.json"


def find(folder: Path = FOLDER) -> Addresses | None:
    """The shop that runs in that folder; None when none does."""
    try:
        return Addresses.model_validate_json(file_of(folder).read_text())
    except (OSError, ValueError):
        return None
