"""`shop local`: the whole shop in one process, on loopback ports, SQLite files and a bus in memory."""

from pathlib import Path

FOLDER = Path(".shop/local")
"""Where it keeps what it has, below the folder that it was started in."""


class StartFailed(Exception):  # noqa: N818 - the message says what is wrong
    """The shop did not start; names the service and its reason."""
