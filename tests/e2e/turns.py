"""Tests that run beside each other on one cluster, each with what it needs left alone by the others.

A test `needs` what must work as ever meanwhile, and `takes` what it stops, deletes or puts to the test. Any
number of tests may need a thing at a time; who takes it has it alone. Workers are processes, so these are
locks on files.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NEEDS, TAKES = "needs", "takes"
MARKERS = (
    f"{NEEDS}(*things): what must work as ever while the test runs, though others may use it too",
    f"{TAKES}(*things): what no other test may use meanwhile",
)
THINGS = frozenset({"operator", "keda", "prometheus", "broker", "catalog", "cart"})
"""What there is one of."""


def wanted(item: pytest.Item) -> dict[str, int]:
    """How each thing is to be locked; in one order, so that no two wait for each other. Raises UsageError."""
    if any(mark.args[0] for mark in item.iter_markers("skipif")):
        return {}
    found = {name: fcntl.LOCK_SH for mark in item.iter_markers(NEEDS) for name in mark.args}
    found |= {name: fcntl.LOCK_EX for mark in item.iter_markers(TAKES) for name in mark.args}
    if unknown := found.keys() - THINGS:
        raise pytest.UsageError(f"{item.nodeid} marks {sorted(unknown)}; there are {sorted(THINGS)}")
    return dict(sorted(found.items()))


@contextmanager
def locked(file: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Waits for the lock and has it until the block ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a") as held:
        fcntl.flock(held, how)
        yield


@contextmanager
def turn(item: pytest.Item, folder: Path) -> Iterator[None]:
    """The test has all that it wants until the block ends."""
    with ExitStack() as held:
        for name, how in wanted(item).items():
            held.enter_context(locked(folder / f"{name}.lock", how))
        yield
