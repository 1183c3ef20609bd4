"""Processes as the kernel sees them: their CPU time and memory."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_seconds_of_family(pid: int) -> float:
    """Of a process and those that it started and that live now, such as PostgreSQL's for connections."""
    total = cpu_seconds(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError):  # it has just ended
            total += cpu_seconds(int(child))
    return total


def pin(pid: int, cores: Set[int]) -> None:
    """Lets a process run on these cores alone, with all the threads that it has."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def memory(pid: int) -> dict[str, float]:
    """Resident memory in MB (10⁶ bytes): now, and the most that it ever was."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        name: round(int(status[field].split()[0]) * 1024 / 1e6, 1)
        for name, field in (("resident_mb", "VmRSS"), ("peak_mb", "VmHWM"))
    }


def shares_of_memory(rollup: str) -> dict[str, float]:
    """MiB of a process, of the text of its /proc/PID/smaps_rollup (proc(5)).

    Proportional: a page that several processes map counts as its share in each of them.
    """
    fields = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
    kib = {name: int(value.split()[0]) for name, value in fields.items()}
    own = kib["Private_Clean"] + kib["Private_Dirty"]
    return {
        name: round(value / 1024, 1)
        for name, value in (("proportional_mib", kib["Pss"]), ("resident_mib", kib["Rss"]), ("own_mib", own))
    }


async def quiet(pid: int, *, seconds: float = 0.5, limit: float = 120) -> None:
    """Return when the process has used no CPU for so long (half a per cent of it is nothing)."""
    deadline = time.monotonic() + limit
    used = cpu_seconds(pid)
    while True:
        await asyncio.sleep(seconds)
        before, used = used, cpu_seconds(pid)
        if used - before <= 2 / TICKS:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} is still busy after {limit} s")


class Shares:
    """How busy some processes are in an interval, in cores."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids, self._began = dict(pids), time.monotonic()
        self._used = {name: cpu_seconds(pid) for name, pid in self._pids.items()}

    def cores(self) -> dict[str, float]:
        """Since the beginning, the busiest first."""
        passed = time.monotonic() - self._began
        found = {
            name: round((cpu_seconds(pid) - self._used[name]) / passed, 2) for name, pid in self._pids.items()
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))


class Process:
    """A program with its standard error in a file; ended when the block is left."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._command, self._env, self.log = command, env, log

    def __enter__(self) -> "Process":
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env={**os.environ, **self._env}, stdout=subprocess.DEVNULL, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def said(self, text: str, *, limit: float = 120) -> str:
        """The first line of the log that has the text. Raises RuntimeError if it ends without it."""
        deadline = time.monotonic() + limit
        while True:
            lines = self.log.read_text(errors="replace").splitlines()
            if found := next((line for line in lines if text in line), None):
                return found
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(lines[-5:])
                raise RuntimeError(f"expected {text!r} in the log of {self._command[-1]}, found:\n{last}")
            await asyncio.sleep(0.01)
