"""Lets pytest import `operator/tests` without putting that folder in the place of the standard library's `operator`."""

import operator

# With --import-mode=importlib pytest imports the folders above a test as modules and replaces a loaded module of
# that name unless it is a package. Later `from operator import …` anywhere would then fail.
operator.__path__ = []  # type: ignore[attr-defined]
