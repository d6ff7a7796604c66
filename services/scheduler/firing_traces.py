"""Each firing of a schedule begins a trace, which the crawl that it asked for continues."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from crawljobs.domain.schedule import Schedule
from crawljobs.runtime import tracing
from scheduler.schedule_firing import Disabled, Fired


class FiringTraces:
    """Used by one thread. What a transaction began and did not commit is never told."""

    def __init__(self) -> None:
        self._begun: dict[int, tracing.Span] = {}

    def begin(self, schedule: Schedule) -> str:
        """The traceparent of the job; again when the transaction is run again."""
        span = tracing.begin(
            "enqueue",
            tracing.Kind.PRODUCER,
            attributes={
                "crawljobs.schedule.id": schedule.id,
                "crawljobs.subreddit": schedule.subreddit,
            },
        )
        self._begun[schedule.id] = span
        return str(span.context)

    def forget(self) -> None:
        """Before a batch: what is left is of one that failed."""
        self._begun.clear()

    @contextlib.contextmanager
    def telling(self, result: Fired | Disabled) -> Iterator[None]:
        """In the trace of what was committed, if it asked for a crawl; ends its span."""
        span = self._begun.pop(result.schedule.id, None)
        if span is None or isinstance(result, Disabled) or result.enqueued is None:
            yield
            return
        with tracing.within(span):
            yield
        span.set_attributes(
            {
                "crawljobs.job.id": result.enqueued.job_id,
                "crawljobs.outcome": result.enqueued.result,
            }
        )
        span.end()
