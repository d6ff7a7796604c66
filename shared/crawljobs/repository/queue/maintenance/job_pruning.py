"""Delete finished jobs after the retention time, a limited number in each transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue import queue_sql
from crawljobs.repository.queue.queue_sql import NOW, passing_over

CHUNK = 1_000  # one transaction deletes at most this number of jobs and this number of attempts

# A watched job stays while a step follows it or waits for it, because the resolver must still read
# how the job ended. With CASE and LIMIT 1, Postgres looks up the steps of watched jobs only.
_NOT_AWAITED = """CASE WHEN watched THEN (
            SELECT true FROM group_steps
            WHERE group_steps.job_id = crawl_jobs.id AND state = 'enqueued' LIMIT 1
        ) IS NULL AND (
            SELECT true FROM step_waits
            WHERE upstream_job_id = crawl_jobs.id AND ended_at IS NULL LIMIT 1
        ) IS NULL ELSE true END"""

# With LIMIT :scan_limit, each branch locks no more jobs than the outer query can take. The inner
# query is needed, because Postgres does not allow FOR UPDATE directly in a branch of UNION ALL.
_OLD = queue_sql.of_each_final_status(f"""
    SELECT id FROM (
        SELECT id FROM crawl_jobs
        WHERE status = '{{status}}' AND finished_at < {NOW} - CAST(:retention AS interval)
            AND {_NOT_AWAITED}
        ORDER BY finished_at LIMIT :scan_limit
        FOR UPDATE SKIP LOCKED
    ) AS locked
    """)

# The statement reads one attempt more than :at_most, the number that it may delete. If this attempt
# exists, its job and all jobs after that job stay for the next call.
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
    """The numbers of deleted jobs and attempts, and whether more rows may be left to delete."""

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
    """Delete jobs that finished more than `retention` ago, with their attempts.

    Deletes at most `at_most` jobs and at most `at_most` attempts. If a job has more attempts, each
    call deletes some of them. The call that deletes the last attempt also deletes the job. A job on
    which steps of groups depend stays until the resolver has recorded the job's end for the steps.
    """
    values = {"retention": retention, "at_most": at_most, "scan_limit": at_most + skip, "now": now}
    row = conn.execute(passing_over(_PRUNE, skip), values).one()
    return Pruned(row.jobs, row.attempts, more=at_most in (row.jobs, row.attempts))
