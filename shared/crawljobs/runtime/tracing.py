"""Traces: who asked for a crawl, and what became of it, across processes.

Every scope has its ids in the log lines. With the extra `otel` installed and an endpoint set they
are also sent to a collector as spans; whatever becomes of that, the work goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from crawljobs import settings
from crawljobs.domain import trace_context
from crawljobs.domain.trace_context import TraceContext
from crawljobs.runtime import logs, trace_scope

if TYPE_CHECKING:
    from crawljobs.runtime.open_telemetry import Recorded, Recorder

log = logs.get_logger(__name__)

Attributes = Mapping[str, str | int | float | bool]

_recorder: Recorder | None = None


class Kind(StrEnum):
    """A span's relation to others, as OpenTelemetry names it."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span:
    """One piece of work. What is not ended is not sent. Used by one thread at a time."""

    def __init__(
        self, above: TraceContext | trace_scope.HasContext | None, recorded: Recorded | None
    ) -> None:
        self._above = above
        self._recorded = recorded
        self._context: TraceContext | None = None

    @property
    def context(self) -> TraceContext:
        """Made when it is asked for first: most jobs of no work never are."""
        if self._context is None:
            self._context = self._recorded.context if self._recorded else self._drawn()
        return self._context

    def _drawn(self) -> TraceContext:
        if self._above is None:
            return trace_context.new()
        above = self._above
        return (above if isinstance(above, TraceContext) else above.context).child()

    def tell(self, attributes: Attributes) -> None:
        """Never a secret, and nothing that others wrote at length."""
        if self._recorded is not None:
            self._recorded.tell(attributes)

    def fail(self, error: str) -> None:
        """`error` is a kind of error, such as an exception's class; its text may hold anything."""
        if self._recorded is not None:
            self._recorded.fail(error)

    def end(self) -> None:
        if self._recorded is not None:
            self._recorded.end()


def start(service: str, instance: str, chosen: settings.TracingSettings | None) -> None:
    """Send spans from now on, if it was `chosen`; after the fork, for the sender is a thread."""
    global _recorder
    if chosen is None:
        return
    try:
        from crawljobs.runtime import open_telemetry

        _recorder = open_telemetry.Recorder(service, instance)
    except ImportError as error:
        log.warning(
            "tracing.unavailable",
            reason=f"{chosen.named} is set, but the extra otel is not installed ({error})",
        )
    except (OSError, TypeError, ValueError) as error:  # what its own variables may lead to
        # Its text may repeat a variable's value.
        log.warning("tracing.unavailable", reason=type(error).__name__)
    else:
        log.info("tracing.started")


def stop() -> None:
    """Send what is left, within moments or not at all."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.stop()


def is_recording() -> bool:
    """Whether anybody will see the spans; without, they lend their ids to log lines alone."""
    return _recorder is not None


def current() -> TraceContext | None:
    here = trace_scope.current.get()
    return None if here is None else here.context


def traceparent() -> str | None:
    """What lets others continue where we are."""
    here = current()
    return None if here is None else str(here)


def begin(
    name: str,
    kind: Kind,
    *,
    parent: TraceContext | None = None,
    under: Span | None = None,
    attributes: Attributes | None = None,
    seconds_ago: float = 0.0,
) -> Span:
    """A span under `parent`, else the current one, else of a new trace; the caller ends it.

    The current one is the span whose scope this is, unless `under` names another of this process.
    """
    recorder = _recorder
    if recorder is None:
        return Span(parent or under or trace_scope.current.get(), None)
    here = current() if under is None else under.context
    above = here if parent is None else parent
    recorded = recorder.begin(
        name,
        kind,
        parent=above,
        is_remote=above is not here,
        attributes=attributes or {},
        seconds_ago=seconds_ago,
    )
    return Span(None, recorded)


class within:  # noqa: N801 - read as a verb; a class costs a third of a generator, twice a job
    """Work for this span, in this thread: its ids are in the log lines."""

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
    """Begin, work within, end; an exception that passes fails it."""
    begun = begin(name, kind, parent=parent, attributes=attributes)
    try:
        with within(begun):
            yield begun
    except BaseException as error:
        begun.fail(type(error).__name__)
        raise
    finally:
        begun.end()
