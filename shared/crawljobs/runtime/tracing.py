"""Traces, which connect the request for a crawl with its result, across processes.

Log lines within a span contain the ids of the span. This module creates the ids itself, because
opentelemetry-api alone creates no ids (shared/DECISIONS.md, 52). If the extra `otel` is installed
and the address of a collector is set, spans are also sent to a collector. An error of the collector
never affects the work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawljobs import settings
from crawljobs.domain.trace_context import TraceContext
from crawljobs.runtime import logs
from crawljobs.runtime.traces import trace_scope
from crawljobs.runtime.traces.trace_span import Attributes, Kind, Span

if TYPE_CHECKING:
    from crawljobs.runtime.traces.open_telemetry import Recorder

__all__ = [
    "Attributes",
    "Kind",
    "Span",
    "begin",
    "current",
    "is_recording",
    "span",
    "start",
    "stop",
    "traceparent",
    "within",
]

log = logs.get_logger(__name__)

_recorder: Recorder | None = None


def start(service: str, instance: str, chosen: settings.TracingSettings | None) -> None:
    """Send spans to a collector from now on. Do nothing if `chosen` is None.

    Call this after a fork: a thread sends the spans, and a fork does not copy threads.
    """
    global _recorder
    if chosen is None:
        return
    try:
        from crawljobs.runtime.traces import open_telemetry

        _recorder = open_telemetry.Recorder(service, instance)
    except ImportError as error:
        log.warning(
            "tracing.unavailable",
            reason=f"{chosen.named} is set, but the extra otel is not installed ({error})",
        )
    except (OSError, TypeError, ValueError) as error:  # an OpenTelemetry variable is wrong
        # Log only the class of the error, because its message may quote a secret value.
        log.warning("tracing.unavailable", reason=type(error).__name__)
    else:
        log.info("tracing.started")


def stop() -> None:
    """Send the remaining spans. Spans that cannot be sent within 1.5 s are dropped."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.stop()


def is_recording() -> bool:
    """Return whether spans are sent. If not, the ids of spans appear only in log lines."""
    return _recorder is not None


def current() -> TraceContext | None:
    """Return the ids of this thread's current span, or None without a current span."""
    span = trace_scope.current.get()
    return None if span is None else span.context


def traceparent() -> str | None:
    """Return the current span as a W3C traceparent, so that another process continues the trace."""
    context = current()
    return None if context is None else str(context)


def begin(
    name: str,
    kind: Kind,
    *,
    parent: TraceContext | None = None,
    under: Span | None = None,
    attributes: Attributes | None = None,
    seconds_ago: float = 0.0,
) -> Span:
    """Start a span and return it. The caller must end the span.

    The parent of the span is the first of these that exists:

    - `parent`: a span of another process
    - `under`: a span of this process
    - this thread's current span

    Without a parent, the span starts a new trace.
    """
    recorder = _recorder
    if recorder is None:
        return Span(parent or under or trace_scope.current.get(), None)
    local = current() if under is None else under.context
    chosen = local if parent is None else parent
    recorded = recorder.begin(
        name,
        kind,
        parent=chosen,
        is_remote=chosen is not local,
        attributes=attributes or {},
        seconds_ago=seconds_ago,
    )
    return Span(None, recorded)


class within:  # noqa: N801 - used like a function; a class takes a third of a generator's time
    """Make the span this thread's current span, so that log lines contain its ids."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._outer = trace_scope.current.set(self._span)

    def __exit__(self, *_: object) -> None:
        trace_scope.current.reset(self._outer)


@contextlib.contextmanager
def span(
    name: str,
    kind: Kind,
    *,
    parent: TraceContext | None = None,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """Start a span, run the block within it, and end the span.

    If the block raises an exception, the span is marked as failed.
    """
    begun = begin(name, kind, parent=parent, attributes=attributes)
    try:
        with within(begun):
            yield begun
    except BaseException as error:
        begun.fail(type(error).__name__)
        raise
    finally:
        begun.end()
