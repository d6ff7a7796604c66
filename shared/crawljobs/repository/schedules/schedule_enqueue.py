"""Enqueue for many schedules at once, each with its own priority and retries.

The rules are the rules of job_queue.enqueue_many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crawljobs.domain.job import Enqueued, JobSource, priority_ceiling
from crawljobs.repository.queue import enqueue_sql, job_queue

_ENQUEUE = enqueue_sql.enqueue_statement(f"""
    SELECT {enqueue_sql.SUBREDDIT_ASKED_FOR},
        wish.priority, wish.schedule_id, wish.max_retries, wish.traceparent
    FROM unnest(
        CAST(:subreddit_ids AS bigint[]), CAST(:priorities AS smallint[]),
        CAST(:schedule_ids AS bigint[]), CAST(:max_retries AS smallint[]),
        CAST(:traceparents AS text[])
    ) AS wish (subreddit_id, priority, schedule_id, max_retries, traceparent)
        JOIN subreddits AS subreddit ON subreddit.id = wish.subreddit_id
    """)


@dataclass(frozen=True)
class ScheduledEnqueue:
    """A crawl that a schedule requests."""

    schedule_id: int
    subreddit_id: int
    priority: int
    max_retries: int
    traceparent: str | None = None


def enqueue_for_schedules(
    conn: Connection, *, enqueues: Sequence[ScheduledEnqueue], now: datetime | None = None
) -> dict[int, Enqueued]:
    """Enqueue the crawls, and return the results by the schedule's id.

    The result is the same as if each were enqueued alone. Runs one statement, and one more for each
    further schedule of the same subreddit.
    """
    results: dict[int, Enqueued] = {}
    for wave in _waves(enqueues):
        rows = conn.execute(
            _ENQUEUE,
            {
                "subreddit_ids": [request.subreddit_id for request in wave],
                "priorities": [request.priority for request in wave],
                "schedule_ids": [request.schedule_id for request in wave],
                "max_retries": [request.max_retries for request in wave],
                "traceparents": [request.traceparent for request in wave],
                "ceiling": priority_ceiling(JobSource.SCHEDULE),
                "source": JobSource.SCHEDULE,
                "depth": 0,
                "visible_at": None,
                "now": now,
            },
        )
        by_subreddit = {row.subreddit_id: job_queue.enqueued_of(row) for row in rows}
        results |= {request.schedule_id: by_subreddit[request.subreddit_id] for request in wave}
    return results


def _waves(enqueues: Sequence[ScheduledEnqueue]) -> Iterator[list[ScheduledEnqueue]]:
    """Yield groups with each subreddit at most once: a statement cannot merge into a job twice."""
    rest = list(enqueues)
    while rest:
        wave = {request.subreddit_id: request for request in reversed(rest)}
        yield list(wave.values())
        rest = [request for request in rest if wave[request.subreddit_id] is not request]
