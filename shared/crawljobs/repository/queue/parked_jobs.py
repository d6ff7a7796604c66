"""Free parked jobs when the cause of their wait ends, and park them again while the cause lasts.

A parked job waits for a cause that another table stores. Code that ends or changes a cause calls
the matching function of this module in the same transaction. A sweep finds causes whose time is
over, and changes that an operator made directly in the database (decision 78).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from crawljobs.db import failures
from crawljobs.domain.job import FREED_WITHIN_SECONDS, WaitReason
from crawljobs.repository.queue import wait_causes
from crawljobs.repository.queue.queue_sql import CHANNEL, NOW, passing_over
from crawljobs.repository.queue.wait_causes import DERIVED, SETTLED

CHUNK = 1_000  # limit of the jobs that one transaction frees or parks
SCAN_LIMIT = 10_000  # limit of the jobs in each of the three scans of waiting_without_cause

_HINT = f"CASE WHEN status = 'queued' THEN pg_notify('{CHANNEL}', '') END"

# Waits for a locked row. With SKIP LOCKED, a job that a sweep is parking now would stay parked.
_OF_SUBREDDIT = text(f"""
    WITH settled AS (
        UPDATE crawl_jobs AS job SET {SETTLED}
        WHERE subreddit_id = :subreddit_id AND status = 'waiting' AND wait_reason IN {DERIVED}
        RETURNING id, status
    )
    SELECT id, {_HINT} FROM settled
    """)

# Makes the job due at once, because the end of its wait was computed from the old minimum gap.
#
# - If the crawl has not begun and the new gap applies, settle_job_of then parks the job again.
# - If the crawl has begun, the worker that claims the job waits before the next request.
_BY_POLITENESS = text(f"""
    UPDATE crawl_jobs SET visible_at = {NOW}
    WHERE subreddit_id = :subreddit_id AND status = 'waiting' AND wait_reason = 'politeness'
    """)

# Checks the most recently parked jobs first, because a cause may have ended while its job was being
# parked.
_SETTLE = text(f"""
    WITH settled AS (
        UPDATE crawl_jobs AS job SET {SETTLED}
        WHERE id = ANY (ARRAY(
            SELECT job.id FROM (
                SELECT id FROM crawl_jobs
                WHERE status = 'waiting' AND wait_reason IN {DERIVED} AND visible_at > {NOW}
                ORDER BY visible_at DESC LIMIT :scan_limit
            ) AS parked CROSS JOIN LATERAL (
                SELECT * FROM crawl_jobs
                WHERE id = parked.id AND status = 'waiting'
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            ) AS job
            WHERE {wait_causes.IS_TO_SETTLE}
            LIMIT :at_most
        ))
        RETURNING id, status
    )
    SELECT id, {_HINT} FROM settled
    """)

# When workers may send requests to Reddit again, frees jobs that wait for Reddit, even before their
# visible_at.
_FREE_FROM_REDDIT = text(f"""
    WITH freed AS (
        UPDATE crawl_jobs SET status = 'queued', wait_reason = NULL, visible_at = {NOW}
        WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_jobs
            WHERE status = 'waiting' AND wait_reason IN {DERIVED}
                AND wait_reason IN ('outage', 'rate_limit')
            ORDER BY visible_at
            LIMIT :at_most
            FOR UPDATE SKIP LOCKED
        )) AND NOT EXISTS ({wait_causes.REDDIT.format(now=NOW)})
        RETURNING id, status
    )
    SELECT id, {_HINT} FROM freed
    """)

_WITHOUT_CAUSE = text(wait_causes.WITHOUT_CAUSE)


@dataclass(frozen=True)
class WaitingWithoutCause:
    """A job that waits although the cause of its wait is over, or that is parked for too long."""

    job_id: int
    subreddit_id: int
    wait_reason: WaitReason
    visible_at: datetime


def settle_job_of(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> int:
    """Free this subreddit's parked job or park it again, after the subreddit's pause changed.

    Returns the number of changed jobs, 0 or 1.
    """
    values = {"subreddit_id": subreddit_id, "now": now}
    return len(conn.execute(_OF_SUBREDDIT, values).all())


def settle_polite_job_of(
    conn: Connection, *, subreddit_id: int, now: datetime | None = None
) -> None:
    """Free this subreddit's parked job or park it again, after a minimum gap changed.

    A minimum gap is the shortest time between two crawls of the subreddit, or the shortest time
    between two requests to Reddit for the subreddit.
    """
    conn.execute(_BY_POLITENESS, {"subreddit_id": subreddit_id, "now": now})
    settle_job_of(conn, subreddit_id=subreddit_id, now=now)


def settle_parked_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Free parked jobs whose cause has ended, and park jobs again whose cause has changed.

    A sweep calls this function. Returns the number of changed jobs, at most `at_most`. Checks only
    the CHUNK parked jobs with the latest visible_at. requeue_due_jobs checks the causes of all
    other parked jobs, at their visible_at.
    """
    values = {"scan_limit": CHUNK, "at_most": at_most, "now": now}
    return len(conn.execute(passing_over(_SETTLE, skip), values).all())


def free_from_reddit(conn: Connection, *, at_most: int = CHUNK, now: datetime | None = None) -> int:
    """If a client id may send requests to Reddit again, queue the jobs that wait for Reddit.

    Returns the number of queued jobs. If the database refuses the change of one row, the function
    changes no job and returns 0. So the caller's transaction can still commit its own change, for
    example a new token. A later sweep skips the refused row and frees the other jobs.
    """
    try:
        with conn.begin_nested():
            return len(conn.execute(_FREE_FROM_REDDIT, {"at_most": at_most, "now": now}).all())
    except DBAPIError as error:
        if not failures.is_of_one_row(error):
            raise
        return 0


def waiting_without_cause(
    conn: Connection,
    *,
    grace: timedelta = timedelta(seconds=FREED_WITHIN_SECONDS),
    scan_limit: int = SCAN_LIMIT,
    now: datetime | None = None,
) -> list[WaitingWithoutCause]:
    """Return jobs that wait although their cause is over, or that are parked too long.

    These jobs break invariant I11. The most overdue job is first. A job whose cause ended less than
    `grace` ago is left out, because a sweep may still free it.
    """
    rows = conn.execute(_WITHOUT_CAUSE, {"grace": grace, "scan_limit": scan_limit, "now": now})
    return [
        WaitingWithoutCause(row.id, row.subreddit_id, WaitReason(row.wait_reason), row.visible_at)
        for row in rows
    ]
