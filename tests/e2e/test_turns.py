"""What a test takes, no other has meanwhile; what it needs, others may need too."""

from __future__ import annotations

import fcntl

import pytest

from . import turns


@pytest.fixture
def a_test(request):
    """This very test, with other marks."""

    def marked(**marks: str) -> pytest.Item:
        node = pytest.Function.from_parent(request.node.parent, name="marked", callobj=lambda: None)
        for name, thing in marks.items():
            node.add_marker(getattr(pytest.mark, name)(thing))
        return node

    return marked


@pytest.fixture
def waits(tmp_path, monkeypatch):
    """Whether another one that runs this test would have to wait for its turn."""
    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda file, how: flock(file, how | fcntl.LOCK_NB))

    def would(item: pytest.Item) -> bool:
        try:
            with turns.turn(item, tmp_path):
                return False
        except BlockingIOError:
            return True

    return would


def test_who_takes_a_thing_waits_for_those_who_need_it(a_test, waits, tmp_path):
    with turns.turn(a_test(needs="keda"), tmp_path):
        assert not waits(a_test(needs="keda"))
        assert not waits(a_test(takes="broker"))
        assert waits(a_test(takes="keda"))


def test_who_needs_a_thing_waits_for_who_has_taken_it(a_test, waits, tmp_path):
    with turns.turn(a_test(takes="keda"), tmp_path):
        assert waits(a_test(needs="keda"))
    assert not waits(a_test(takes="keda"))


def test_of_both_marks_the_stronger_holds(a_test):
    assert turns.wanted(a_test(takes="keda", needs="keda")) == {"keda": fcntl.LOCK_EX}


def test_who_is_skipped_waits_for_nobody(a_test):
    item = a_test(takes="keda")
    item.add_marker(pytest.mark.skipif(True, reason="long"))
    assert turns.wanted(item) == {}


def test_a_thing_that_there_is_not_is_named(a_test):
    with pytest.raises(pytest.UsageError, match="marks \\['kida'\\]; there are \\['broker'"):
        turns.wanted(a_test(needs="kida"))
