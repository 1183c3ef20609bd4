"""What a service's imports cost, as `python -X importtime` tells."""

import subprocess
import sys
from collections import defaultdict

from shop_bench.figures import Row

SHOWN = 10


def costliest(report: str, shown: int = SHOWN) -> list[tuple[str, float]]:
    """Packages whose own modules take longest, each with milliseconds; of importtime's lines on stderr.

    A line has a module's own time and, further right, that of all it imports, both in microseconds. Own times
    alone are summed, so a package is not charged for what it was merely the first to ask for.
    """
    own = defaultdict[str, int](int)
    for line in report.splitlines():
        if line.startswith("import time:") and not line.endswith("imported package"):
            micros, _, module = line.removeprefix("import time:").split("|")
            own[module.strip().partition(".")[0]] += int(micros)
    ordered = sorted(own.items(), key=lambda each: -each[1])
    return [(package, micros / 1000) for package, micros in ordered[:shown]]


def total(report: str) -> float:
    """Milliseconds of all imports."""
    return sum(milliseconds for _, milliseconds in costliest(report, shown=sys.maxsize))


def report_of(package: str) -> str:
    """Of what `python -m <package> serve` imports before it answers."""
    command = [sys.executable, "-X", "importtime", "-m", package, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def row(service: str, package: str) -> Row:
    """The ten costliest of a service."""
    report = report_of(package)
    return {
        "row": "imports",
        "service": service,
        "total_ms": round(total(report), 1),
        "packages": [[name, round(milliseconds, 1)] for name, milliseconds in costliest(report)],
    }
