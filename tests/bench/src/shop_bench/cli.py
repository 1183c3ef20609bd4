"""`shop-bench SUBJECT [--quick] [--out FOLDER] [--again]`: what it can measure is in SUBJECTS."""

import argparse
import json
import signal
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from shop_platform.process import Failure

from shop_bench.figures import document


@dataclass(frozen=True)
class Subject:
    """Something that is measured: `shop_bench.<name>.run.measure`, `shop_bench.<name>.report`."""

    about: str
    quick: str
    """What of it a quick run does."""


SUBJECTS = {
    "operator": Subject(
        "the operator beside a bare client, on an API server", "ten and a hundred services, once: a minute"
    ),
    "services": Subject(
        "the chassis beside bare FastAPI, hot routes, memory, imports", "short loads, once: two minutes"
    ),
    "recommendation": Subject(
        "recommendations beside item-kNN, popularity and an oracle", "two small worlds: half a minute"
    ),
    "search": Subject(
        "search beside full text in SQLite and PostgreSQL; a pod of it", "2,000 products, once: a minute"
    ),
    "storefront": Subject(
        "the front page with the whole shop behind it, on one core and in a browser", "a few products, once"
    ),
    "autoscaling": Subject(
        "the platform's autoscaler beside HPA on CPU and fixed replicas; on the cluster of `make up`",
        "one step each, shorter: half an hour",
    ),
    "scaling_cost": Subject(
        "pod-seconds and p99 of both autoscalers at three targets; on the cluster of `make up`",
        "one step each at two targets, shorter: half an hour",
    ),
    "sale": Subject(
        "a sale on catalog and cart, and their neighbours meanwhile; on the cluster of `make up`",
        "one, shorter: four minutes",
    ),
}


def main() -> int:
    """Measure, and write FOLDER/<subject>.json, .md and .svg."""
    parser = argparse.ArgumentParser(prog="shop-bench", description=(__doc__ or "").strip())
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    for name, subject in SUBJECTS.items():
        command = subjects.add_parser(name, help=subject.about)
        command.add_argument("--quick", action="store_true", help=subject.quick)
        command.add_argument("--out", type=Path, default=Path("docs/bench"), metavar="FOLDER")
        command.add_argument("--again", action="store_true", help="only table and plot, from the JSON there")
    flags = parser.parse_args()
    # Who is told to end leaves nothing running or changed: every block is left, as after an error.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    flags.out.mkdir(parents=True, exist_ok=True)
    file = flags.out / f"{flags.subject}.json"
    if not flags.again:
        # What one subject needs is not imported for another, nor to draw a table again.
        measure = import_module(f"shop_bench.{flags.subject}.run").measure
        try:
            found = measure(flags.quick, lambda line: print(line, file=sys.stderr))
        except Failure as failure:
            print(f"ERROR {failure}\n{failure.detail}".rstrip(), file=sys.stderr)
            return 1
        file.write_text(json.dumps(document(found), indent=1) + "\n")
    report = import_module(f"shop_bench.{flags.subject}.report")
    measured = json.loads(file.read_text())
    table = report.table(measured)
    file.with_suffix(".md").write_text(table)
    report.plot(measured, file.with_suffix(".svg"))
    print(table)
    return 0
