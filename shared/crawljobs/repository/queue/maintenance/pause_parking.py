"""Park the jobs of paused subreddits, and delete pauses that are over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.db.tables.job_indexes import LIVE
from crawljobs.repository.queue.queue_sql import NOW, PARKED_UNTIL, passing_over

CHUNK = 1_000  # limit of the jobs that one transaction parks

# Reads the pauses, which are few, and finds each pause's job by the index of live jobs. Without
# LIMIT, the planner could join in the other direction and read the whole queue.
#
# The statement locks the pauses. A transaction that ends or changes a pause waits until the parking
# transaction has committed, and then sees the parked jobs. SKIP LOCKED: a pause that another
# transaction is ending or changing parks no job.
_PARK = text(f"""
    UPDATE crawl_jobs AS job SET
        status = 'waiting', wait_reason = 'paused',
        visible_at = coalesce(
            (SELECT {PARKED_UNTIL.format(until="until", now=NOW)} FROM queue_pauses
             WHERE scope = job.subreddit_id), {NOW})
    WHERE job.id = ANY (ARRAY(
        SELECT due.id
        FROM queue_pauses AS pause CROSS JOIN LATERAL (
            SELECT id FROM crawl_jobs
            WHERE subreddit_id = pause.scope
                AND status IN {LIVE}
                AND (status = 'queued' OR status = 'waiting' AND visible_at <= {NOW})
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE (pause.until IS NULL OR pause.until > {NOW})
            AND pause.scope = coalesce(CAST(:scope AS bigint), pause.scope)
        LIMIT :at_most
        FOR SHARE OF pause SKIP LOCKED
    ))
    """)

_FORGET_ENDED = text(f"""
    DELETE FROM queue_pauses WHERE scope = ANY (ARRAY(
        SELECT scope FROM queue_pauses WHERE until <= {NOW} - interval '1 hour'
        LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)


def park_job_of(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> None:
    """Park the job of this subreddit if a pause of the subreddit is in force."""
    conn.execute(_PARK, {"scope": subreddit_id, "at_most": 1, "now": now})


def park_paused_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Park the jobs of paused subreddits, and delete pauses that ended over an hour ago.

    A sweep calls this function. Returns the number of parked jobs.
    """
    conn.execute(_FORGET_ENDED, {"at_most": CHUNK, "now": now})
    values = {"scope": None, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PARK, skip), values).rowcount
