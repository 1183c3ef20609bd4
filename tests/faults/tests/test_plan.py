import random

import pytest
from shop_faults.chaos import SWITCHES, WEIGHTS, plan
from shop_faults.stage import Target

TARGETS = [
    *(Target("service", name) for name in ("order-processing", "payment", "user")),
    Target("broker", "broker"),
]


def test_the_seed_decides() -> None:
    plans = [plan(random.Random(seed), TARGETS, 60, 2.5) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


@pytest.mark.parametrize("seed", range(20))
def test_everything_falls_once_before_anything_falls_twice(seed: int) -> None:
    strikes = plan(random.Random(seed), TARGETS, 60, 2.5)
    kills = [strike.target for strike in strikes if strike.target]
    assert sorted(kills[: len(TARGETS)]) == sorted(TARGETS)
    assert all(0 < strike.at < 63 for strike in strikes)
    assert len(kills) >= 60 / (1.4 * 2.5) - 1


def test_what_matters_more_falls_more_often() -> None:
    kills = [strike.target for strike in plan(random.Random(3), TARGETS, 10_000, 2.5) if strike.target]
    count = {target.name: kills.count(target) for target in TARGETS}
    assert count["order-processing"] > count["payment"] > count["broker"] > count["user"]
    assert set(WEIGHTS) > {"order-processing", "payment"}


def test_the_gateway_does_everything_it_can() -> None:
    strikes = plan(random.Random(4), TARGETS, 1000, 2.5)
    assert {strike.fault for strike in strikes if strike.target is None} == set(range(len(SWITCHES)))
