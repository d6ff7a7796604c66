"""The sweeps that keep the queue healthy: requeue, rescue, age.

Each is one bounded statement, harmless when run twice or by many at once: rows that somebody
else holds are skipped, and a due column leads every ORDER BY.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.job import JobStatus
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import queue_sql
from crawljobs.repository.queue.queue_sql import (
    CHANNEL,
    NO_REASON,
    NOT_PAUSED,
    NOW,
    UNCLAIMED,
    passing_over,
)
from crawljobs.repository.queue.wait_causes import SETTLED

CHUNK = 1_000  # rows a sweep takes at most in one transaction

_REQUEUE = text(f"""
    WITH requeued AS (
        UPDATE crawl_jobs AS job SET {SETTLED}
        WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_jobs
            WHERE status = 'waiting' AND visible_at <= {NOW}
                AND {NOT_PAUSED.format(scope="crawl_jobs.subreddit_id")}
            ORDER BY visible_at
            LIMIT :at_most
            FOR UPDATE SKIP LOCKED
        ))
        RETURNING status
    )
    -- the same payload is sent once a transaction, however many rows there are
    SELECT status, CASE WHEN status = 'queued' THEN pg_notify('{CHANNEL}', '') END FROM requeued
    """)

_FOLLOW_UP = queue_sql.follow_up_statement(
    before="stuck", ended="rescued", condition="stuck.next_status = 'failed'"
)

# Not before one lease has passed since the server started: during an outage nobody could extend or
# store a page.
_RESCUE = text(f"""
    WITH stuck AS (
        SELECT *,
            CASE
                WHEN retry_count >= max_retries THEN 'failed'
                WHEN rescues_in_a_row = 0 THEN 'queued'
                ELSE 'waiting'
            END AS next_status,
            least(
                CAST(:base AS double precision) * power(2, least(retry_count, 64))
                    * (1 + CAST(:jitter AS double precision) * (2 * random() - 1)),
                CAST(:cap AS double precision)
            ) AS delay_seconds,
            CASE
                WHEN lease_expires_at < {NOW} THEN 'the worker stopped extending its lease'
                ELSE 'the crawl made no progress'
            END AS why
        FROM crawl_jobs
        WHERE status = 'crawling'
            AND pg_postmaster_start_time() NOT BETWEEN {NOW} - CAST(:lease AS interval)
                AND {NOW} + CAST(:lease AS interval)
            AND (
                lease_expires_at < {NOW}
                OR progress_at < {NOW} - CAST(:reset_after AS interval)
            )
        ORDER BY id
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ), rescued AS (
        UPDATE crawl_jobs AS job SET
            status = stuck.next_status,
            wait_reason = CASE WHEN stuck.next_status = 'waiting' THEN 'retry' END,
            visible_at = CASE WHEN stuck.next_status = 'waiting'
                THEN {NOW} + make_interval(secs => stuck.delay_seconds) ELSE {NOW} END,
            finished_at = CASE WHEN stuck.next_status = 'failed'
                THEN greatest({NOW}, stuck.claimed_at) END,
            priority = job.base_priority,
            retry_count = job.retry_count + 1, retries = job.retries + 1,
            rescues_in_a_row = least(job.rescues_in_a_row + 1, 1000),
            error_kind = 'retryable', error_message = stuck.why,
            {queue_sql.RERUN_SERVED_RESET}, {UNCLAIMED}
        FROM stuck WHERE job.id = stuck.id
        RETURNING job.id, job.status
    ), attempt AS (
        INSERT INTO crawl_job_attempts
            (job_id, worker, started_at, ended_at, outcome, error_kind, error_message)
        SELECT id, claimed_by, claimed_at, greatest({NOW}, claimed_at), 'lease_expired',
            'retryable', why
        FROM stuck
    ), follow_up AS ({_FOLLOW_UP})
    SELECT id, status, pg_notify('{CHANNEL}', '') FROM rescued ORDER BY id
    """)

# date_part, since extract reckons in numeric; doubles are exact enough for 285 years of waiting.
_AGED = f"""least(priority_ceiling, base_priority + CAST(:step AS integer) * (1 + CAST(floor(
    date_part('epoch', {NOW} - queued_at - CAST(:after AS interval))
    / date_part('epoch', CAST(:every AS interval))) AS bigint)))"""

# From where the last chunk ended: what it aged stands before everything that is left. The outer
# query does not repeat the status, or it would walk the claim index for the ids.
_AGE = text(f"""
    WITH aged AS (
        UPDATE crawl_jobs SET {NO_REASON}, priority = {_AGED}
        WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_jobs
            WHERE status = 'queued' AND priority < priority_ceiling
                AND queued_at < {NOW} - CAST(:after AS interval)
                AND (queued_at, id) > (
                    coalesce(CAST(:last_queued_at AS timestamptz), '-infinity'),
                    coalesce(CAST(:last_id AS bigint), 0))
                AND priority < {_AGED}
            ORDER BY queued_at, id
            LIMIT :at_most
            FOR UPDATE SKIP LOCKED
        ))
        RETURNING queued_at, id
    )
    SELECT queued_at, id AS job_id, count(*) OVER () AS jobs
    FROM aged ORDER BY queued_at DESC, id DESC LIMIT 1
    """)


@dataclass(frozen=True)
class Rescued:
    """A job whose claim was taken from a worker that is gone or stuck."""

    job_id: int
    status: JobStatus


@dataclass(frozen=True)
class AgedUpTo:
    """Where a sweep stands among the jobs that wait, the longest first."""

    queued_at: datetime
    job_id: int


@dataclass(frozen=True)
class Aged:
    """How many jobs were aged, and the last of them in the sweep's order."""

    jobs: int
    last: AgedUpTo | None


def requeue_due_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Make due jobs claimable, or park those that have another cause to wait; how many."""
    return len(conn.execute(passing_over(_REQUEUE, skip), {"at_most": at_most, "now": now}).all())


def rescue_stuck_jobs(
    conn: Connection,
    *,
    lease_seconds: float,
    reset_after: timedelta,
    retry: RetryPolicy,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> list[Rescued]:
    """Take jobs from workers that stopped extending or made no progress; charges an attempt.

    A completion that is under way holds the row and is left alone.
    """
    rows = conn.execute(
        passing_over(_RESCUE, skip),
        {
            "lease": timedelta(seconds=lease_seconds),
            "reset_after": reset_after,
            "base": retry.base_seconds,
            "jitter": retry.jitter,
            "cap": retry.max_hours * 3600,
            "at_most": at_most,
            "now": now,
        },
    )
    return [Rescued(job_id=row.id, status=JobStatus(row.status)) for row in rows]


def commit_without_disk(conn: Connection) -> None:
    """A crash of the server may undo what this transaction commits; nobody ever sees half of it.

    For what the next sweep does again. What others commit upon it takes it to the disk too.
    """
    conn.exec_driver_sql("SET LOCAL synchronous_commit = off")


def age_starved_jobs(
    conn: Connection,
    *,
    policy: AgingPolicy,
    beyond: AgedUpTo | None = None,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> Aged:
    """Raise the priority of jobs that have waited long, those first that waited longest.

    Same rule as aged_priority. `beyond` goes on where another call ended.
    """
    aged = conn.execute(
        passing_over(_AGE, skip),
        {
            "after": policy.after,
            "every": policy.every,
            "step": policy.step,
            "last_queued_at": beyond and beyond.queued_at,
            "last_id": beyond and beyond.job_id,
            "at_most": at_most,
            "now": now,
        },
    ).first()
    if aged is None:
        return Aged(jobs=0, last=beyond)
    return Aged(jobs=aged.jobs, last=AgedUpTo(aged.queued_at, aged.job_id))
