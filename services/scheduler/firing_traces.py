"""The traces of schedules. Each firing starts a trace, and the enqueued crawl continues it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from crawljobs.domain.schedule import Schedule
from crawljobs.runtime import tracing
from scheduler.firing_results import Disabled, Fired


class FiringTraces:
    """Holds the spans of one batch of firings. Not thread-safe: only one thread may use the object.

    Spans of a failed transaction are not sent.
    """

    def __init__(self) -> None:
        self._begun: dict[int, tracing.Span] = {}

    def begin(self, schedule: Schedule) -> str:
        """Begin a span, and return its traceparent for the job.

        A retry of the transaction begins a new span for the same schedule.
        """
        span = tracing.begin(
            "enqueue",
            tracing.Kind.PRODUCER,
            attributes={"crawljobs.schedule.id": schedule.id, **_crawls(schedule)},
        )
        self._begun[schedule.id] = span
        return str(span.context)

    def clear(self) -> None:
        """Drop the spans of a failed batch. Must be called before each batch."""
        self._begun.clear()

    @contextlib.contextmanager
    def reporting(self, result: Fired | Disabled) -> Iterator[None]:
        """Run the block within the span of a committed firing, and end the span.

        A result without a job and without a group has no span. Then only the block runs.
        """
        span = self._begun.pop(result.schedule.id, None)
        if span is None or isinstance(result, Disabled) or not result.has_fired:
            yield
            return
        with tracing.within(span):
            yield
        span.set_attributes(_created(result))
        span.end()


def _crawls(schedule: Schedule) -> dict[str, str | int]:
    if schedule.step_count is not None:
        return {"crawljobs.steps": schedule.step_count}
    return {"crawljobs.subreddit": schedule.subreddit or ""}


def _created(result: Fired) -> dict[str, str | int]:
    if result.enqueued is not None:
        return {
            "crawljobs.job.id": result.enqueued.job_id,
            "crawljobs.outcome": result.enqueued.result,
        }
    return {} if result.group_id is None else {"crawljobs.group.id": result.group_id}
