"""Spans that are told, to an OpenTelemetry collector by OTLP over HTTP. Imported where there is one, alone.

Endpoint, headers, time limits, sampling and batches are those of the OTEL_* variables (OpenTelemetry
environment variable specification); each service has a provider of its own, so that several share a process.
"""

import asyncio
from typing import ClassVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace import Tracer as SdkTracer

from shop_chassis.settings import Settings
from shop_chassis.tracing import Attributes, Kind, Span, Tracer

FLUSH_SECONDS = 3.0
"""For what waits to be sent when the service ends; a collector that is away must not hold it up."""
_KINDS = {
    "internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER,
}  # fmt: skip


class ToldSpan(Span):
    """One that the collector hears of."""

    __slots__ = ("_sdk", "_tracer")
    told: ClassVar[bool] = True

    def __init__(self, sdk: SdkSpan, tracer: SdkTracer) -> None:
        self._sdk, self._tracer = sdk, tracer
        at = sdk.get_span_context()
        super().__init__(format_trace_id(at.trace_id), format_span_id(at.span_id), at.trace_flags.sampled)

    def child(self, name: str, kind: Kind, attributes: Attributes | None = None) -> Span:
        """As for every span."""
        return _begun(self._tracer, name, kind, self._sdk, attributes)

    def note(self, attributes: Attributes, *, name: str | None = None) -> None:
        """As for every span."""
        self._sdk.set_attributes(attributes)
        if name is not None:
            self._sdk.update_name(name)

    def fail(self, kind: str) -> None:
        """As for every span."""
        self._sdk.set_attribute("error.type", kind)
        self._sdk.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """As for every span."""
        self._sdk.end()


class OtlpTracer(Tracer):
    """One per service."""

    def __init__(self, settings: Settings, service: str) -> None:
        endpoint = str(settings.otel_exporter_otlp_endpoint).rstrip("/")
        resource = Resource.create({
            "service.name": service,
            "service.version": settings.build_version,
            "service.instance.id": settings.pod_name,
        })  # fmt: skip
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("shop_chassis")

    def begin(
        self, name: str, kind: Kind, parent: Span | None = None, attributes: Attributes | None = None
    ) -> Span:
        """As every tracer; what is not sampled is told to nobody."""
        return _begun(self._tracer, name, kind, _remote(parent) if parent else None, attributes)

    async def stop(self) -> None:
        """Sends what waits, in FLUSH_SECONDS at most."""
        await asyncio.to_thread(self._provider.force_flush, round(FLUSH_SECONDS * 1000))
        await asyncio.to_thread(self._provider.shutdown)


def _remote(parent: Span) -> SdkSpan:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    ids = int(parent.trace_id, 16), int(parent.span_id, 16)
    return NonRecordingSpan(SpanContext(*ids, is_remote=True, trace_flags=flags))


def _begun(
    tracer: SdkTracer, name: str, kind: Kind, parent: SdkSpan | None, attributes: Attributes | None
) -> Span:
    above = set_span_in_context(parent, Context()) if parent else Context()
    sdk = tracer.start_span(name, context=above, kind=_KINDS[kind], attributes=attributes)
    if sdk.is_recording():
        return ToldSpan(sdk, tracer)
    at = sdk.get_span_context()
    return Span(format_trace_id(at.trace_id), format_span_id(at.span_id), at.trace_flags.sampled)
