"""One run: a stage is opened, people shop, things are killed, and the checker says what came of it."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_faults import books
from shop_faults.broker import GONE, Broker
from shop_faults.chaos import Chaos, Kill, plan
from shop_faults.checker import FINAL_SECONDS, KINDS, Report, check
from shop_faults.desk import Desk
from shop_faults.journal import Journal, read
from shop_faults.load import Shelves, arrivals, fill
from shop_faults.mails import Mails
from shop_faults.shopper import Shopper, habits
from shop_faults.stage import Stage
from shop_faults.told import told


@dataclass(frozen=True)
class Scale:
    """How much of it."""

    seconds: float
    """Of load and faults."""
    per_second: float
    """Shoppers who come."""
    every: float
    """Seconds from one kill to the next, on average."""
    repeat_at: float
    """Seconds after the beginning when the broker delivers everything again. Shortly before the end little
    comes afterwards that would hide what that has done; but it is then the whole of the run at once."""
    final: float = FINAL_SECONDS
    """How long the shop has to bring things to an end, once everything runs again."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    report: Report
    kills: list[Kill]
    switched: int
    """Faults of the gateway."""

    @property
    def inside_sagas(self) -> int:
        """Kills while a saga was open."""
        return sum(bool(kill.sagas) for kill in self.kills)

    def proof(self) -> dict[str, Any]:
        """As it is written down."""
        found = self.report.model_dump(exclude={"violations"})
        count = Counter(each.kind for each in self.report.violations)
        return {
            **found,
            "violations": {kind: count[kind] for kind in KINDS},
            "kills": dict(sorted(Counter(kill.what for kill in self.kills).items())),
            "kills_inside_an_open_saga": self.inside_sagas,
            "gateway_faults": self.switched,
        }


async def trial(stage: Stage, chance: random.Random, scale: Scale, file: Path) -> Outcome:
    """`file` is the journal. The stage is started and stopped here."""
    journal = Journal(file)
    try:
        at = await stage.start()
        desk, chaos = Desk(at, journal), Chaos(stage, at)
        assert at.broker is not None, "expected a stage with a broker"
        mails = Mails(at.broker)
        following = asyncio.create_task(mails.follow())
        try:
            shelves = await fill(desk)
            people = await _under_faults(stage, chance, scale, desk, chaos, mails, shelves)
            report = await _settled(desk, Broker(at.broker), people, file, scale.final)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await chaos.close()
            await desk.close()
    finally:
        await stage.stop()
        journal.close()
    return Outcome(report, chaos.kills, chaos.switched)


async def _under_faults(
    stage: Stage,
    chance: random.Random,
    scale: Scale,
    desk: Desk,
    chaos: Chaos,
    mails: Mails,
    shelves: Shelves,
) -> list[asyncio.Task[None]]:
    """Everybody who came; when this returns, everything runs again."""

    async def come(number: int) -> None:
        who = habits(people, shelves.plenty, shelves.scarce)
        await Shopper(f"shopper-{number}", who, desk, mails).shop()

    # Each has chances of its own: how one is interrupted does not change what the other draws.
    people, times = random.Random(chance.random()), random.Random(chance.random())
    strikes = plan(random.Random(chance.random()), stage.targets, scale.seconds, scale.every)
    async with asyncio.TaskGroup() as both:
        came = both.create_task(arrivals(times, scale.per_second, scale.seconds, come))
        both.create_task(chaos.run(strikes, scale.repeat_at))
    desk.journal.faults_ended()
    return came.result()


async def _settled(
    desk: Desk, broker: Broker, people: list[asyncio.Task[None]], file: Path, seconds: float
) -> Report:
    """The report once nothing more is to come and there is nothing to complain of; or the time is over."""
    deadline = time.monotonic() + seconds
    _, waiting = await asyncio.wait(people, timeout=seconds)
    for person in waiting:
        person.cancel()
    ends = await asyncio.gather(*people, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):  # a defect of the load: its shopper saw what nobody planned for
            raise end
    while time.monotonic() < deadline:
        with suppress(*GONE):
            if not await broker.outstanding():
                break
        await asyncio.sleep(0.5)
    while True:
        charges, counted = await books.charges(desk), await books.counted(desk)
        await books.look(desk, counted)
        report = check(told(read(file)), charges, counted)
        if not report.violations or time.monotonic() > deadline:
            return report
        await asyncio.sleep(1.0)
