"""The sweeps requeue, rescue and age.

Each sweep is one bounded statement. Several processes may run it at the same time: it skips rows
that another transaction has locked. The column that decides when a row is due comes first in each
ORDER BY.
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

CHUNK = 1_000  # rows that a sweep changes at most in one transaction

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
    -- Postgres sends equal notifications of a transaction only once
    SELECT status, CASE WHEN status = 'queued' THEN pg_notify('{CHANNEL}', '') END FROM requeued
    """)

_FOLLOW_UP = queue_sql.follow_up_statement(
    before="stuck", ended="rescued", condition="stuck.next_status = 'failed'"
)

# Rescues nothing in the first lease time after a start of the server: while the server was down, no
# worker could extend a lease or store a page.
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

# date_part computes in doubles, which are exact enough for 285 years of waiting; extract computes
# in numeric, which is slower.
_AGED = f"""least(priority_ceiling, base_priority + CAST(:step AS integer) * (1 + CAST(floor(
    date_part('epoch', {NOW} - queued_at - CAST(:after AS interval))
    / date_part('epoch', CAST(:every AS interval))) AS bigint)))"""

# Starts after the last job of the previous chunk: all jobs before it are aged already. If the outer
# query repeated the condition on status, the planner would read the claim index to find the ids.
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
    """A job taken from a worker that is gone or makes no progress, with its new status."""

    job_id: int
    status: JobStatus


@dataclass(frozen=True)
class AgedUpTo:
    """The position of the aging sweep in the queue, ordered from the longest wait down."""

    queued_at: datetime
    job_id: int


@dataclass(frozen=True)
class Aged:
    """The number of aged jobs, and the position of the last of them."""

    jobs: int
    last: AgedUpTo | None


def requeue_due_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Queue due jobs, or park them again if another cause makes them wait.

    Returns the number of changed jobs.
    """
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
    """Take jobs from workers that stopped extending their leases or made no progress.

    Charges an attempt to each job, and returns the jobs. A job that a worker is completing at this
    moment is locked, so the sweep skips it.
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
    """Commit the transaction without waiting for the disk.

    A crash of the server may undo the whole transaction, never a part of it. Use this only for work
    that the next sweep repeats. A later commit that waits for the disk makes this one durable too.
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
    """Raise the priority of jobs that have waited long, the longest wait first.

    The rule is the same as in aged_priority. `beyond` is the `last` of the previous call.
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
