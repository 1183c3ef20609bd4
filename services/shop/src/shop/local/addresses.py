"""A local shop that runs, as other commands find it."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

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
    """The shop that runs in that folder; None when none does, as after a power cut that left the file."""
    try:
        found = Addresses.model_validate_json(file_of(folder).read_text())
        address = urlsplit(next(iter(found.services.values())))
        socket.create_connection((address.hostname, address.port), timeout=1).close()
    except (OSError, ValueError):
        return None
    return found
