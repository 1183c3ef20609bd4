"""What belongs to the request that is being answered: its id, the time that is left for it, who asks."""

import time
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Set by the chassis for each request; `current()` finds it anywhere below. Its trace is in `tracing`."""

    id: str
    deadline: float
    """By `time.monotonic()`: nobody waits for the answer after that."""
    authorization: str | None

    def time_left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self.deadline - time.monotonic())


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)
enter = _current.set
leave = _current.reset


def current() -> RequestContext | None:
    """The request that is being answered; None outside any."""
    return _current.get()
