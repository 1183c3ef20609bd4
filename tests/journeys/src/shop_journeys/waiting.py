"""Waiting for what comes about by itself."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SECONDS = 120.0
"""For anything that takes moments, or some ten seconds of packing, on a machine that is not busy."""


def eventually(look: Callable[[], T | None], what: str, *, seconds: float = SECONDS) -> T:
    """What `look` finds, as soon as that is neither None nor False; the last look is told if it never is.

    An AssertionError of `look` counts as nothing found.
    """
    deadline = time.monotonic() + seconds
    while True:
        problem = ""
        try:
            found = look()
        except AssertionError as error:
            found, problem = None, f": {error}"
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}{problem}")
        time.sleep(0.1)
