"""The closed forms against what they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_recommendation.ranking import PAUSE
from shop_recommendation.training import linear
from shop_recommendation.training.linear import Weights, fit, gram, sessions
from shop_recommendation.training.log import CART, ORDER, VIEW, Log

PRODUCTS = 5
NOW = 1_000_000.0
ALWAYS = Weights(half_life=1e12, bought=1.5)


def log_of(rows: list[tuple[int, int, int, float]]) -> Log:
    """From actor, product, kind and time."""
    actor, product, kind = (np.array([row[place] for row in rows], np.int64) for place in range(3))
    return Log(actor, product, kind, np.zeros(len(rows), np.int64), np.array([row[3] for row in rows]))


@st.composite
def logs(draw: st.DrawFn) -> Log:
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, PRODUCTS - 1), st.sampled_from([VIEW, CART, ORDER])),
            min_size=1,
            max_size=14,
        )
    )
    gaps = draw(st.lists(st.sampled_from([10.0, 4000.0]), min_size=len(rows), max_size=len(rows)))
    return log_of([(*row, NOW - 90_000 + sum(gaps[:place])) for place, row in enumerate(rows)])


def written_out(log: Log) -> np.ndarray:
    """A row for each session, a column for each product: the most that was done with it."""
    columns = (log.at, log.actor, log.product, log.kind)
    rows: list[np.ndarray] = []
    last: dict[int, float] = {}
    of_actor: dict[int, int] = {}
    for at, actor, product, kind in sorted(zip(*(column.tolist() for column in columns), strict=True)):
        if at - last.get(actor, -1e9) > PAUSE.total_seconds():
            of_actor[actor] = len(rows)
            rows.append(np.zeros(PRODUCTS))
        last[actor] = at
        row = rows[of_actor[actor]]
        row[product] = max(row[product], 1.5 if kind in (CART, ORDER) else 1.0)
    return np.array(rows)


@settings(max_examples=60, deadline=None)
@given(logs())
def test_the_gram_matrix_is_that_of_the_sessions(log: Log) -> None:
    x = written_out(log)
    assert gram(sessions(log, NOW, ALWAYS), PRODUCTS) == pytest.approx(x.T @ x, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(logs(), st.floats(0.5, 5))
def test_each_product_is_the_ridge_regression_from_all_others(log: Log, ridge: float) -> None:
    both = gram(sessions(log, NOW, ALWAYS), PRODUCTS).astype(np.float64)
    found = linear._regression(both.astype(np.float32), Weights(ridge=ridge, common=0.0))
    penalty = ridge * np.diagonal(both).mean()
    for product in range(PRODUCTS):
        others = [each for each in range(PRODUCTS) if each != product]
        inputs = both[np.ix_(others, others)] + penalty * np.eye(PRODUCTS - 1)
        expected = np.linalg.solve(inputs, both[others, product])
        assert found[others, product] == pytest.approx(expected, abs=1e-4)
        assert found[product, product] == 0


def test_what_shared_more_sessions_follows_first_and_nothing_itself() -> None:
    visits = [(0, 1)] * 6 + [(0, 2)] * 2 + [(3,)] * 3
    rows = [
        (actor, product, VIEW, NOW - 9000 + place)
        for actor, products in enumerate(visits)
        for place, product in enumerate(products)
    ]
    b, cosine = fit(log_of(rows), PRODUCTS, NOW, ALWAYS)
    assert b[0, 1] > b[0, 2] > abs(b[0, 3])
    assert not np.diagonal(b).any()
    assert not cosine[3].any()


def test_a_session_counts_half_after_its_half_life() -> None:
    def seen(days: float) -> float:
        at = NOW - days * 86400
        rows = sessions(log_of([(0, 0, VIEW, at), (0, 1, VIEW, at + 1)]), NOW, Weights(half_life=10))
        return float(gram(rows, 2)[0, 1])

    assert seen(10) == pytest.approx(seen(0) / 2, rel=1e-3)


def test_of_a_long_session_the_end_counts() -> None:
    count = linear.LONGEST_SESSION + 5
    log = log_of([(0, product, VIEW, NOW - 5000 + product) for product in range(count)])
    assert sessions(log, NOW, Weights()).item.tolist() == list(range(5, count))


@pytest.mark.parametrize("products", [0, 3])
def test_without_anything_nothing_follows(products: int) -> None:
    b, cosine = fit(log_of([]), products, NOW, Weights())
    assert not b.any()
    assert not cosine.any()


def test_matrices_stay_within_their_memory() -> None:
    count = linear.most_products(256 * 2**20)
    assert 3600 <= count <= 3700
    assert 5 * 4 * count**2 <= 256 * 2**20
