"""Enqueue for an operator: what there was before is told too, for the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.domain.job import Enqueued, EnqueueResult, Job, JobSource
from crawljobs.repository import job_admin_sql, job_queries, job_queue

RACES_MAX = 10  # others who enqueue the same subreddits at this very moment

_LOCK_LIVE = text(f"""
    SELECT {job_queries.JOB_COLUMNS}
    FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    WHERE job.status IN ('blocked', 'waiting', 'queued', 'crawling')
        AND job.subreddit_id = ANY (ARRAY(
            SELECT id FROM subreddits WHERE lower(name) = ANY (CAST(:keys AS text[]))))
    ORDER BY job.id FOR UPDATE OF job
    """)


@dataclass(frozen=True)
class EnqueueChange:
    """What became of one request; `before` is the live job it was merged into, as it was."""

    enqueued: Enqueued
    before: Job | None
    after: Job


def enqueue_many(
    conn: Connection,
    *,
    subreddits_named: Sequence[str],
    priority: int,
    source: JobSource,
    max_retries: int,
    visible_at: datetime | None = None,
    traceparent: str | None = None,
) -> list[EnqueueChange]:
    """As job_queue.enqueue_many: one result a subreddit, in the order first named."""
    keys = sorted({name.lower() for name in subreddits_named})
    for _ in range(RACES_MAX):
        attempt = conn.begin_nested()
        live = {row.id: job_queries.to_job(row) for row in conn.execute(_LOCK_LIVE, {"keys": keys})}
        enqueued = job_queue.enqueue_many(
            conn,
            subreddits_named=subreddits_named,
            priority=priority,
            source=source,
            max_retries=max_retries,
            visible_at=visible_at,
            traceparent=traceparent,
        )
        # Merged into a job that somebody made after the look: nobody knows what it was before.
        if all(one.result is EnqueueResult.CREATED or one.job_id in live for one in enqueued):
            attempt.commit()
            break
        attempt.rollback()
    else:
        raise errors.DatabaseUnavailable("too many enqueues of the same subreddits; try again")
    ids = sorted(one.job_id for one in enqueued)
    after = {
        row.id: job_queries.to_job(row) for row in conn.execute(job_admin_sql.READ, {"ids": ids})
    }
    return [EnqueueChange(one, live.get(one.job_id), after[one.job_id]) for one in enqueued]
