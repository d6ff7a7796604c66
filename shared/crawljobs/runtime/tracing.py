"""Traces connect the request for a crawl with its result, across processes.

Log lines within a span carry its ids. With the extra `otel` installed and an endpoint set, spans
are also sent to a collector. A failure of that never affects the work. Without the SDK,
opentelemetry-api makes no ids, so this module makes them (shared/DECISIONS.md, 52).
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
    """Send spans from now on; do nothing without `chosen`.

    Call it after the fork: the sender is a thread, which a fork does not copy.
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
    except (OSError, TypeError, ValueError) as error:  # wrong values of OpenTelemetry's variables
        # The error's text may repeat a value, which may be a secret.
        log.warning("tracing.unavailable", reason=type(error).__name__)
    else:
        log.info("tracing.started")


def stop() -> None:
    """Send the remaining spans; drop those that are not sent within 1.5 s."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.stop()


def is_recording() -> bool:
    """Whether spans are sent; if not, their ids appear in log lines only."""
    return _recorder is not None


def current() -> TraceContext | None:
    """The ids of this thread's current span."""
    span = trace_scope.current.get()
    return None if span is None else span.context


def traceparent() -> str | None:
    """The current span as a W3C traceparent, from which another process continues the trace."""
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
    """A started span; the caller ends it.

    Its parent is `parent`, a span of another process; else `under`, a span of this process; else
    the current span of this thread. Without any of them it starts a new trace.
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


class within:  # noqa: N801 - read as a verb; a class costs a third of a generator, twice a job
    """Make the span the current one of this thread: log lines carry its ids."""

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
    """Start a span, run the block within it, end it; an exception marks it as failed."""
    begun = begin(name, kind, parent=parent, attributes=attributes)
    try:
        with within(begun):
            yield begun
    except BaseException as error:
        begun.fail(type(error).__name__)
        raise
    finally:
        begun.end()
