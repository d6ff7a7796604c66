"""The sweeps that queue due jobs (requeue) and that take jobs from stuck workers (rescue).

Each sweep is one statement that changes a limited number of rows. Several processes may run it at
the same time, because it skips rows that another transaction has locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain.job import JobStatus
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue import job_birth_sql, queue_sql
from crawljobs.repository.queue.queue_sql import (
    CHANNEL,
    NOT_PAUSED,
    NOW,
    UNCLAIMED,
    passing_over,
)
from crawljobs.repository.queue.wait_causes import SETTLED
from crawljobs.repository.webhooks.events import job_events
from crawljobs.repository.webhooks.events.event_interest import wanted_sql

CHUNK = 1_000  # limit of the rows that a sweep changes in one transaction

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

_FOLLOW_UP = job_birth_sql.insert_follow_ups(
    before="stuck", ended="rescued", condition="stuck.next_status = 'failed'"
)

# Rescues no job for one lease duration after the database server started. While the server was
# down, no worker could extend a lease or store a page, so live workers also look dead.
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
    ), changed AS (
        INSERT INTO upstream_changes (job_id)
        SELECT id FROM stuck WHERE watched AND next_status = 'failed'
    ), follow_up AS ({_FOLLOW_UP})
    SELECT id, status, pg_notify('{CHANNEL}', ''),
        status = 'failed' AND {wanted_sql(EventType.JOB_FAILED)} AS has_event
    FROM rescued ORDER BY id
    """)


@dataclass(frozen=True)
class Rescued:
    """A job that a sweep took from a dead or stuck worker, and the new status of the job."""

    job_id: int
    status: JobStatus


def requeue_due_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Queue waiting jobs that are due, or park them again if a cause still makes them wait.

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

    Charges an attempt to each job, and returns the jobs. If a worker is ending its claim of a job
    at this moment, the job is locked, so the sweep skips the job.
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
    ).all()
    failed = [row.id for row in rows if row.has_event]
    if failed:
        job_events.record(conn, job_ids=failed, now=now)
    return [Rescued(job_id=row.id, status=JobStatus(row.status)) for row in rows]


def commit_without_disk(conn: Connection) -> None:
    """Let the COMMIT of this transaction return before the data is on disk.

    A crash of the database server may undo the whole transaction, but never a part of it. Use this
    only for work that the next sweep repeats. A later COMMIT that waits for the disk also makes
    this transaction durable.
    """
    conn.exec_driver_sql("SET LOCAL synchronous_commit = off")
