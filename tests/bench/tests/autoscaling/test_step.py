"""One step of the load in figures, and the generator that makes it."""

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from shop_bench.autoscaling import step
from shop_bench.load.samples import FAILED, Request
from shop_platform.process import Failure

from .seen import LOAD, figures


def test_a_step_in_figures() -> None:
    found = figures()
    assert (found["decision_s"], found["event_s"], found["ready_s"]) == (12, 11.5, 14)
    assert (found["plateau"], found["most"], found["pod_seconds"]) == (2, 2, 100 + 90)
    assert (found["requests"], found["failed"], found["per_second"], found["p99_ms"]) == (120, 0, 1.0, 10.0)
    assert found["late_p99_ms"] == 2.0
    assert found["replicas"] == [[0.0, 1], [22.0, 2]], "to the end of the load alone"
    assert len(found["serving"]) == 23
    assert found["p99_over_time_ms"] == [10.0] * 22


@pytest.mark.parametrize("due", [185, 205, 285])
def test_a_failure_counts_whenever_it_was(due: float) -> None:
    found = figures(due)
    assert (found["failed"], found["errors"]) == (1, ["status 503"])


def test_what_was_not_answered_has_no_percentile() -> None:
    assert step.over_time([Request(181, 1.0, "catalog", "x", "glance", "status 500")], 180, 190) == [
        None,
        None,
    ]


def test_a_step_comes_later_by_its_phase_and_is_otherwise_the_same() -> None:
    early, late = LOAD.shape(0), LOAD.shape(7.5)
    assert late == replace(early, before=17.5)
    assert [early.base * 3, early.peak * 3] == pytest.approx([10, 55])
    assert early.mix == {"glance": 1}


def test_a_step_comes_so_long_after_a_look_of_the_controller() -> None:
    # It looks at 100, 115, 130: 4 s after the last of these, and 4 s after the next.
    assert step.wait(130, 4, look=100) == 4
    assert step.wait(135, 4, look=100) == 14
    assert step.wait(135, 4, look=None) == 4, "from whenever it is settled"


GENERATOR = """
import sys
file = sys.argv[sys.argv.index("--samples") + 1]
open(file, "w").write('[201.0,0.1,"catalog","GET /products","glance","status 503"]\\n')
print("begun 200.000", flush=True)
print("one line", flush=True)
print("another", flush=True)
print("no such shop", file=sys.stderr)
sys.exit({code})
"""


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets what stands in for the generator, by its exit code."""

    def ends_with(code: int) -> None:
        command = [sys.executable, "-c", GENERATOR.format(code=code)]
        monkeypatch.setattr(step, "generator", lambda profile, services, shape, *more: [*command, *more])

    return ends_with


def test_requests_that_failed_are_figures(generator: Callable[[int], None]) -> None:
    generator(FAILED)
    looks: list[int] = []
    begun, found = step.generate("step", {}, LOAD.shape(0), "1", lambda: looks.append(1))
    assert begun == 200.0
    assert [each.error for each in found] == ["status 503"]
    assert len(looks) == 2, "once for each line"


def test_a_generator_that_breaks_is_no_measurement(generator: Callable[[int], None]) -> None:
    generator(1)
    with pytest.raises(Failure, match="ended with 1") as failure:
        step.generate("step", {}, LOAD.shape(0), "1")
    assert "no such shop" in failure.value.detail
