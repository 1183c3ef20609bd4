"""Other programs' command lines: how they are run and how their failures reach the reader."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Argv = Sequence[str | os.PathLike[str]]

_running: set[subprocess.Popen[str]] = set()
_asked: set[subprocess.Popen[str]] = set()


class Failure(Exception):  # noqa: N818 - it is shown to people, who read the word
    """What went wrong and what to do about it, in one line for a person; `detail` is shown below it."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail.strip()


def run(
    argv: Argv,
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    shown: bool = False,
) -> str:
    """Standard output of a command that succeeds; with `shown` it goes to our own as it comes.

    Raises Failure with the end of its standard error otherwise. `timeout` is in seconds.
    """
    words = [os.fspath(word) for word in argv]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=None if shown else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
        )
    except FileNotFoundError as error:
        raise Failure(f"{words[0]} is missing: run `make tools`") from error
    _running.add(process)
    try:
        output, errors = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise Failure(f"{describe(words)} took longer than {timeout:.0f} s") from error
    finally:
        _running.discard(process)
        _asked.discard(process)
    if process.returncode:
        raise Failure(f"{describe(words)} failed", tail(f"{output or ''}\n{errors}"))
    return output or ""


def terminate_all() -> None:
    """Asks every command that `run` waits for in another thread to end; once, so that it can clean up."""
    for process in _running - _asked:
        _asked.add(process)
        process.terminate()


def succeeds(argv: Argv, *, timeout: float = 20) -> bool:
    """Whether a command can be run and ends with 0."""
    try:
        run(argv, timeout=timeout)
    except Failure:
        return False
    return True


def run_json(argv: Argv, *, timeout: float | None = None) -> Any:
    """What a command that prints JSON says."""
    return json.loads(run(argv, timeout=timeout) or "null")


def describe(words: Sequence[str]) -> str:
    """A command line short enough for an error: the program without its folder and its first words."""
    name = Path(words[0]).name
    plain = [word for word in words[1:] if not word.startswith("-")]
    return " ".join([name, *plain[:3]])


def tail(text: str, lines: int = 8) -> str:
    """The last lines that say something."""
    told = [line for line in text.splitlines() if line.strip() and "level=warning" not in line]
    return "\n".join(told[-lines:])
