"""What belongs to the request that is being answered: its id, its trace, the time that is left for it."""

import os
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Set by the chassis for each request; `current()` finds it anywhere below."""

    id: str
    trace_id: str
    span_id: str
    sampled: bool
    deadline: float
    """By `time.monotonic()`: nobody waits for the answer after that."""
    authorization: str | None

    def time_left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def traceparent(self) -> str:
        """W3C Trace Context: what a call that is made for this request sends on."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)
enter = _current.set
leave = _current.reset


def current() -> RequestContext | None:
    """The request that is being answered; None outside any."""
    return _current.get()


_TRACEPARENT = re.compile(
    "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)


def parse_traceparent(header: str) -> tuple[str, bool] | None:
    """Trace id and whether it is sampled, of a valid W3C `traceparent`; None for any other text."""
    found = _TRACEPARENT.fullmatch(header.strip())
    if found is None:
        return None
    version, trace_id, flags, more = found.groups()
    return None if more and version == "00" else (trace_id, bool(int(flags, 16) & 1))


def new_span_id() -> str:
    """Eight random bytes in hex."""
    return os.urandom(8).hex()


def new_trace_id() -> str:
    """Sixteen random bytes in hex."""
    return os.urandom(16).hex()
