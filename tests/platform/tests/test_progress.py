import threading
import time

import pytest
from shop_platform.process import Failure, run
from shop_platform.progress import Steps


def test_steps_wait_for_those_before_them_and_others_run_at_once():
    order, together = [], threading.Barrier(2, timeout=5)
    steps = Steps()
    steps.add("cluster", lambda note: (together.wait(), order.append("cluster")))
    steps.add("images", lambda note: (together.wait(), order.append("images")))
    steps.add("load", lambda note: order.append("load"), after=["cluster", "images"])
    steps.finish()
    assert order[-1] == "load"
    assert set(order) == {"cluster", "images", "load"}


def test_each_step_is_a_line_with_its_time_and_note():
    told = []
    steps = Steps(tell=told.append)
    steps.add("images", lambda note: note("3 built"))
    steps.finish()
    assert [line.split() for line in told] == [["✓", "images", "0.0", "s", "3", "built"]]
    assert [name for name, _ in steps.times()] == ["images"]


def test_a_failure_ends_the_others_and_skips_what_comes_after():
    ran = []

    def fail(note):
        raise Failure("no room")

    steps = Steps()
    steps.add("sleeper", lambda note: run(["sleep", "60"]))
    steps.add("images", fail)
    steps.add("load", lambda note: ran.append("load"), after=["images"])
    begun = time.monotonic()
    with pytest.raises(Failure, match="no room"):
        steps.finish()
    assert time.monotonic() - begun < 5
    assert ran == []
