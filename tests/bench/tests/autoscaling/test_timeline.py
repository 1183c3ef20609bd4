"""From what was seen of a cluster to figures: nothing that failed, or never came, is hidden."""

from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_bench.autoscaling import timeline
from shop_bench.autoscaling.timeline import Pod

from .seen import PODS, deployment, pod, rescaled


def test_a_pod_costs_from_when_it_is_made_until_it_is_gone_and_serves_from_when_it_is_ready() -> None:
    lives = timeline.pods(PODS)
    assert lives == [Pod("a", 100, 100), Pod("b", 210, 214, 310)]
    assert timeline.existing(lives) == [(100, 1), (210, 2), (310, 1)]
    assert timeline.serving(lives) == [(100, 1), (214, 2), (310, 1)]


def test_pod_seconds_are_the_area_below_the_pods_that_there_were() -> None:
    steps = timeline.existing(timeline.pods(PODS))
    assert timeline.area(steps, 200, 320) == 10 + 2 * 100 + 10
    assert timeline.area(steps, 90, 110) == 10, "what was not seen yet costs nothing"
    assert timeline.area(steps, 250, 260) == 20


Numbers = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 9)), max_size=8).map(sorted)


@hypothesis.settings(deadline=None)
@given(Numbers, st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_areas_add_up(steps: Any, times: list[float]) -> None:
    begin, middle, end = sorted(times)
    whole = timeline.area(steps, begin, end)
    parts = timeline.area(steps, begin, middle) + timeline.area(steps, middle, end)
    assert whole == pytest.approx(parts, abs=1e-6)


def test_the_first_pod_that_counts_was_made_after_the_step() -> None:
    late = [*PODS, pod(204, "c", kind="ADDED"), pod(230, "c", ready=True)]
    assert timeline.first_ready(timeline.pods(late), 200) == 14
    assert timeline.first_ready(timeline.pods(late), 207) == 7
    assert timeline.first_ready(timeline.pods(late), 250) is None


def test_a_decision_is_the_first_time_that_more_pods_are_wanted() -> None:
    steps = timeline.wanted(
        [deployment(*each) for each in [(100, 1), (205, 1), (212, 3), (220, 2), (230, 4)]]
    )
    assert steps == [(100, 1), (212, 3), (220, 2), (230, 4)]
    assert timeline.decision(steps, 200) == 12
    assert timeline.decision(steps, 215) == 15, "fewer is no answer to a step"
    assert timeline.decision(steps, 240) is None
    assert timeline.most(steps, 200, 225) == 3


def test_the_hpas_event_is_that_of_adding_pods() -> None:
    told = [
        rescaled(150, 3, "external metric above target"),
        rescaled(205, 1, "All metrics below target"),
        rescaled(212, 3, "external metric s0-prometheus above target"),
    ]
    found = timeline.rescale_event(told, 200)
    assert found == (12, "New size: 3; reason: external metric s0-prometheus above target")
    assert timeline.rescale_event(told, 213) is None


def test_a_series_has_a_number_for_each_time() -> None:
    assert timeline.sampled([(100, 1), (112, 3)], 95, 120, 5) == [0, 1, 1, 1, 3, 3]
    assert timeline.relative([(100, 1), (112, 3)], 105, 120) == [[0.0, 1], [7.0, 3]]


def hpa(at: float, found: int | None, *, kind: str = "MODIFIED", of: str = "catalog", uid: str = "a") -> Any:
    body: dict[str, Any] = {"metadata": {"uid": uid}, "spec": {"scaleTargetRef": {"name": of}}}
    return at, {"type": kind, "object": body | ({} if found is None else {"status": {"found": found}})}


def test_the_controller_looked_when_what_it_found_changed() -> None:
    before = hpa(1, 20, kind="ADDED")
    assert timeline.last_look([before], "catalog") is None, "it may have looked at any time"
    assert timeline.last_look([before, hpa(2, 20)], "catalog") is None, "somebody else changed it"
    seen = [before, hpa(6, 25), hpa(9, 25), hpa(12, 7, of="cart"), hpa(14, 7, of="cart")]
    assert timeline.last_look(seen, "catalog") == 6
    seen += [hpa(20, 25, kind="DELETED")]
    assert timeline.last_look(seen, "catalog") is None
    seen += [hpa(21, None, kind="ADDED", uid="b")]
    assert timeline.last_look(seen, "catalog") is None, "another one, with a period of its own"
    assert timeline.last_look([*seen, hpa(36, 3, uid="b")], "catalog") == 36
