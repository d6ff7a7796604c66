"""Jobs that wait for a cause stored elsewhere: freed when it ends, parked again while it lasts.

Whatever ends or changes a cause calls the function for it in its own transaction. The sweep is for
what comes to its end by itself, and for changes that no function made.
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

CHUNK = 1_000  # jobs freed or parked again in one transaction
LOOK_AT = 10_000  # jobs that a look at the invariant reads of each kind

_HINT = f"CASE WHEN status = 'queued' THEN pg_notify('{CHANNEL}', '') END"

# The row is waited for: a sweep that parks it at this moment must not win.
_OF_SUBREDDIT = text(f"""
    WITH settled AS (
        UPDATE crawl_jobs AS job SET {SETTLED}
        WHERE subreddit_id = :subreddit_id AND status = 'waiting' AND wait_reason IN {DERIVED}
        RETURNING id, status
    )
    SELECT id, {_HINT} FROM settled
    """)

# A new gap holds at once, also for a crawl that has begun: its worker computes the wait again.
_BY_POLITENESS = text(f"""
    UPDATE crawl_jobs SET visible_at = {NOW}
    WHERE subreddit_id = :subreddit_id AND status = 'waiting' AND wait_reason = 'politeness'
    """)

# Those that were parked last stand first: a job that lost a race has just been parked.
_SETTLE = text(f"""
    WITH settled AS (
        UPDATE crawl_jobs AS job SET {SETTLED}
        WHERE id = ANY (ARRAY(
            SELECT job.id FROM (
                SELECT id FROM crawl_jobs
                WHERE status = 'waiting' AND wait_reason IN {DERIVED} AND visible_at > {NOW}
                ORDER BY visible_at DESC LIMIT :look_at
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

# Whatever their own term: the cause has ended.
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
    """A job that waits although what its reason names is over, or for longer than it may."""

    job_id: int
    subreddit_id: int
    wait_reason: WaitReason
    visible_at: datetime


def settle_job_of(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> int:
    """Let the parked job of this subreddit follow a pause that has changed or ended; how many."""
    values = {"subreddit_id": subreddit_id, "now": now}
    return len(conn.execute(_OF_SUBREDDIT, values).all())


def settle_polite_job_of(
    conn: Connection, *, subreddit_id: int, now: datetime | None = None
) -> None:
    """The same for a gap between two requests or two crawls of it that has changed."""
    conn.execute(_BY_POLITENESS, {"subreddit_id": subreddit_id, "now": now})
    settle_job_of(conn, subreddit_id=subreddit_id, now=now)


def settle_parked_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Free or park again the jobs whose cause is another one now; how many. For a sweep.

    It looks at the CHUNK that were parked last; the others are due within a minute.
    """
    values = {"look_at": CHUNK, "at_most": at_most, "now": now}
    return len(conn.execute(passing_over(_SETTLE, skip), values).all())


def free_from_reddit(conn: Connection, *, at_most: int = CHUNK, now: datetime | None = None) -> int:
    """Make jobs claimable that waited for Reddit, unless it still makes them wait; how many.

    When one of them refuses its change, all are left to the sweep, which passes that one over: the
    caller's token or the end of its outage must be stored all the same.
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
    look_at: int = LOOK_AT,
    now: datetime | None = None,
) -> list[WaitingWithoutCause]:
    """Invariant I11: the jobs that break it, the longest overdue first.

    A cause that ended by itself less than `grace` ago still counts: the sweep may be on its way.
    """
    rows = conn.execute(_WITHOUT_CAUSE, {"grace": grace, "look_at": look_at, "now": now})
    return [
        WaitingWithoutCause(row.id, row.subreddit_id, WaitReason(row.wait_reason), row.visible_at)
        for row in rows
    ]
