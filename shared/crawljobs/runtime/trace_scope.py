"""Which span the work at hand is for, in this thread; log lines carry its ids."""

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
    """A processor of log lines. Ids are made when one is written: most spans need none."""
    span = current.get()
    if span is not None:
        context = span.context
        event.setdefault("trace_id", context.trace_id)
        event.setdefault("span_id", context.span_id)
    return event
