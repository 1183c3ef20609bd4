"""The beginning of a process: loading what it is made of."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """For imports: nothing is collected meanwhile, and what they made is never looked at again.

    Modules and models are there until the process ends, but would be walked through dozens of times while
    they are made: a sixth of the time that a service takes to start. See gc.freeze in
    https://docs.python.org/3/library/gc.html.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
