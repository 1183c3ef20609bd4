"""An OpenTelemetry collector that keeps what it is told: OTLP over HTTP, in protobuf."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Told:
    """A span as it arrived; ids in hex, `parent_id` empty for the first of a trace."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    failed: bool


class Collector:
    """Made by `collector`; `url` is what OTEL_EXPORTER_OTLP_ENDPOINT is to be."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        """Of all requests, as they came."""

    def spans(self) -> list[Told]:
        """All that have arrived so far."""
        return [span for body in tuple(self.bodies) for span in _read(body)]

    async def arrived(self, number: int, kind: str = "") -> list[Told]:
        """All, or those of that kind, as soon as they are so many. Raises TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while True:
                spans = [span for span in self.spans() if kind in ("", span.kind)]
                if len(spans) >= number:
                    return spans
                await asyncio.sleep(0.01)

    def text(self) -> str:
        """All that was said: names, attributes, events, messages of errors, and by whom."""
        return "".join(str(ExportTraceServiceRequest.FromString(body)) for body in tuple(self.bodies))


@contextmanager
def collector() -> Iterator[Collector]:
    """Answers on a free port of the loopback for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            expected = (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            if expected:
                made.bodies.append(body)
            self.send_response(200 if expected else 400)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test says what was wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(body: bytes) -> Iterator[Told]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _plain(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(
                    service=service,
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_plain(span.attributes),
                    failed=span.status.code == Status.STATUS_CODE_ERROR,
                )


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
