"""A small OTLP collector over HTTP for tests of traces."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support import scripted_server
from support.scripted_server import Exchange


@dataclass(frozen=True)
class Received:
    """A span that the collector received."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    seconds: float
    attributes: dict[str, object]


@dataclass
class Collector:
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, exchange: Exchange) -> None:
        assert exchange.path == "/v1/traces"
        with self._lock:
            self.headers.append(dict(exchange.headers.items()))
            self.bodies.append(exchange.body)
        exchange.send(
            200,
            ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )

    def spans(self) -> list[Received]:
        with self._lock:
            bodies = list(self.bodies)
        return [span for body in bodies for span in _spans(body)]

    def of_trace(self, trace_id: str) -> dict[str, Received]:
        """Return the trace's spans by name. If several spans have a name, return the first."""
        found: dict[str, Received] = {}
        for span in self.spans():
            if span.trace_id == trace_id:
                found.setdefault(span.name, span)
        return found


def _spans(body: bytes) -> Iterator[Received]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Received(
                    service=about["service.name"],
                    name=span.name,
                    kind=span.kind,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    attributes={
                        one.key: getattr(one.value, str(one.value.WhichOneof("value")))
                        for one in span.attributes
                    },
                )


@contextlib.contextmanager
def serve() -> Iterator[Collector]:
    collector = Collector()
    with scripted_server.serve(collector.take) as url:
        collector.url = url
        yield collector
