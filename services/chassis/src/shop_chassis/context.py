"""What belongs to the request that is being answered: its id, its trace, the time that is left for it."""

import os
import time
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context

TRACE_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)


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


def parse_traceparent(header: str) -> tuple[str, bool] | None:
    """Trace id and whether it is sampled, of a valid W3C `traceparent`; None for any other text."""
    parts = header.strip().split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return None
    version, trace_id, parent_id, flags = parts[:4]
    if version == "ff" or (version == "00" and len(parts) != 4):
        return None
    if header.lower() != header or not all(_is_hex(part) for part in parts[:4]):
        return None
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id, bool(int(flags, 16) & 1)


def new_span_id() -> str:
    """Eight random bytes in hex."""
    return os.urandom(8).hex()


def new_trace_id() -> str:
    """Sixteen random bytes in hex."""
    return os.urandom(16).hex()


def as_span(request: RequestContext) -> Context:
    """The same for libraries that ask OpenTelemetry, such as the outbox for `traceparent`."""
    span = trace.SpanContext(
        int(request.trace_id, 16),
        int(request.span_id, 16),
        is_remote=False,
        trace_flags=TRACE_SAMPLED if request.sampled else trace.TraceFlags.get_default(),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(span))


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
