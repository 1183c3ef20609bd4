"""Circuit breaker: stops calling a callee that fails, and tries again with one call at a time.

The pattern is Nygard's (Release It!). The libraries at hand count consecutive failures, which half a broken
callee never reaches, and let every waiting call through when half open.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a breaker is."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and for how long."""

    window_seconds: float = 10.0
    """Only calls that ended this recently count."""
    minimum_calls: int = 5
    """Fewer calls than this say nothing."""
    failure_share: float = 0.5
    """Share of failed calls in the window at which it opens."""
    open_seconds: float = 2.0
    """How long nothing is sent before one call may try."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call. Its outcome counts only while the breaker is in the state that gave it."""

    generation: int


_MOST_OUTCOMES = 200


class Breaker:
    """A state machine without I/O: `admit` before a call, `record` after it."""

    def __init__(
        self, policy: BreakerPolicy | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.policy = policy or BreakerPolicy()
        self._clock = clock
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=_MOST_OUTCOMES)
        self._state = State.CLOSED
        self._generation = 0
        self._opened_at = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        """The state now; an open breaker becomes half open by the passing of time alone."""
        if self._state is State.OPEN and self.retry_after() == 0:
            self._enter(State.HALF_OPEN)
        return self._state

    def retry_after(self) -> float:
        """Seconds until a call may be tried; 0 when one may be tried now."""
        if self._state is not State.OPEN:
            return 0.0
        return max(0.0, self._opened_at + self.policy.open_seconds - self._clock())

    def admit(self) -> Permit | None:
        """Leave to make a call, or None: do not call."""
        state = self.state
        if state is State.OPEN or (state is State.HALF_OPEN and self._probing):
            return None
        self._probing = state is State.HALF_OPEN
        return Permit(self._generation)

    def record(self, permit: Permit, succeeded: bool | None) -> None:
        """The outcome of an admitted call; None when it says nothing about the callee (cancelled, say)."""
        if permit.generation != self._generation:
            return
        if self._state is State.HALF_OPEN:
            self._probing = False
            if succeeded is not None:
                self._enter(State.CLOSED if succeeded else State.OPEN)
        elif succeeded is not None:
            self._outcomes.append((self._clock(), succeeded))
            if not succeeded and self._too_many_failed():
                self._enter(State.OPEN)

    def _too_many_failed(self) -> bool:
        since = self._clock() - self.policy.window_seconds
        while self._outcomes and self._outcomes[0][0] < since:
            self._outcomes.popleft()
        failed = sum(not succeeded for _, succeeded in self._outcomes)
        calls = len(self._outcomes)
        return calls >= self.policy.minimum_calls and failed >= self.policy.failure_share * calls

    def _enter(self, state: State) -> None:
        self._state = state
        self._generation += 1
        self._outcomes.clear()
        self._probing = False
        self._opened_at = self._clock()
