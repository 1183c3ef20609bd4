"""Which chances a run has, and where it is written down."""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
_HERE = Path(__file__).parent


def commit() -> str:
    """The commit that is tested; empty outside a repository."""
    return _git("rev-parse", "HEAD")


def seeded(what: str) -> random.Random:
    """The same chances for one commit, others for the next; printed with what fails."""
    seed = os.environ["SHOP_TEST_SEED"]  # set for every run, by the outermost conftest
    print(f"SHOP_TEST_SEED={seed}")
    return random.Random(hashlib.sha256(f"{seed} {what}".encode()).digest())


def record(name: str, **found: Any) -> None:
    """Keeps what a long run found in docs/proofs, with the commit that it is about; a slice is not kept."""
    if LONG:
        file = Path(_git("rev-parse", "--show-toplevel")) / "docs" / "proofs" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"commit": commit(), **found}, indent=1) + "\n")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=_HERE, text=True, capture_output=True).stdout.strip()
