"""Where things lie: in the repository, and in the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SERVICES = ROOT / "services"
CHARTS = ROOT / "charts"
CHILDREN = ROOT / "operator" / "src" / "shop_operator" / "children"
MANIFESTS = ROOT / "manifests"
PLATFORM = ROOT / "tests" / "platform"


def build_cache() -> Path:
    """The local cluster's cache: binaries, images and sources of the addons."""
    return Path(os.environ.get("KINDLOCAL_CACHE", "~/.cache/kindlocal")).expanduser()


def own_cache() -> Path:
    """What this package keeps between runs: base images, archives of images, logs."""
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    path = home / "shop-platform"
    path.mkdir(parents=True, exist_ok=True)
    return path
