"""The current span of this thread, and its ids in log lines."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

import structlog

from crawljobs.domain.trace_context import TraceContext


class HasContext(Protocol):
    @property
    def context(self) -> TraceContext: ...


current: ContextVar[HasContext | None] = ContextVar("span", default=None)


def add_ids(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the ids of the current span to a log line. This is a structlog processor.

    The ids of a span are created only when a line is written.
    """
    span = current.get()
    if span is not None:
        context = span.context
        event.setdefault("trace_id", context.trace_id)
        event.setdefault("span_id", context.span_id)
    return event
