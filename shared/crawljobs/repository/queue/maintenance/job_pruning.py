"""Deletes finished jobs after the retention, in bounded pieces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue import queue_sql
from crawljobs.repository.queue.queue_sql import NOW, passing_over

CHUNK = 1_000  # jobs, and attempts, deleted at most in one transaction

# Locks no more of them than the query around takes. A leaf of UNION ALL may not lock by itself.
_OLD = queue_sql.of_each_final_status(f"""
    SELECT id FROM (
        SELECT id FROM crawl_jobs
        WHERE status = '{{status}}' AND finished_at < {NOW} - CAST(:retention AS interval)
        ORDER BY finished_at LIMIT :look_at
        FOR UPDATE SKIP LOCKED
    ) AS locked
    """)

# One attempt more than may be deleted is looked at: the job that it belongs to stays for the next
# time, and so do those after it.
_PRUNE = text(f"""
    WITH old AS MATERIALIZED (
        SELECT id, row_number() OVER () AS place
        FROM (SELECT id FROM ({_OLD}) AS old LIMIT :at_most) AS old
    ), found AS MATERIALIZED (
        SELECT attempt.id, old.place, row_number() OVER () AS number
        FROM old CROSS JOIN LATERAL (
            SELECT id FROM crawl_job_attempts WHERE job_id = old.id LIMIT :at_most + 1
        ) AS attempt
        LIMIT :at_most + 1
    ), attempts AS (
        DELETE FROM crawl_job_attempts WHERE id = ANY (ARRAY(
            SELECT id FROM found WHERE number <= :at_most
        ))
        RETURNING id
    ), pruned AS (
        DELETE FROM crawl_jobs WHERE id = ANY (ARRAY(
            SELECT id FROM old WHERE place < coalesce(
                (SELECT place FROM found WHERE number > :at_most), :at_most + 1)
        ))
        RETURNING id
    )
    SELECT (SELECT count(*) FROM pruned) AS jobs, (SELECT count(*) FROM attempts) AS attempts
    """)


@dataclass(frozen=True)
class Pruned:
    """How many jobs and attempts were deleted, and whether there may be more."""

    jobs: int
    attempts: int
    more: bool


def prune_finished_jobs(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> Pruned:
    """Delete jobs that ended longer ago than `retention`, with their attempts.

    At most `at_most` jobs and as many attempts. A job whose attempts are more loses some of them.
    """
    values = {"retention": retention, "at_most": at_most, "look_at": at_most + skip, "now": now}
    row = conn.execute(passing_over(_PRUNE, skip), values).one()
    return Pruned(row.jobs, row.attempts, more=at_most in (row.jobs, row.attempts))
