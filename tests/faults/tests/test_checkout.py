"""People order while everything under them is killed; and builds that are wrong are found out by it."""

from pathlib import Path

import pytest
from shop_faults.checker import Kind
from shop_faults.mutated import Mutant
from shop_faults.processes import Processes
from shop_faults.seed import LONG, record, seeded
from shop_faults.trial import Outcome, Scale, trial

pytestmark = [pytest.mark.postgres, pytest.mark.nats, pytest.mark.redis]

SLICE = Scale(seconds=15, per_second=2.5, every=2.0, repeat_at=7)
TEN_MINUTES = Scale(seconds=600, per_second=1.9, every=6.0, repeat_at=120)
MUTATED: dict[Mutant, tuple[Scale, Kind]] = {
    # A second charge stays, so nobody needs to wait for it to be found.
    "keys": (Scale(seconds=25, per_second=2.0, every=3.0, repeat_at=17, final=5), "double charged"),
    "inbox": (Scale(seconds=30, per_second=2.0, every=3.0, repeat_at=22), "shown wrong"),
}


def told(stage: Processes, outcome: Outcome) -> str:
    """For whoever reads that it failed."""
    kills = "\n".join(f"{kill.at:7.2f} to {kill.back:7.2f}: {kill.what}" for kill in outcome.kills)
    return f"{outcome.report}\n{kills}\n{stage.logs()}"


@pytest.mark.timeout(1200)
async def test_no_order_is_lost_or_paid_twice_and_nothing_is_oversold(tmp_path: Path) -> None:
    stage, scale = Processes(tmp_path), TEN_MINUTES if LONG else SLICE
    outcome = await trial(stage, seeded("checkout"), scale, tmp_path / "journal.jsonl")
    record("checkout", stage="processes", seconds=scale.seconds, **outcome.proof())
    assert outcome.report.violations == [], told(stage, outcome)
    least, inside = (1000, 20) if LONG else (10, 1)
    assert outcome.report.acknowledged >= least, told(stage, outcome)
    assert outcome.inside_sagas >= inside, told(stage, outcome)


@pytest.mark.skipif(not LONG, reason="a minute for each; `make test-long` runs them")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTATED)
async def test_a_wrong_build_is_found_out(tmp_path: Path, mutant: Mutant) -> None:
    scale, kind = MUTATED[mutant]
    stage = Processes(tmp_path, mutant=mutant)
    outcome = await trial(stage, seeded(mutant), scale, tmp_path / "journal.jsonl")
    record(f"checkout-without-{mutant}", stage="processes", seconds=scale.seconds, **outcome.proof())
    assert outcome.report.of(kind), told(stage, outcome)
