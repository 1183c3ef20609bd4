"""Steps with dependencies, run in parallel, shown as they start and end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shop_platform.process import terminate_all

Note = Callable[[str], None]
"""Tells what a step is doing."""


CLEAN_UP = 15.0  # seconds


@dataclass
class Step:
    """One thing that is done; `seconds` is its time without waiting for the steps before it."""

    name: str
    note: str = ""
    started: float = 0.0
    seconds: float = 0.0
    state: str = "waiting"
    future: Future[None] | None = field(default=None, repr=False)


class Steps:
    """Runs functions as soon as the steps that they come after have ended.

    In a terminal a table is kept up to date; elsewhere one line is printed as each step ends.
    """

    def __init__(self, console: Console | None = None, tell: Note = print) -> None:
        self._console = console if console and console.is_terminal else None
        self._tell = tell
        # A step that waits for others holds a thread; there are never this many steps.
        self._pool = ThreadPoolExecutor(32)
        self._steps: dict[str, Step] = {}
        self._lock = threading.Lock()
        self._abandoned = threading.Event()
        self._begun = time.monotonic()
        self._spinner = Spinner("dots")

    def add(self, name: str, work: Callable[[Note], None], after: Sequence[str] = ()) -> None:
        """Adds a step; `work` gets a function that tells what it is doing. Steps in `after` come first."""
        step = Step(name)
        before = [self._steps[other].future for other in after]
        self._steps[name] = step

        def note(text: str) -> None:
            step.note = text

        def job() -> None:
            for future in before:
                assert future is not None
                future.result()
            if self._abandoned.is_set():
                return
            step.started, step.state = time.monotonic(), "running"
            try:
                work(note)
            except BaseException:
                self._ended(step, "failed")
                raise
            self._ended(step, "done")

        step.future = self._pool.submit(job)

    def _ended(self, step: Step, state: str) -> None:
        step.seconds, step.state = time.monotonic() - step.started, state
        if not self._console:
            sign = "✓" if state == "done" else "✗"
            with self._lock:
                self._tell(f"{sign} {step.name:<20}{step.seconds:6.1f} s  {step.note}")

    def finish(self) -> float:
        """Waits for all; seconds since the first was added. Raises the first failure."""
        futures = [step.future for step in self._steps.values() if step.future]
        try:
            if self._console:
                with Live(get_renderable=self._table, console=self._console, refresh_per_second=8):
                    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            else:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        except BaseException:
            # Ctrl-C has reached the commands too; a second signal might leave something half-made.
            self._abandon(patience=CLEAN_UP)
            raise
        failed = [error for future in done if (error := future.exception())]
        if failed:
            self._abandon(patience=0)
            raise failed[0]
        self._pool.shutdown()
        return time.monotonic() - self._begun

    def _abandon(self, patience: float) -> None:
        # No other step starts; commands have `patience` seconds to end by themselves, then some to clean up.
        self._abandoned.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        begun = time.monotonic()
        while any(step.state == "running" for step in self._steps.values()):
            waited = time.monotonic() - begun
            if waited > patience:
                terminate_all()
            if waited > patience + CLEAN_UP:
                return
            time.sleep(0.1)

    def times(self) -> list[tuple[str, float]]:
        """Seconds that each step took."""
        return [(step.name, step.seconds) for step in self._steps.values()]

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        signs = {"waiting": Text("·", "dim"), "done": Text("✓", "green"), "failed": Text("✗", "red")}
        for step in self._steps.values():
            running = step.state == "running"
            seconds = time.monotonic() - step.started if running else step.seconds
            clock = Text(f"{seconds:.1f} s" if step.started else "", "dim")
            table.add_row(
                self._spinner if running else signs[step.state], step.name, clock, Text(step.note, "dim")
            )
        return table


def console() -> Console:
    """Where people read; errors go to the same place so that they stand in order."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)
