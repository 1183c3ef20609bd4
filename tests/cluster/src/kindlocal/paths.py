"""Where things lie. Each can be moved by a variable; the defaults suit a person's own machine."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from kindlocal.errors import KindlocalError

PACKAGE_OF = {
    "openssl": "openssl",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "socat": "socat",
}
"""Program -> the Debian package that has it."""


def cache() -> Path:
    """Binaries, images and sources: ``$KINDLOCAL_CACHE``, default ``~/.cache/kindlocal``."""
    return Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache" / "kindlocal")


def cache_table(file: str) -> dict[str, Any]:
    """``images.json`` (name -> reference, archive), ``modules.json`` (module -> folder), or nothing."""
    path = cache() / file
    return dict(json.loads(path.read_text())) if path.exists() else {}


def state() -> Path:
    """Running clusters: ``$KINDLOCAL_STATE``, by default in memory: loads and deletes take half the time."""
    return Path(os.environ.get("KINDLOCAL_STATE") or "/dev/shm/kindlocal")


def binary(name: str) -> Path:
    """A program that kindlocal-build made.

    Raises KindlocalError when it is not there.
    """
    path = cache() / "bin" / name
    if not os.access(path, os.X_OK):
        raise KindlocalError(
            f"{path} is missing: run `kindlocal-build` (or set KINDLOCAL_CACHE to where it has run)"
        )
    return path


def tool(name: str) -> str:
    """A program of the system.

    Raises KindlocalError with the name of the Debian package when it is not there.
    """
    # A user's PATH often lacks sbin, where ip and iptables may be.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        raise KindlocalError(f"the program {name} is missing: apt-get install {PACKAGE_OF.get(name, name)}")
    return found
