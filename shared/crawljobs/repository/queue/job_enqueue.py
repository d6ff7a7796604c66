"""Enqueue for an operator, with each job before and after the request for the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.job import Enqueued, EnqueueResult, Job, JobSource
from crawljobs.repository.queue import job_queue, job_reads, operator_change_sql

# The live jobs of the requested subreddits. Needs no lock: the enqueue statement before it has
# locked these rows.
_LIVE = text(f"""
    SELECT {job_reads.JOB_COLUMNS}
    FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    WHERE job.status IN ('blocked', 'waiting', 'queued', 'crawling')
        AND job.subreddit_id = ANY (ARRAY(
            SELECT id FROM subreddits WHERE lower(name) = ANY (CAST(:keys AS text[]))))
    """)


@dataclass(frozen=True)
class EnqueueChange:
    """The result of the request for one subreddit.

    `before` is the live job that the request was merged into, as it was before; None for a new job.
    """

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
    """Enqueue one job for each subreddit, or merge the request into its live job.

    Returns one result for each subreddit, in the order in which the names first occur. Raises
    InvalidSubredditName before any write.
    """
    live: dict[int, Job] = {}

    def read_live_jobs() -> None:
        rows = conn.execute(_LIVE, {"keys": [name.lower() for name in subreddits_named]})
        live.update({row.id: job_reads.to_job(row) for row in rows})

    enqueued = job_queue.enqueue_many(
        conn,
        subreddits_named=subreddits_named,
        priority=priority,
        source=source,
        max_retries=max_retries,
        visible_at=visible_at,
        traceparent=traceparent,
        before_merging=read_live_jobs,
    )
    ids = sorted(one.job_id for one in enqueued)
    after = {
        row.id: job_reads.to_job(row)
        for row in conn.execute(operator_change_sql.READ, {"ids": ids})
    }
    return [
        EnqueueChange(
            one,
            None if one.result is EnqueueResult.CREATED else live[one.job_id],
            after[one.job_id],
        )
        for one in enqueued
    ]
