"""The breaker's states: as a table of stories, and as a property over all of them."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from shop_chassis.client.breaker import Breaker, BreakerPolicy, Permit, State
from shop_chassis.testing.clock import Clock

POLICY = BreakerPolicy(window_seconds=10, minimum_calls=4, failure_share=0.5, open_seconds=2)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("", State.CLOSED),
        ("FFF", State.CLOSED),  # too few calls to judge
        ("FFFF", State.OPEN),
        ("SSFF", State.OPEN),  # half of the calls
        ("SSSFF", State.CLOSED),  # less than half
        ("FFF>>>>>>F", State.CLOSED),  # the first three are out of the window
        ("FFFF>", State.HALF_OPEN),
        ("FFFF>S", State.CLOSED),
        ("FFFF>F", State.OPEN),
        ("FFFF>F>S", State.CLOSED),
        ("FFFF>SFFF", State.CLOSED),  # what was before it opened is forgotten
        ("FFFF>NN", State.HALF_OPEN),  # a cancelled probe gives its place back
    ],
)
def test_story(story: str, expected: State) -> None:
    """S, F, N: a call that succeeds, fails, says nothing; >: two seconds pass."""
    clock = Clock(1000.0)
    breaker = Breaker(POLICY, clock=clock)
    for step in story:
        if step == ">":
            clock.now += 2
        else:
            permit = breaker.admit()
            assert permit is not None
            breaker.record(permit, {"S": True, "F": False, "N": None}[step])
    assert breaker.state is expected


def test_open_admits_nothing_and_says_for_how_long() -> None:
    clock = Clock(1000.0)
    breaker = Breaker(POLICY, clock=clock)
    permits = [breaker.admit() for _ in range(4)]
    for permit in permits:
        assert permit is not None
        breaker.record(permit, False)
    clock.now += 0.5
    assert breaker.admit() is None
    assert breaker.retry_after() == pytest.approx(1.5)


def test_half_open_admits_one_at_a_time() -> None:
    clock = Clock(1000.0)
    breaker = Breaker(BreakerPolicy(minimum_calls=1), clock=clock)
    first = breaker.admit()
    assert first is not None
    breaker.record(first, False)
    clock.now += breaker.policy.open_seconds
    probe = breaker.admit()
    assert probe is not None
    assert breaker.admit() is None
    breaker.record(probe, True)
    assert breaker.admit() is not None


@pytest.mark.parametrize("succeeded", [True, False])
def test_what_began_before_it_opened_says_nothing_afterwards(succeeded: bool) -> None:
    """A call that hung until now is no news of the callee."""
    clock = Clock(1000.0)
    breaker = Breaker(POLICY, clock=clock)
    late = breaker.admit()
    permits = [breaker.admit() for _ in range(4)]
    for permit in permits:
        assert permit is not None
        breaker.record(permit, False)
    clock.now += POLICY.open_seconds
    assert late is not None
    breaker.record(late, succeeded)
    assert breaker.state is State.HALF_OPEN
    assert breaker.admit() is not None
    breaker.record(late, succeeded)
    assert breaker.admit() is None, "the one probe is still under way"


class AnyHistory(RuleBasedStateMachine):
    """Calls begin and end in any order while time passes."""

    permits: Bundle[Permit] = Bundle("permits")

    @initialize()
    def start(self) -> None:
        self.clock = Clock(1000.0)
        self.breaker = Breaker(POLICY, clock=self.clock)
        self.probes: set[int] = set()
        self.failures_at: list[float] = []
        self.opened_at: float | None = None

    @rule(target=permits)
    def begin(self) -> object:
        before = self.breaker.state
        permit = self.breaker.admit()
        if before is State.OPEN:
            assert permit is None
        if before is State.CLOSED:
            assert permit is not None
        if permit is None:
            return multiple()
        if before is State.HALF_OPEN:
            assert permit.generation not in self.probes, "two probes at once"
            self.probes.add(permit.generation)
        return permit

    @rule(permit=permits, succeeded=st.sampled_from([True, False, None]))
    def end(self, permit: Permit, succeeded: bool | None) -> None:
        before = self.breaker.state
        self.breaker.record(permit, succeeded)
        after = self.breaker.state
        if permit.generation in self.probes and before is State.HALF_OPEN:
            self.probes.discard(permit.generation)
        if succeeded is False:
            self.failures_at.append(self.clock.now)
        if before is not State.OPEN and after is State.OPEN:
            self.opened_at = self.clock.now
            assert succeeded is False, "only a failure opens"
            if before is State.CLOSED:
                recent = [at for at in self.failures_at if at >= self.clock.now - POLICY.window_seconds]
                assert len(recent) >= POLICY.failure_share * POLICY.minimum_calls
        if before is State.OPEN:
            assert after is State.OPEN, "a call from before it opened changes nothing"

    @rule(seconds=st.floats(min_value=0.0, max_value=3.0))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def open_for_exactly_as_long_as_said(self) -> None:
        if hasattr(self, "breaker") and self.breaker.state is State.OPEN:
            assert self.opened_at is not None
            assert self.clock.now < self.opened_at + POLICY.open_seconds
            assert 0 < self.breaker.retry_after() <= POLICY.open_seconds


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
