"""Spans by OpenTelemetry; imported only when its extra is installed and an endpoint is set."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from crawljobs import version
from crawljobs.domain.trace_context import TraceContext
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# At shutdown: a collector that is slow then loses the last spans.
FLUSH_SECONDS = 1.5
# Of one export with its repetitions. Meanwhile the queue fills and then drops; nobody waits.
EXPORT_SECONDS = 5.0


class Recorded:
    """A span that is sent when it has ended."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        found = span.get_span_context()
        self.context = TraceContext(
            trace.format_trace_id(found.trace_id),
            trace.format_span_id(found.span_id),
            found.trace_flags.sampled,
        )

    def tell(self, attributes: Mapping[str, str | int | float | bool]) -> None:
        self._span.set_attributes(attributes)

    def fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        self._span.end()


class Recorder:
    """Makes spans; a thread of its own sends them, and drops what it cannot send.

    Address, headers, sampling and the like are OpenTelemetry's own variables.
    """

    def __init__(self, service: str, instance: str) -> None:
        # It tells of every failed export at length; _Exporter tells of the first.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = _Exporter(OTLPSpanExporter(timeout=EXPORT_SECONDS))
        self._processor = BatchSpanProcessor(self._exporter)
        resource = Resource.create(
            {
                "service.namespace": "crawljobs",
                "service.name": service,
                "service.instance.id": instance,
                "service.version": version.VERSION,
            }
        )
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("crawljobs")

    def begin(
        self,
        name: str,
        kind: str,
        *,
        parent: TraceContext | None,
        is_remote: bool,
        attributes: Mapping[str, str | int | float | bool],
        seconds_ago: float,
    ) -> Recorded:
        above = trace.INVALID_SPAN if parent is None else _known(parent, is_remote)
        return Recorded(
            self._tracer.start_span(
                name,
                context=trace.set_span_in_context(above),
                kind=trace.SpanKind[kind],
                attributes=attributes,
                start_time=time.time_ns() - int(seconds_ago * 1e9),
            )
        )

    def stop(self) -> None:
        # Its own deadline does not hold while an export is on its way.
        ending = threading.Thread(target=self._processor.shutdown, name="tracing-end", daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)
        if ending.is_alive():
            self._exporter.abandon()


def _known(parent: TraceContext, is_remote: bool) -> trace.Span:
    return trace.NonRecordingSpan(
        trace.SpanContext(
            trace_id=int(parent.trace_id, 16),
            span_id=int(parent.span_id, 16),
            is_remote=is_remote,
            trace_flags=trace.TraceFlags(int(parent.sampled)),
        )
    )


class _Exporter(SpanExporter):
    """Says once that spans are lost, and once that they arrive again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._arrive = True
        self._is_abandoned = False
        self._lock = threading.Lock()  # whoever flushes may export beside the thread that does

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        arrive = result is SpanExportResult.SUCCESS
        with self._lock:
            is_news = arrive is not self._arrive and not self._is_abandoned
            self._arrive = arrive
            if is_news:
                log.warning("tracing.arrives_again" if arrive else "tracing.lost", spans=len(spans))
        return result

    def abandon(self) -> None:
        """End the tries of an export that is on its way; log nothing after this call."""
        with self._lock:
            if self._arrive and not self._is_abandoned:
                log.warning("tracing.lost", reason=f"not sent within {FLUSH_SECONDS} s of the end")
            self._is_abandoned = True
        self._exporter.shutdown()

    def shutdown(self) -> None:
        self._exporter.shutdown()
