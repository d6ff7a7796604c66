"""Invariants of the queue, as SQL queries for the rows that violate them.

These are the invariants from I1 to I11 that the present rows can show. I7 belongs to the API.
support/watched_queue.py records changes of rows for invariants that need a history (I3, I8).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import FREED_WITHIN_SECONDS
from crawljobs.repository.queue import parked_jobs

# Each query returns the rows that violate the invariant.
INVARIANTS = {
    "I1 every accepted job is there, in a known state": """
        SELECT accepted.id, job.status FROM unnest(CAST(:accepted AS bigint[])) AS accepted (id)
        LEFT JOIN crawl_jobs AS job ON job.id = accepted.id
        WHERE job.id IS NULL OR job.status NOT IN (
            'waiting', 'queued', 'crawling', 'succeeded', 'failed', 'cancelled')""",
    "I2 one live job per subreddit": """
        SELECT subreddit_id, count(*) FROM crawl_jobs
        WHERE status IN ('waiting', 'queued', 'crawling')
        GROUP BY subreddit_id HAVING count(*) > 1""",
    "I2 a claim exactly while crawling": """
        SELECT id FROM crawl_jobs
        WHERE (status = 'crawling') <> (claim_token IS NOT NULL)
            OR (status = 'crawling') <> (lease_expires_at IS NOT NULL)""",
    "I2 a job's claims follow one another": """
        SELECT job_id, ended_at, next_started_at FROM (
            SELECT job_id, ended_at,
                lead(started_at) OVER (PARTITION BY job_id ORDER BY id) AS next_started_at
            FROM crawl_job_attempts
        ) AS attempts WHERE next_started_at < ended_at
        UNION ALL
        SELECT job.id, attempt.ended_at, job.claimed_at
        FROM crawl_jobs AS job JOIN crawl_job_attempts AS attempt ON attempt.job_id = job.id
        WHERE job.claimed_at < attempt.ended_at""",
    "I5 every charged attempt is counted and no other": """
        SELECT job.id, job.retries, count(attempt.id)
        FROM crawl_jobs AS job
        LEFT JOIN crawl_job_attempts AS attempt
            ON attempt.job_id = job.id AND attempt.outcome IN ('failed', 'lease_expired')
        GROUP BY job.id HAVING job.retries <> count(attempt.id)""",
    "I5 attempts within the maximum": """
        SELECT id, retry_count, max_retries FROM crawl_jobs
        WHERE retry_count > max_retries + 1
            OR (retry_count > max_retries AND status NOT IN ('failed', 'cancelled'))""",
    "I6 one ledger row per tick": """
        SELECT scheduled_job_id, due_at, count(*) FROM scheduled_job_runs
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "I8 times are monotonic": """
        SELECT id FROM crawl_jobs
        WHERE created_at > claimed_at OR created_at > finished_at OR created_at > queued_at
        UNION ALL
        SELECT id FROM crawl_job_attempts WHERE started_at > ended_at
        UNION ALL
        SELECT job.id
        FROM crawl_jobs AS job JOIN crawl_job_attempts AS attempt ON attempt.job_id = job.id
        WHERE job.finished_at < attempt.started_at""",
    "I8 a success has one attempt that succeeded": """
        SELECT job.id, count(attempt.id)
        FROM crawl_jobs AS job
        LEFT JOIN crawl_job_attempts AS attempt
            ON attempt.job_id = job.id AND attempt.outcome = 'succeeded'
        WHERE job.status = 'succeeded'
        GROUP BY job.id HAVING count(attempt.id) = 0""",
    "I9 priorities within bounds, never below what was asked for": """
        SELECT id, priority, base_priority FROM crawl_jobs
        WHERE priority NOT BETWEEN 0 AND 100 OR priority < base_priority""",
    "attempts belong to jobs": """
        SELECT job_id FROM crawl_job_attempts WHERE job_id NOT IN (SELECT id FROM crawl_jobs)""",
    "I10 nobody sits in a transaction": """
        SELECT pid, application_name, query FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND state LIKE 'idle in transaction%'
            AND clock_timestamp() - state_change > interval '10 seconds'""",
}


GRACE = timedelta(seconds=FREED_WITHIN_SECONDS)


def check(conn: Connection, *, accepted: Iterable[int] = ()) -> None:
    """Raise unless all invariants hold. `accepted` are the ids of acknowledged jobs."""
    check_rows(conn, accepted=accepted)
    check_waits(conn)


def check_rows(conn: Connection, *, accepted: Iterable[int] = ()) -> None:
    """Raise unless the invariants hold that do not depend on sweeps."""
    values = {"accepted": list(accepted)}
    for name, query in INVARIANTS.items():
        offenders = conn.execute(text(query), values if ":accepted" in query else {}).all()
        assert offenders == [], f"{name}: {offenders}"


def check_waits(conn: Connection, *, grace: timedelta = GRACE, now: datetime | None = None) -> None:
    """Raise if a job still waits although its reason ended more than `grace` ago (I11).

    Directly after a sweep, `grace` may be zero.
    """
    offenders = parked_jobs.waiting_without_cause(conn, grace=grace, now=now)
    assert offenders == [], f"I11 true waits: {offenders}"
