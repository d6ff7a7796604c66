"""Enqueue for many schedules at once: the rules of enqueue_many, each row with its own wishes."""

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
    """A crawl that a schedule asks for."""

    schedule_id: int
    subreddit_id: int
    priority: int
    max_retries: int
    traceparent: str | None = None


def enqueue_for_schedules(
    conn: Connection, *, enqueues: Sequence[ScheduledEnqueue], now: datetime | None = None
) -> dict[int, Enqueued]:
    """What became of each wish, by schedule; the same as one enqueue after the other.

    One statement, and one more for each further schedule of the same subreddit.
    """
    results: dict[int, Enqueued] = {}
    for wave in _waves(enqueues):
        rows = conn.execute(
            _ENQUEUE,
            {
                "subreddit_ids": [wish.subreddit_id for wish in wave],
                "priorities": [wish.priority for wish in wave],
                "schedule_ids": [wish.schedule_id for wish in wave],
                "max_retries": [wish.max_retries for wish in wave],
                "traceparents": [wish.traceparent for wish in wave],
                "ceiling": priority_ceiling(JobSource.SCHEDULE),
                "source": JobSource.SCHEDULE,
                "depth": 0,
                "visible_at": None,
                "now": now,
            },
        )
        by_subreddit = {row.subreddit_id: job_queue.enqueued_of(row) for row in rows}
        results |= {wish.schedule_id: by_subreddit[wish.subreddit_id] for wish in wave}
    return results


def _waves(enqueues: Sequence[ScheduledEnqueue]) -> Iterator[list[ScheduledEnqueue]]:
    """No statement may merge into the same job twice: a subreddit is in a wave once."""
    rest = list(enqueues)
    while rest:
        wave = {wish.subreddit_id: wish for wish in reversed(rest)}
        yield list(wave.values())
        rest = [wish for wish in rest if wave[wish.subreddit_id] is not wish]
