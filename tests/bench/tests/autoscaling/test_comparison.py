"""Rounds against rounds, and curves against curves."""

import pytest
from shop_bench.autoscaling import comparison


def test_an_interval_has_the_median_in_it_and_is_the_same_again() -> None:
    values = [10.0, 12, 15, 11, 30, 14, 13, 12, 16, 9, 11, 12]
    low, high = comparison.interval(values)
    assert 9 <= low <= 12 <= high <= 30
    assert (low, high) == comparison.interval(values)
    assert comparison.interval([7.0, 7.0]) == (7.0, 7.0)
    with pytest.raises(ValueError, match="found none"):
        comparison.interval([])


def test_rounds_are_compared_with_themselves() -> None:
    assert comparison.paired({1: 10, 2: 20, 3: 5}, {2: 50, 1: 25, 4: 1}) == [15, 30]


@pytest.mark.parametrize(("share", "found"), [(0.5, 6), (0.9, 11), (1.0, 12)])
def test_a_quantile_is_a_value_that_occurred(share: float, found: float) -> None:
    assert comparison.quantile(range(12, 0, -1), share) == found


CURVE = [(100.0, 400.0), (200.0, 200.0), (300.0, 100.0)]


@pytest.mark.parametrize(
    ("cost", "latency"), [(50, 400), (100, 400), (150, 300), (250, 150), (300, 100), (400, 100)]
)
def test_a_curve_is_straight_between_its_points(cost: float, latency: float) -> None:
    assert comparison.latency_at(CURVE, cost) == latency


def test_a_curve_is_no_worse_than_another_when_it_is_nowhere_above_it() -> None:
    assert comparison.excess([(250, 75), (150, 300)], CURVE) == [1.0, 0.5]
    assert max(comparison.excess([(150, 330)], CURVE)) == pytest.approx(1.1)
    assert comparison.excess(CURVE, CURVE) == [1.0, 1.0, 1.0]
