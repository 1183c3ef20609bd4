"""The operator is killed at every single write, before and after it takes effect: the end is the same.

What Sieve (OSDI 2022) did to other operators. The writes of an undisturbed life are recorded; then, for each
of them, a new life is led in which the operator dies at exactly that write and is started again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from kindlocal.apiserver import ApiServer

from ..support.proxy import Answer, Call, Forward, Reset
from ..support.snapshot import differences, snapshot
from ..support.stage import LONG, Record, Stage, life, record, seeded, stage, undisturbed

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(3600 if LONG else 900)]

LIVES_IN_THE_SLICE = 3
AT_ONCE = 3
BY_CHANCE = ("delete",)
"""Whether anything is written when a service goes depends on which watch is the first to tell of it."""


class Cut(NamedTuple):
    """The operator dies at the n-th write of this kind in a step, before or after it takes effect."""

    step: str
    write: str
    occurrence: int
    side: str

    def __str__(self) -> str:
        return f"{self.step}: {self.side} {self.write} ({self.occurrence})"


async def test_killed_at_any_write_it_ends_where_it_would_have(
    full_server: ApiServer, tmp_path: Path
) -> None:
    async with stage(full_server, tmp_path) as first:
        records = await undisturbed(first)
    writes = {name: step.writes for name, step in records.items() if name not in BY_CHANCE}
    lives = list(_lives(writes))
    if not LONG:
        lives = seeded("crash").sample(lives, LIVES_IN_THE_SLICE)
    places = asyncio.Semaphore(AT_ONCE)

    async def led(number: int, cuts: dict[str, Cut]) -> set[Cut]:
        async with places:
            folder = tmp_path / str(number)
            folder.mkdir()
            async with stage(full_server, folder) as here:
                return await _live(here, records, cuts)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(led(number, cuts)) for number, cuts in enumerate(lives)]
    made = {cut for task in running for cut in task.result()}
    wanted = {cut for cuts in lives for cut in cuts.values()}
    counts = {
        name: {"writes": written, "cuts made": sum(cut.step == name for cut in made)}
        for name, written in writes.items()
    }
    for name, count in counts.items():
        print(f"{name}: {len(count['writes'])} writes seen, {count['cuts made']} cuts made")
    record("crash", steps=counts)
    assert wanted - made == set(), "these writes did not come, so they were not cut"
    if LONG:
        assert len(made) == 2 * sum(map(len, writes.values()))


def _lives(writes: dict[str, list[str]]) -> Iterator[dict[str, Cut]]:
    """Lives with one cut in each step, so many that every write is cut on both sides."""
    cuts: dict[str, list[Cut]] = {}
    for step, written in writes.items():
        seen: Counter[str] = Counter()
        for write in written:
            seen[write] += 1
            cuts.setdefault(step, []).extend(
                Cut(step, write, seen[write], side) for side in ("before", "after")
            )
    for number in range(max(map(len, cuts.values()))):
        yield {step: of[number % len(of)] for step, of in cuts.items()}


async def _live(here: Stage, records: dict[str, Record], cuts: dict[str, Cut]) -> set[Cut]:
    """Lead one life; the cuts that were made. Fails at the first step that does not end as it should."""
    made: set[Cut] = set()
    await here.start()
    for step in life():
        cut = cuts.get(step.name)
        here.proxy.on_call = _Killer(here, cut, made)
        await step.act(here.cluster)
        await here.settle()
        found = differences(records[step.name].end, await snapshot(here.cluster))
        assert found == [], f"killed in {cut}"
        assert await here.needless_writes() == [], f"killed in {cut}"
    return made


class _Killer:
    """Forwards every call, and kills the operator at one of them."""

    def __init__(self, here: Stage, cut: Cut | None, made: set[Cut]) -> None:
        self._here, self._cut, self._made = here, cut, made
        self._seen: Counter[str] = Counter()

    async def __call__(self, call: Call, forward: Forward) -> Answer:
        self._seen[str(call)] += 1
        cut = self._cut
        if (
            cut is None
            or cut in self._made
            or (str(call), self._seen[str(call)]) != (cut.write, cut.occurrence)
        ):
            return await forward()
        self._made.add(cut)
        if cut.side == "after":
            await forward()
        self._here.operator.kill()
        raise Reset
