"""The migrations of many services in one process, since most of what each takes alone is its imports.

`python -m shop_bench.services.migrations` is told by standard input, as JSON: by package its environment.
"""

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module

from shop_chassis.command import main


def migrate(environments: Mapping[str, Mapping[str, str]]) -> int:
    """One after the other, as `python -m <package> migrate` does it; the first exit code that is not 0."""
    for package, environment in environments.items():
        os.environ.clear()
        os.environ.update(environment)
        if failed := main(import_module(f"{package}.service").service, ["migrate"]):
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(migrate(json.load(sys.stdin)))
