"""A span of a trace, with its ids. If spans are exported, it holds a span of OpenTelemetry too."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from crawljobs.domain import trace_context
from crawljobs.domain.trace_context import TraceContext
from crawljobs.runtime.traces import trace_scope

if TYPE_CHECKING:
    from crawljobs.runtime.traces.open_telemetry import Recorded

Attributes = Mapping[str, str | int | float | bool]


class Kind(StrEnum):
    """The role of a span in a request or a message, in OpenTelemetry's terms."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span:
    """One piece of work in a trace. It is sent after the call of `end`.

    Only one thread at a time may use a span.
    """

    def __init__(
        self, parent: TraceContext | trace_scope.HasContext | None, recorded: Recorded | None
    ) -> None:
        self._parent = parent
        self._recorded = recorded
        self._context: TraceContext | None = None

    @property
    def context(self) -> TraceContext:
        """The ids of the span. The first access creates them, because most spans need no ids."""
        if self._context is None:
            self._context = self._recorded.context if self._recorded else self._new_context()
        return self._context

    def _new_context(self) -> TraceContext:
        if self._parent is None:
            return trace_context.new()
        parent = self._parent
        return (parent if isinstance(parent, TraceContext) else parent.context).child()

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes, which must not contain secrets or long untrusted texts."""
        if self._recorded is not None:
            self._recorded.set_attributes(attributes)

    def fail(self, error: str) -> None:
        """Mark the span as failed. `error` is the error's class: its message may be secret."""
        if self._recorded is not None:
            self._recorded.fail(error)

    def end(self) -> None:
        if self._recorded is not None:
            self._recorded.end()
