"""Worlds, recommenders, questions, figures."""

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shop_bench.recommendation.cases import Case, Known, Rival, cases, known
from shop_bench.recommendation.ours import Ours
from shop_bench.recommendation.rivals import Factors, ItemKnn, Oracle, Popularity, Random
from shop_bench.shoppers.sessions import tell
from shop_bench.shoppers.world import Scale, make

Row = dict[str, Any]
ASKED_DAYS = 6
FEW = 5
"""A product that fewer people had to do with before is one without a past."""


@dataclass(frozen=True)
class Size:
    """What is run."""

    seeds: Sequence[int]
    scale: Scale


FULL = Size(range(1, 7), Scale())
QUICK = Size((1, 2), Scale(products=300, people=800))


def rivals() -> list[Rival]:
    """All that are compared; ALS where `implicit` is installed."""
    found: list[Rival] = [Random(), Popularity(), ItemKnn(), Ours(), Oracle()]
    try:
        import implicit  # noqa: F401
    except ImportError:
        return found
    return [*found[:3], Factors(), *found[3:]]


def measure(quick: bool, told: Callable[[str], None]) -> list[Row]:
    """What `shop-bench recommendation` does."""
    return run(QUICK if quick else FULL, told)


def run(size: Size, told: Callable[[str], None]) -> list[Row]:
    """One row for each world and recommender."""
    rows: list[Row] = []
    for seed in size.seeds:
        story = tell(make(size.scale, seed), seed, ASKED_DAYS)
        past, asked = known(story), list(cases(story, seed))
        for rival in rivals():
            began = time.perf_counter()
            rival.learn(past)
            learnt = time.perf_counter()
            answers = [rival.ten(case) for case in asked]
            ended = time.perf_counter()
            row = {"seed": seed, "rival": rival.name, "happenings": len(past.past), "questions": len(asked)}
            row |= judged(past, asked, answers) | {"training_seconds": round(learnt - began, 2)}
            row["answer_ms"] = round(1000 * (ended - learnt) / len(asked), 3)
            if isinstance(rival, Ours):
                row["bytes"] = rival.bytes
            rows.append(row)
            told(
                f"world {seed}, {rival.name}: recall@10 {row['recall']:.4f}, nDCG@10 {row['ndcg']:.4f}, "
                f"coverage {row['coverage']:.2f}"
            )
    return rows


def judged(past: Known, asked: Sequence[Case], answers: Sequence[Sequence[int]]) -> Row:
    """Means over the questions; of shoppers and products without a past also by themselves."""
    people = {each.person for each in past.past}
    met = Counter(product for _, product in {(each.person, each.product) for each in past.past})
    gains = [gain(ten, case.answer) for ten, case in zip(answers, asked, strict=True)]
    goods = set(past.goods)
    new_people = [
        value for value, case in zip(gains, asked, strict=True) if case.session[0].person not in people
    ]
    new_goods = [
        value
        for value, case in zip(gains, asked, strict=True)
        if case.answer in goods and met[case.answer] < FEW
    ]
    suggested = {product for ten in answers for product in ten}
    return {
        "recall": _hits(gains),
        "ndcg": statistics.fmean(gains),
        "coverage": len(suggested & goods) / len(goods),
        "recall_new_shoppers": _hits(new_people),
        "recall_new_products": _hits(new_goods),
        "new_shoppers": len(new_people),
        "new_products": len(new_goods),
    }


def gain(ten: Sequence[int], answer: int) -> float:
    """nDCG with one right answer: 1 on the first place, 1 / log2(place + 1) on others, else 0."""
    for place, product in enumerate(ten[:10], 1):
        if product == answer:
            return 1 / math.log2(place + 1)
    return 0.0


def _hits(gains: Sequence[float]) -> float:
    return sum(value > 0 for value in gains) / len(gains) if gains else 0.0
