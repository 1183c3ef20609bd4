"""A shopper's taste, and which attributes it shows in."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_recommendation.content import Features
from shop_recommendation.taste import BOUND, PRICE, Taste, shares
from shop_recommendation.training.log import VIEW, Goods, Log
from shop_recommendation.training.tasting import strengths, traits

OAK, STEEL = 1, 2
HALF = [{OAK: 0.5, STEEL: 0.5}]
EVEN = {OAK: 2.0, STEEL: 2.0}


def test_who_looks_at_nothing_has_no_taste() -> None:
    assert Taste([], HALF, EVEN).factor([OAK]) == 1


def test_what_is_met_as_often_as_chance_would_have_it_is_no_taste() -> None:
    taste = Taste([(0, [OAK]), (0, [STEEL])], HALF, EVEN)
    assert taste.factor([OAK]) == taste.factor([STEEL]) == 1


def test_what_is_met_more_often_is_likelier_the_more_so_the_more_there_is_to_go_by() -> None:
    factors = [Taste([(0, [OAK])] * count, HALF, EVEN).factor([OAK]) for count in (1, 3, 10, 1000)]
    assert factors == sorted(factors)
    assert 1 < factors[0] < 1.25
    assert factors[-1] == pytest.approx(2, rel=0.01)
    assert Taste([(0, [OAK])] * 3, HALF, EVEN).factor([STEEL]) < 1


def test_categories_that_have_nothing_else_say_nothing() -> None:
    usual = [{OAK: 1.0}, {OAK: 0.1, STEEL: 0.9}]
    assert Taste([(0, [OAK])] * 50, usual, EVEN).factor([OAK]) == 1
    assert Taste([(1, [OAK])] * 5, usual, EVEN).factor([OAK]) > 1.5


codes = st.lists(st.sampled_from([OAK, STEEL]), unique=True)


@given(st.lists(st.tuples(st.integers(0, 1), codes), max_size=20), codes)
def test_it_is_bounded(looked_at: list[tuple[int, list[int]]], asked: list[int]) -> None:
    usual = shares([0, 0, 1], [[OAK], [STEEL], [OAK]], [1.0, 3.0, 1.0], 2)
    assert usual == [{OAK: 0.25, STEEL: 0.75}, {OAK: 1.0}]
    assert 1 / BOUND <= Taste(looked_at, usual, EVEN).factor(asked) <= BOUND


def test_training_finds_the_attribute_that_people_have_a_taste_in() -> None:
    chance = np.random.default_rng(5)
    goods = [
        Goods(
            UUID(int=number),
            Features.of("x", {"brand": f"b{number % 8}", "colour": f"c{chance.integers(8)}"}, number, "EUR"),
            True,
        )
        for number in range(160)
    ]
    rows = []
    for person in range(300):
        brand = person % 8
        for step in range(8):
            product = int(chance.integers(160))
            if chance.random() < 0.6:
                product = product // 8 * 8 + brand
            rows.append((person, product, float(step)))
    actor, product, at = (np.array(column) for column in zip(*rows, strict=True))
    log = Log(actor, product, np.full(len(rows), VIEW), np.zeros(len(rows), np.int64), at)
    found = traits(goods)
    assert found.names == ["brand", "colour", PRICE]
    chosen = strengths(log, np.zeros(160, np.int64), found, np.ones(160))
    assert set(chosen) == {"brand"}


def test_prices_are_compared_within_their_category() -> None:
    prices = [("cheap", amount) for amount in range(10)] + [("dear", 100 * amount) for amount in range(10)]
    goods = [
        Goods(UUID(int=number), Features.of(category, {}, amount, "EUR"), True)
        for number, (category, amount) in enumerate(prices)
    ]
    found = traits(goods)
    assert found.names == [PRICE]
    bands = found.codes[0].tolist()
    assert bands[:10] == bands[10:] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
