"""The generator: a process of its own, in which gevent has replaced what waits. `command` starts it.

locust keeps the people: each arrival is a user of its own, who makes one visit and goes. Who comes when is
decided beforehand (`profiles.everybody`), so nobody waits for a slow shop to be done with those before.
"""

# ruff: noqa: E402 - gevent's patches come before everything that they are about
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import json
import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO

import gevent
import httpx
from locust import User
from locust.env import Environment
from locust.exception import StopUser
from shop_faults.journal import Journal

from shop_bench.load.door import TIMEOUT, Door, Shop
from shop_bench.load.profiles import PROFILES, Shape, everybody
from shop_bench.load.samples import ARRIVAL, FAILED, Request, Samples, figures, milliseconds, table
from shop_bench.load.visits import Goods, Visitor, visit

MOST_PEOPLE = 2000
"""At once: who would be one more is turned away, and counted as a failure."""
TELL_SECONDS = 5.0
LAST_SECONDS = 90.0
"""How long those who are still there have to end their visits."""
BEGUN = "begun"
"""First word of the line that says when the profile began, in Unix seconds."""


def one_visit(person: Person) -> None:
    """What this person came for; then the person goes."""
    visit(person.kind, person.visitor)
    raise StopUser


class Person(User):  # type: ignore[misc]  # locust's classes are not known to the type checker
    """One visit."""

    kind: str
    visitor: Visitor
    tasks: ClassVar = [one_visit]


class Generator:
    """Lets people come, and notes what they see."""

    def __init__(self, shop: dict[str, str], out: TextIO, journal: Journal | None, pace: float) -> None:
        self._samples, self._pace = Samples(out), pace
        self._kept: list[Request] = []
        self._recent: deque[Request] = deque()
        self._environment = Environment(user_classes=[Person])
        self._runner = self._environment.create_local_runner()
        self._shop = Shop(shop, self._note, journal)
        self._goods = _goods(self._shop.url("catalog"))

    def run(self, arrivals: list[tuple[float, str]], seconds: float, seed: str) -> list[Request]:
        """All arrivals, and then the ends of their visits; every request that was made."""
        begun = time.time()
        print(f"{BEGUN} {begun:.3f}", flush=True)
        telling = gevent.spawn(self._tell, begun)
        try:
            for number, (at, kind) in enumerate(arrivals):
                gevent.sleep(max(0.0, begun + at - time.time()))
                self._come(number, kind, begun + at, random.Random(f"{seed} {number}"))
            gevent.sleep(max(0.0, begun + seconds - time.time()))
            self._runner.user_greenlets.join(timeout=LAST_SECONDS)
        finally:
            telling.kill()
            self._runner.quit()
            self._samples.flush()
        return self._kept

    def _come(self, number: int, kind: str, due: float, chance: random.Random) -> None:
        if len(self._runner.user_greenlets) >= MOST_PEOPLE:
            self._note(Request(due, 0.0, "", "door", kind, f"{MOST_PEOPLE} people are inside"))
            return
        door = Door(self._shop, f"{kind}-{number}", kind, due)
        [person] = self._runner.spawn_users({Person.__name__: 1})
        # It does not run before this greenlet waits.
        person.kind, person.visitor = kind, Visitor(door, self._goods, chance, self._pace)

    def _note(self, request: Request) -> None:
        self._samples.note(request)
        self._kept.append(request)
        if request.route == ARRIVAL:
            return
        self._recent.append(request)
        self._environment.events.request.fire(
            request_type=request.service,
            name=request.route,
            response_time=request.seconds * 1000,
            response_length=0,
            exception=RuntimeError(request.error) if request.error else None,
            context={},
        )

    def _tell(self, begun: float) -> None:
        """A line every few seconds, of the requests that ended meanwhile."""
        while True:
            gevent.sleep(TELL_SECONDS)
            self._samples.flush()
            recent = list(self._recent)
            self._recent.clear()
            now = figures(recent, TELL_SECONDS)
            print(
                f"{time.time() - begun:5.0f} s  {len(self._runner.user_greenlets):4} people  "
                f"{now.rate:6.1f}/s  p50{milliseconds(now.p50)} ms  p99{milliseconds(now.p99)} ms  "
                f"failed {now.failed}",
                flush=True,
            )


def _goods(catalog: str) -> Goods:
    with httpx.Client(base_url=catalog, timeout=TIMEOUT, trust_env=False) as http:
        page = http.get("/products", params={"limit": 50}).raise_for_status().json()
        return Goods.of(page, http.get("/categories").raise_for_status().json())


def main() -> int:
    """Runs a profile; FAILED when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m shop_bench.load")
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("--services", required=True, type=json.loads, help="URL by name, as JSON")
    parser.add_argument("--shape", default={}, type=json.loads, help="fields of profiles.Shape, as JSON")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--pace", type=float, default=1.0, help="of think times")
    parser.add_argument("--samples", default="-", help="a file; - for lines among the others")
    parser.add_argument("--journal", type=Path, help="what was ordered, for tests/faults' checker")
    flags = parser.parse_args()
    shape: Any = Shape(**flags.shape)
    streams = PROFILES[flags.profile](shape)
    journal = Journal(flags.journal) if flags.journal else None
    with _opened(flags.samples) as out:
        generator = Generator(flags.services, out, journal, flags.pace)
        found = generator.run(everybody(flags.seed, streams, shape.seconds), shape.seconds, flags.seed)
        if journal:
            journal.close()
        print("\n".join(table(found, shape.seconds)))
    return FAILED if any(each.error for each in found) else 0


@contextmanager
def _opened(where: str) -> Iterator[TextIO]:
    if where == "-":
        yield sys.stdout
    else:
        with open(where, "w", encoding="utf-8") as out:
            yield out


if __name__ == "__main__":
    sys.exit(main())
