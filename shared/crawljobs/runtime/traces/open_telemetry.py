"""Create spans with OpenTelemetry, and send them to a collector.

This module is imported only if the address of a collector is set. It needs the extra `otel`.
"""

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

# The limit for sending the last spans at shutdown. If the collector needs longer, these spans are
# lost.
FLUSH_SECONDS = 1.5
# The limit for sending one batch of spans, with retries. Meanwhile new spans wait in a queue. A
# full queue drops new spans, so that the work of the process never waits.
EXPORT_SECONDS = 5.0


class Recorded:
    """A span that is sent to the collector after the call of `end`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        found = span.get_span_context()
        self.context = TraceContext(
            trace.format_trace_id(found.trace_id),
            trace.format_span_id(found.span_id),
            found.trace_flags.sampled,
        )

    def set_attributes(self, attributes: Mapping[str, str | int | float | bool]) -> None:
        self._span.set_attributes(attributes)

    def fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        self._span.end()


class Recorder:
    """Starts spans. A separate thread sends them, and drops spans that it cannot send.

    OpenTelemetry reads the address, headers, sampling and other options from its own variables.
    """

    def __init__(self, service: str, instance: str) -> None:
        # OpenTelemetry would log a long message for every failed export. Instead, _Exporter logs
        # the first failure.
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
        """Start a span below `parent`. Without a parent, the span is the root of a new trace.

        `is_remote` is true if the parent belongs to another process.
        """
        parent_span = trace.INVALID_SPAN if parent is None else _parent_span(parent, is_remote)
        return Recorded(
            self._tracer.start_span(
                name,
                context=trace.set_span_in_context(parent_span),
                kind=trace.SpanKind[kind],
                attributes=attributes,
                start_time=time.time_ns() - int(seconds_ago * 1e9),
            )
        )

    def stop(self) -> None:
        """Send the remaining spans. Spans that are not sent after FLUSH_SECONDS are lost."""
        # A thread and `join` limit the time, because the deadline of `shutdown` does not stop an
        # export that has already begun.
        flush = threading.Thread(target=self._processor.shutdown, name="tracing-end", daemon=True)
        flush.start()
        flush.join(FLUSH_SECONDS)
        if flush.is_alive():
            self._exporter.abandon()


def _parent_span(parent: TraceContext, is_remote: bool) -> trace.Span:
    return trace.NonRecordingSpan(
        trace.SpanContext(
            trace_id=int(parent.trace_id, 16),
            span_id=int(parent.span_id, 16),
            is_remote=is_remote,
            trace_flags=trace.TraceFlags(int(parent.sampled)),
        )
    )


class _Exporter(SpanExporter):
    """Sends spans. Logs a line when spans are lost, and a line when spans are accepted again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_delivering = True
        self._is_abandoned = False
        self._lock = threading.Lock()  # two threads may export at the same time during a shutdown

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        delivered = result is SpanExportResult.SUCCESS
        with self._lock:
            has_changed = delivered is not self._is_delivering and not self._is_abandoned
            self._is_delivering = delivered
            if has_changed:
                log.warning("tracing.resumed" if delivered else "tracing.lost", spans=len(spans))
        return result

    def abandon(self) -> None:
        """Stop the retries of an export that has begun. After this call, nothing is logged."""
        with self._lock:
            if self._is_delivering and not self._is_abandoned:
                log.warning(
                    "tracing.lost", reason=f"not sent within {FLUSH_SECONDS} s of the shutdown"
                )
            self._is_abandoned = True
        self._exporter.shutdown()

    def shutdown(self) -> None:
        self._exporter.shutdown()
