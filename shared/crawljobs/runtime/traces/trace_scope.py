"""The current span of this thread; log lines carry its ids."""

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
    """A structlog processor. It draws the ids of a span only when a line is written."""
    span = current.get()
    if span is not None:
        context = span.context
        event.setdefault("trace_id", context.trace_id)
        event.setdefault("span_id", context.span_id)
    return event
