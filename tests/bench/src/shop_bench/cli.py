"""`shop-bench operator [--quick] [--out FOLDER]`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from shop_bench.operator import report
from shop_bench.operator.run import FULL, QUICK, run


def main() -> int:
    """Measure, and write FOLDER/operator.json, .md and .svg."""
    parser = argparse.ArgumentParser(prog="shop-bench", description=(__doc__ or "").strip())
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    operator = subjects.add_parser("operator", help="the operator beside a bare client, on an API server")
    operator.add_argument("--quick", action="store_true", help="ten and a hundred services, once: a minute")
    operator.add_argument("--out", type=Path, default=Path("docs/bench"), metavar="FOLDER")
    operator.add_argument("--again", action="store_true", help="only table and plot, from the JSON there")
    flags = parser.parse_args()
    flags.out.mkdir(parents=True, exist_ok=True)
    file = flags.out / "operator.json"
    if not flags.again:
        found = asyncio.run(run(QUICK if flags.quick else FULL, lambda line: print(line, file=sys.stderr)))
        file.write_text(json.dumps(report.document(found), indent=1) + "\n")
    measured = json.loads(file.read_text())
    table = report.table(measured)
    file.with_suffix(".md").write_text(table)
    report.plot(measured, file.with_suffix(".svg"))
    print(table)
    return 0
