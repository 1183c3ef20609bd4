"""The made-up worlds, the figures and their table."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from shop_bench.recommendation import report
from shop_bench.recommendation.cases import cases, known
from shop_bench.recommendation.run import Size, gain, run
from shop_bench.shoppers.sessions import BOUGHT, Story, tell
from shop_bench.shoppers.walk import Display, Walk
from shop_bench.shoppers.world import Scale, World, make

SMALL = Scale(products=120, people=150, days=21, brands=8, bundles=20)


@pytest.fixture(scope="module")
def world() -> World:
    return make(SMALL, 3)


@pytest.fixture(scope="module")
def story(world: World) -> Story:
    return tell(world, 3, 5)


def test_a_seed_is_a_world_and_its_story(story: Story) -> None:
    again = tell(make(SMALL, 3), 3, 5)
    assert (again.happenings, again.questions) == (story.happenings, story.questions)
    assert tell(make(SMALL, 4), 4, 5).happenings != story.happenings


def test_chances_are_chances_and_of_what_is_there_and_not_seen(world: World) -> None:
    walk = Walk(world, Display.of(world, 2), person=5, day=2, shelf=1, mood=0)
    seen = [int(np.flatnonzero(world.released <= 2)[0])]
    chances = walk.chances(seen)
    assert chances.sum() == pytest.approx(1)
    assert (chances >= 0).all()
    assert chances[seen].sum() == 0
    assert chances[world.released > 2].sum() == 0
    assert chances[(world.shelf == 1) & (world.released <= 2)].sum() > 0.5, "the shelf that one is after"


def test_who_saw_a_product_looks_for_what_belongs_to_it(world: World) -> None:
    product, mates = next((each, own) for each, own in world.mates.items() if world.released[own[0]] <= 2)
    walk = Walk(world, Display.of(world, 2), person=5, day=2, shelf=int(world.shelf[product]), mood=0)
    before = walk.chances([product])[mates].sum()
    walk.last = product
    assert walk.chances([product])[mates].sum() > before + 0.1


def test_nobody_learns_from_what_is_asked(story: Story) -> None:
    past = known(story)
    assert past.past
    assert max(each.at for each in past.past) < story.asked_from
    assert all(story.world.released[each] < story.asked_from / 86400 for each in past.goods)
    for case in cases(story, 3):
        assert case.session[0].at >= story.asked_from
        assert case.answer not in case.seen
        assert {each.person for each in [*case.before, *case.session]} == {case.session[0].person}
        assert all(each.session < case.session[0].session for each in case.before)
        assert not {each.what for each in case.session} & {BOUGHT}


def test_a_right_answer_gains_the_more_the_higher_it_stands() -> None:
    gains = [gain([7] * place + [1] + [7] * (9 - place), 1) for place in range(10)]
    assert gains[0] == 1
    assert gains[1] == pytest.approx(1 / math.log2(3))
    assert gains == sorted(gains, reverse=True)
    assert gain([7] * 10 + [1], 1) == 0


def test_all_are_measured_and_none_is_better_than_the_oracle() -> None:
    told: list[str] = []
    rows = run(Size((3, 4), SMALL), told.append)
    by_name = {row["rival"]: row for row in rows if row["seed"] == 3}
    assert {"random", "popularity", "item-kNN", "model", "oracle"} <= set(by_name)
    assert len(told) == len(rows)
    for row in rows:
        assert 0 <= row["ndcg"] <= row["recall"] <= 1
        assert 0 < row["coverage"] <= 1
    best = max(by_name.values(), key=lambda row: row["recall"])
    assert best["rival"] == "oracle"
    assert by_name["model"]["recall"] > 2 * by_name["random"]["recall"]


def measured(lead: float) -> dict:
    rows = [
        {
            "rival": name,
            "seed": seed,
            "happenings": 1000,
            "questions": 100,
            "recall": recall + seed / 1000,
            "ndcg": recall / 2 + seed / 1000,
            "coverage": 0.5,
            "recall_new_shoppers": 0.1,
            "recall_new_products": 0.0,
            "training_seconds": 1.0,
            "answer_ms": 1.0,
        }
        | ({"bytes": 2048} if name == "model" else {})
        for seed in (1, 2, 3)
        for name, recall in (("popularity", 0.1), ("item-kNN", 0.4), ("model", 0.4 + lead), ("oracle", 0.6))
    ]
    return {"commit": "c0ffee", "python": "3.11", "rows": rows}


@pytest.mark.parametrize(("lead", "verdict"), [(0.05, "reached"), (0.0, "**missed**"), (-0.05, "**missed**")])
def test_the_table_says_who_is_beaten(lead: float, verdict: str) -> None:
    lines = report.table(measured(lead)).splitlines()
    [against] = [line for line in lines if line.startswith("| item-kNN | ") and "±" in line]
    assert against.endswith(f"| {verdict} |")
    assert ("3 of 3" in against) == (lead > 0)


def test_the_interval_is_students() -> None:
    mean, half = report.interval([1.0, 2.0, 3.0])
    assert (mean, half) == (2.0, pytest.approx(4.303 / math.sqrt(3)))
    assert report.interval([1.0]) == (1.0, math.inf)


def test_the_committed_results_are_those_of_the_table() -> None:
    folder = Path(__file__).parents[3] / "docs" / "bench"
    found = json.loads((folder / "recommendation.json").read_text())
    assert len({row["seed"] for row in found["rows"]}) >= 5
    assert report.table(found) == (folder / "recommendation.md").read_text()
