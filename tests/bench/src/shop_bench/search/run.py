"""One run: all engines answer the same queries in turns; then the pod."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from shop_bench.figures import Row
from shop_bench.search import pod
from shop_bench.search.child import ENGINES
from shop_bench.search.engines import TEN
from shop_bench.search.goods import Query, products, queries

TURN = 50
"""Queries that an engine answers before it is the next one's turn: they share what the machine does."""


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    products: int
    queries: int
    rounds: int
    changes: int


FULL = Scope(products=100_000, queries=500, rounds=3, changes=100)
QUICK = Scope(products=2_000, queries=40, rounds=1, changes=5)


def measure(quick: bool, tell: Callable[[str], None]) -> list[Row]:
    """All rows."""
    return run(QUICK if quick else FULL, tell)


def run(scope: Scope, tell: Callable[[str], None]) -> list[Row]:
    """The same for another scope."""
    goods = list(products(scope.products))
    asked = queries(goods, scope.queries)
    tell(f"{len(goods)} products, {len(asked)} queries")
    found: list[Row] = []
    with ExitStack() as stack:
        children = {name: stack.enter_context(_child(name)) for name in ENGINES}
        for name, child in children.items():
            loaded = child({"load": scope.products})
            tell(f"{name}: loaded in {loaded['seconds']:.0f} s")
            found.append({"row": "load", "engine": name, **loaded})
        for number in range(scope.rounds):
            answers = dict(_round(children, asked))
            found += [
                {"row": "queries", "engine": name, "round": number + 1, **answer}
                for name, answer in answers.items()
            ]
            tell(f"round {number + 1} of {scope.rounds}")
    found += asyncio.run(pod.measure(goods, asked, scope.changes))
    return found


Ask = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def _child(name: str) -> Iterator[Ask]:
    process = subprocess.Popen(
        [sys.executable, "-m", "shop_bench.search.child", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout

    def ask(asked: dict[str, Any]) -> dict[str, Any]:
        print(json.dumps(asked), file=into, flush=True)
        line = out.readline()
        assert line, f"{name} has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    try:
        yield ask
    finally:
        into.close()
        process.wait()


def _round(children: dict[str, Ask], asked: Sequence[Query]) -> Iterator[tuple[str, Row]]:
    seconds: dict[str, list[float]] = {name: [] for name in children}
    used: dict[str, list[float]] = {name: [] for name in children}
    ranks: dict[str, list[int | None]] = {name: [] for name in children}
    for start in range(0, len(asked), TURN):
        some = asked[start : start + TURN]
        for name, child in children.items():
            answer = child({"search": [query.text for query in some]})
            seconds[name] += answer["seconds"]
            used[name] += answer["cpu_seconds"]
            ranks[name] += [
                rank_of(str(query.product), ids) for query, ids in zip(some, answer["found"], strict=True)
            ]
    typos = [query.typo for query in asked]
    for name in children:
        row = {"ranks": ranks[name], "typos": typos, "seconds": seconds[name], "cpu_seconds": used[name]}
        yield name, row


def rank_of(wanted: str, found: Sequence[str]) -> int | None:
    """From 1; None where it is not among the first ten."""
    return found.index(wanted) + 1 if wanted in found[:TEN] else None
