"""The CPU target that gives as many pods as the other metric."""

import math

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_bench.autoscaling import calibration


@given(st.integers(60, 2000), st.integers(2, 4), st.floats(0.97, 1.05))
def test_an_hpa_runs_as_many_pods_though_the_rate_is_never_quite_the_same(
    rate: int, pods: int, chance: float
) -> None:
    assert math.ceil(chance * rate / calibration.target_for(rate, pods)) == pods


def test_one_pod_is_full_at_what_it_answers_of_a_little_too_much() -> None:
    asked: list[float] = []

    def answered(rate: float) -> float:
        asked.append(round(rate))
        return min(rate, 300 - (rate - 300) / 3)

    assert calibration.full(answered, 240) == pytest.approx(300, rel=0.07)
    assert asked == [240, 480, 288, 346], "all of the first was answered, and of the third"
    with pytest.raises(calibration.NotFound, match="that it answers 15360"):
        calibration.full(lambda rate: rate, 240)


def test_the_first_guess_leaves_as_much_room_as_the_other_metric() -> None:
    # 55 of 60 requests per second that three pods may have: CPU may have as much more.
    assert calibration.first_guess(110, 3, 55, 20) == 120


@hypothesis.settings(deadline=None)
@given(st.floats(300, 2000), st.integers(1, 5), st.floats(0.6, 1.7))
def test_from_a_fair_guess_a_target_is_found_that_gives_as_many_pods(
    total: float, wanted: int, off: float
) -> None:
    # As an HPA has it: all pods together use so much, whatever their number.
    def plateau(target: int) -> int:
        return max(1, math.ceil(total / target))

    found, tried = calibration.search(plateau, round(off * total / wanted), wanted)
    assert plateau(found) == wanted == tried[-1][1]


def test_a_guess_that_is_right_is_tried_once() -> None:
    assert calibration.search(lambda _: 3, 110, 3) == (110, [(110, 3)])


def test_a_target_between_two_that_were_tried_is_found() -> None:
    found, tried = calibration.search(lambda cpu: 4 if cpu < 130 else 2 if cpu > 140 else 3, 105, 3)
    assert (found, tried) == (136, [(105, 4), (147, 2), (126, 4), (136, 3)])


def test_that_there_is_no_such_target_is_said_with_what_was_tried() -> None:
    with pytest.raises(calibration.NotFound, match="gives 3 pods at the plateau, found 110 %: 6"):
        calibration.search(lambda _: 6, 110, 3)
