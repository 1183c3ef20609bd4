"""Running other programs, and knowing whether a process is still the one that was started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

from kindlocal.errors import KindlocalError
from kindlocal.paths import tool

PRECEDENCE = -15
"""Niceness of what stands for other machines, or for the wires between them."""


def run(
    program: str | Path,
    *args: str | Path,
    check: bool = True,
    text: str | None = None,
    stdin: IO[bytes] | None = None,
) -> str:
    """Run a program and return what it wrote; a bare name is looked for as a program of the system.

    Raises KindlocalError with its last words when it fails, unless ``check`` is false.
    """
    path = str(program) if "/" in str(program) else tool(str(program))
    done = subprocess.run(
        [path, *map(str, args)],
        input=text.encode() if text is not None else None,
        stdin=subprocess.DEVNULL if text is None and stdin is None else stdin,
        capture_output=True,
    )
    if check and done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise KindlocalError(
            f"`{Path(path).name} {' '.join(map(str, args))}` failed ({done.returncode}): {words}"
        )
    return done.stdout.decode(errors="replace")


def precede(leader: int) -> None:
    """Let a session's leader, what it starts, and its session go before others when all processors are busy.

    The kernel may weigh sessions instead of processes (sched(7), autogroup). Where it allows neither,
    they wait as others do.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, leader, PRECEDENCE)
    with suppress(OSError):
        Path(f"/proc/{leader}/autogroup").write_text(str(PRECEDENCE))


def end_tidily() -> None:
    """Let SIGTERM and SIGHUP do what ^C does: what was started ends too, what is half-made is removed."""

    def end(signum: int, frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def _stat(pid: int) -> list[str]:
    # Fields after the program's name, which may itself hold spaces and brackets (proc(5)).
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def remember(path: Path, pid: int) -> None:
    """Write a process's id and start time; the time tells it from a later process with the same id."""
    draft = path.with_suffix(".tmp")
    draft.write_text(f"{pid} {_stat(pid)[19]}")
    draft.rename(path)


def recall(path: Path) -> int | None:
    """The id of a remembered process that still runs, else None."""
    try:
        pid, start = path.read_text().split()
        fields = _stat(int(pid))
    except (OSError, ValueError):
        return None
    return int(pid) if fields[19] == start and fields[0] != "Z" else None


def wait_for(ready: Callable[[], object], limit: float, what: str, pause: float = 0.05) -> None:
    """Return once ``ready()`` is true.

    Raises KindlocalError after ``limit`` seconds.
    """
    end = time.monotonic() + limit
    while not ready():
        if time.monotonic() > end:
            raise KindlocalError(f"{what} after {limit:.0f} s")
        time.sleep(pause)
