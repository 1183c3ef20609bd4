"""Keeps the folder `operator/` from standing in for the standard library's module in a test run."""

import operator

# With --import-mode=importlib pytest imports the folders above a test as modules, and replaces a loaded
# module of that name unless it is a package. Later `from operator import …` anywhere would then fail.
operator.__path__ = []  # type: ignore[attr-defined]
