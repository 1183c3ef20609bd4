"""The score of `make mutation`: how many of the faults that mutmut made were noticed, module by module."""

import json
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

LEAST = 0.85
"""Of the mutants of builders and of the engine, each by itself."""
NOTICED = {"killed", "timeout", "caught by type check"}
SOURCES = Path(__file__).parents[1] / "mutants" / "src" / "shop_operator"


def main() -> int:
    """Print the table; 1 where a folder's score is too low, and what survived."""
    survived: list[str] = []
    enough = True
    for folder in ("children", "engine"):
        whole: Counter[bool] = Counter()
        for file in sorted((SOURCES / folder).glob("*.py.meta")):
            codes = json.loads(file.read_text())["exit_code_by_key"]
            tried = {
                name: status_by_exit_code[code] in NOTICED for name, code in codes.items() if code is not None
            }
            survived += [name for name, noticed in tried.items() if not noticed]
            if tried:
                print(
                    _row(
                        f"{folder}/{file.name.removesuffix('.py.meta')}", Counter(tried.values()), len(codes)
                    )
                )
            whole.update(tried.values())
        print(_row(folder, whole, whole.total()))
        enough = enough and whole.total() > 0 and whole[True] / whole.total() >= LEAST
    print("survived (mutmut show NAME):", *sorted(survived), sep="\n  ")
    return 0 if enough else 1


def _row(name: str, tried: Counter[bool], made: int) -> str:
    score = tried[True] / tried.total() if tried else 0.0
    return f"{name:28}{tried[True]:6} of{tried.total():6} noticed{score:8.1%}   {made} made"


if __name__ == "__main__":
    sys.exit(main())
