"""For every run of pytest: which slice of a long test it takes, and what `operator` is."""

import operator
import os
import subprocess
from pathlib import Path

# With --import-mode=importlib pytest imports the folders above a test as modules, and replaces a loaded
# module of that name unless it is a package. Later `from operator import …` anywhere would then fail.
operator.__path__ = []  # type: ignore[attr-defined]

SEED = "SHOP_TEST_SEED"


def pytest_configure() -> None:
    """Slices are the same for one commit and others for the next, unless told otherwise."""
    if not os.environ.get(SEED):
        words = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(words, cwd=Path(__file__).parent, text=True, capture_output=True)
        os.environ[SEED] = done.stdout.strip()


def pytest_report_header() -> str:
    """Named, so that a run can be repeated."""
    return f"{SEED}={os.environ[SEED]}"
