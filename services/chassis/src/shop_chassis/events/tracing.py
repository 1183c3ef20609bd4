"""The trace context that travels with an event (W3C Trace Context, CloudEvents' distributed tracing
extension).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shop_chassis.context import current

_propagator = TraceContextTextMapPropagator()


def current_traceparent() -> str | None:
    """`traceparent` of the span that is current, else of the request; None outside any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    request = current()
    return carrier.get("traceparent") or (request.traceparent if request else None)


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """What runs inside belongs to the trace of `traceparent`."""
    token = context.attach(_propagator.extract({"traceparent": traceparent} if traceparent else {}))
    try:
        yield
    finally:
        context.detach(token)
