"""What the results of all benchmarks have: commit, medians with spread, goals reached or missed, plots."""

import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
"""One measurement of one round; `row` says of what."""


def commit() -> str:
    """That is measured; with changes where something else than results is not committed."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True).stdout
    # The results themselves are written before they are committed.
    own = all(line[3:].startswith("docs/bench/") for line in changed.splitlines())
    return found if own else f"{found} with changes"


def document(rows: list[Row]) -> Row:
    """The rows and what they belong to."""
    return {
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rows": rows,
    }


def heading(measured: Row, title: str, sharing: str, target: str) -> list[str]:
    """How a report begins: what it is about, who was `sharing` the cores, and of which `make` it is."""
    return [
        f"# {title}",
        "",
        f"Commit {measured['commit']}, {measured['cores']} cores shared by {sharing}, Python "
        f"{measured['python']}. Median over the rounds [least – most]. `make {target}` makes this file.",
    ]


def of(rows: Iterable[Row], what: str) -> list[Row]:
    """Those that are a `what`."""
    return [row for row in rows if row["row"] == what]


def goal_line(what: str, found: str, goal: str = "", verdict: str = "") -> str:
    """Of a table of goals."""
    return f"| {what} | {found} | {goal} | {verdict} |"


def numbers(values: Sequence[float], digits: int = 0) -> str:
    """Median [least – most]; the median alone where they are the same."""
    if not values:
        return "–"
    middle = f"{statistics.median(values):.{digits}f}"
    least, most = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return middle if least == most else f"{middle} [{least} – {most}]"


def spread(rows: Iterable[Row], field: str, digits: int = 0) -> str:
    """`numbers` of a field, where it is known."""
    return numbers([row[field] for row in rows if row[field] is not None], digits)


def judged(values: Iterable[float], goal: str, applies: bool = True) -> tuple[str, str]:
    """The goal (`≤ 20`) and whether the median reaches it."""
    if not applies:
        return "", ""
    sign, _, limit = goal.partition(" ")
    reached: Callable[[float], bool] = {"≤": float(limit).__ge__, "≥": float(limit).__le__}[sign]
    return goal, "reached" if reached(statistics.median(values)) else "**missed**"


def plotting() -> Any:
    """pyplot, set so that the same figures give the same SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"
    from matplotlib import pyplot

    return pyplot
