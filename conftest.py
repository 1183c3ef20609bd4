"""For every run of pytest: which slice of a long test it takes, who runs what, and what `operator` is."""

import gc
import operator
import os
import subprocess
from collections import OrderedDict
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# With --import-mode=importlib pytest imports the folders above a test as modules, and replaces a loaded
# module of that name unless it is a package. Later `from operator import …` anywhere would then fail.
operator.__path__ = []  # type: ignore[attr-defined]

# Nearly all that is imported to collect the tests stays. To look for garbage in it meanwhile takes a third of
# the time, in each worker anew.
gc.disable()

SEED = "SHOP_TEST_SEED"
ONE_SHOP = (
    "tests/journeys/*",
    "services/storefront/tests/test_[bj]*",  # in a browser: of a shop with pictures
    "services/storefront/tests/*",
)
"""Files whose tests share a `shop local`, by the first that fits: one worker has them all and starts one."""
LONGEST = (
    "tests/journeys/*",
    "operator/tests/faults/*",
    "operator/tests/mutation/*",
    "operator/tests/crash/*",
    "operator/tests/cluster/test_[lh]*",
    "operator/tests/release/*",
    "tests/bench/*",
    "services/storefront/*",
    "services/shop/tests/test_local.py",
    "*/test_interleavings.py",
    "*/test_openapi.py",
    "tests/e2e/test_scaling.py",
    "tests/e2e/test_ledger.py",
    "tests/e2e/test_journeys.py",
    "tests/e2e/test_handover.py",
    "tests/e2e/test_events.py",
    "tests/e2e/test_[!p]*",
    "tests/e2e/test_peers.py",  # so the panels come last: what others moved, they show
)
"""They begin first: what takes long must not be left to the end, when others have nothing to do."""


def pytest_configure() -> None:
    """Slices are the same for one commit and others for the next, unless told otherwise."""
    if not os.environ.get(SEED):
        words = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(words, cwd=Path(__file__).parent, text=True, capture_output=True)
        os.environ[SEED] = done.stdout.strip()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on garbage is looked for, in what comes after."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> str:
    """Named, so that a run can be repeated."""
    return f"{SEED}={os.environ[SEED]}"


class LongestFirst(OrderedDict[str, Any]):
    """What is still to be handed out: by unit, its tests."""

    def popitem(self, last: bool = True) -> tuple[str, Any]:
        """The next one for a worker that has room."""
        unit = min(self, key=lambda unit: (_matching(LONGEST, unit), -len(self[unit])))
        return unit, self.pop(unit)


class ByUnit(LoadFileScheduling):
    """As `--dist loadfile`, which hands out files, those of most tests first."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self.workqueue = LongestFirst()

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        shop = _matching(ONE_SHOP, file)
        return ONE_SHOP[shop] if shop < len(ONE_SHOP) else file


def _matching(patterns: Sequence[str], file: str) -> int:
    """Which of them is the first that fits; how many there are if none does."""
    return next((n for n, each in enumerate(patterns) if fnmatch(file, each)), len(patterns))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByUnit | None:
    """Who runs what, where files are what is handed out."""
    return ByUnit(config, log) if config.getoption("dist") == "loadfile" else None
