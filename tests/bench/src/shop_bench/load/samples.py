"""What is kept of each request: a file of JSON lines, and figures of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from shop_platform.openload import Sample, Summary, summarise

ARRIVAL = "arrival"
"""In place of a route: somebody came, `seconds` after being due; the generator's own lateness."""
FAILED = 3
"""Exit code of a generator that did its work and saw a request fail; 1 is that of a program that broke."""
LEFT = "left"
"""In place of a route, of no service: somebody gave up on a refusal that nobody had thought of."""
MOST_FAULTS = 20
"""So many kinds are printed; all are in the samples."""


class Request(NamedTuple):
    """One request of one shopper."""

    due: float
    """Unix seconds: when it would have been sent by a generator that is never late."""
    seconds: float
    """From then to the end of its answer."""
    service: str
    route: str
    """Method and path, ids left out."""
    visit: str
    """What the shopper came for."""
    error: str = ""
    """What was wrong with the answer, or why there was none."""


class Samples:
    """Writes them as lines; `flush` makes what was noted visible to others."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def note(self, request: Request) -> None:
        """One line."""
        self._out.write(json.dumps(request, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """Everything noted is there."""
        self._out.flush()


def read(file: Path) -> Iterator[Request]:
    """All requests of a file, arrivals among them, in the order in which they ended."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield parsed(line)


def parsed(line: str) -> Request:
    """A line that `Samples` wrote."""
    return Request(*json.loads(line))


def due_in(requests: Iterable[Request], begin: float, end: float) -> list[Request]:
    """Those that were due from `begin` until before `end`, arrivals left out."""
    return [each for each in requests if each.route != ARRIVAL and begin <= each.due < end]


def figures(requests: Iterable[Request], seconds: float) -> Summary:
    """Of requests that were due in so many seconds."""
    return summarise((Sample(each.due, each.seconds, each.error) for each in requests), seconds)


def by_route(requests: Iterable[Request]) -> dict[tuple[str, str], list[Request]]:
    """By service and route, in alphabetical order; arrivals left out."""
    found: dict[tuple[str, str], list[Request]] = {}
    for each in requests:
        if each.route != ARRIVAL:
            found.setdefault((each.service, each.route), []).append(each)
    return dict(sorted(found.items()))


def table(requests: Iterable[Request], seconds: float) -> list[str]:
    """Lines for a terminal: each route, all of them, what went wrong, and how late the generator was."""
    every = list(requests)
    rows = [
        (f"{service} {route}".strip(), figures(own, seconds))
        for (service, route), own in by_route(every).items()
    ]
    rows.append(("all", figures((each for each in every if each.route != ARRIVAL), seconds)))
    late = figures((each for each in every if each.route == ARRIVAL), seconds)
    lines = [f"{'':<58}{'count':>8}{'/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}"]
    lines += [
        f"{name:<58}{one.count:>8}{one.rate:>8.1f}{milliseconds(one.p50)}{milliseconds(one.p99)}{one.failed:>8}"
        for name, one in rows
    ]
    wrong = Counter(
        f"{each.service or each.visit} {each.route}: {each.error}" for each in every if each.error
    )
    lines += [f"{count} × {what}" for what, count in wrong.most_common(MOST_FAULTS)]
    if len(wrong) > MOST_FAULTS:
        lines.append(f"and {len(wrong) - MOST_FAULTS} kinds of failure more")
    return [*lines, f"{late.count} people came; p99 {milliseconds(late.p99).strip()} ms late"]


def milliseconds(seconds: float) -> str:
    """Eight places; a dash where nothing was answered."""
    return f"{seconds * 1000:>8.0f}" if seconds == seconds else f"{'–':>8}"
