"""Traces: to what larger work something belongs (W3C Trace Context), and what is told of it (OpenTelemetry).

Ids are taken, made and passed on always. Spans are told where OTEL_EXPORTER_OTLP_ENDPOINT says: `otlp`, which
is imported then alone, makes the spans that are. They say templates of routes, names and codes; never paths,
bodies or messages of errors, which hold secrets (a guest's cart id, what somebody typed).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, Literal

from shop_chassis.settings import Settings

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int]


class Span:
    """A place in a trace. This one is told to nobody, and so are those below it."""

    __slots__ = ("sampled", "span_id", "trace_id")
    told: ClassVar[bool] = False

    def __init__(self, trace_id: str, span_id: str, sampled: bool) -> None:
        """Ids in hex; `sampled` asks those who come after to tell of theirs."""
        self.trace_id, self.span_id, self.sampled = trace_id, span_id, sampled

    @property
    def traceparent(self) -> str:
        """What a call or an event takes along."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self, name: str, kind: Kind, attributes: Attributes | None = None) -> "Span":
        """A part of this, begun now; nothing that nobody is told of needs a place of its own."""
        return self

    def note(self, attributes: Attributes, *, name: str | None = None) -> None:
        """What has become known, its name included."""

    def fail(self, kind: str) -> None:
        """It did not succeed; `kind` is a type of error or a code, never a message."""

    def end(self) -> None:
        """It is over."""


class Tracer:
    """Begins the spans of one service that have no other of it above them; these are told to nobody."""

    def begin(
        self, name: str, kind: Kind, parent: Span | None = None, attributes: Attributes | None = None
    ) -> Span:
        """Below `parent`, which is somebody else's; else the first of a trace."""
        return parent or Span(os.urandom(16).hex(), os.urandom(8).hex(), sampled=False)

    async def stop(self) -> None:
        """Nothing waits to be told."""


def tracer_of(settings: Settings, service: str) -> Tracer:
    """That of the environment."""
    if settings.otel_exporter_otlp_endpoint is None:
        return Tracer()
    from shop_chassis.otlp import OtlpTracer  # some 15 MB, of which most services know nothing

    return OtlpTracer(settings, service)


_current: ContextVar[Span | None] = ContextVar("span", default=None)
enter = _current.set
leave = _current.reset


def current_span() -> Span | None:
    """What this runs in; None outside of all work."""
    return _current.get()


def current_traceparent() -> str | None:
    """Its `traceparent`."""
    span = _current.get()
    return span.traceparent if span else None


@contextmanager
def inside(span: Span) -> Iterator[Span]:
    """What runs in the block is part of the span, which ends with it; what it raises is told by its type."""
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        _current.reset(token)
        span.end()


@contextmanager
def part(name: str, kind: Kind = "internal", attributes: Attributes | None = None) -> Iterator[Span | None]:
    """The block is a part of what it runs in; outside of all work it is nothing."""
    whole = _current.get()
    if whole is None or not whole.told:
        yield whole
        return
    with inside(whole.child(name, kind, attributes)) as span:
        yield span


_TRACEPARENT = re.compile(
    "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


def parse(traceparent: str | None) -> Span | None:
    """The span that a valid W3C `traceparent` names; None for any other text."""
    found = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    return None if more and version == "00" else Span(trace_id, span_id, bool(int(flags, 16) & 1))
