"""Pause and resume the whole queue, or one subreddit. A paused job waits; no job is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.queue_sql import CHANNEL, NOW, PARKED_UNTIL, passing_over

EVERYTHING = 0  # the scope of the whole queue; no subreddit has this id
CHUNK = 1_000  # jobs parked at most in one transaction

_PAUSE = text(f"""
    INSERT INTO queue_pauses (scope, reason, until, paused_by, paused_at)
    VALUES (:scope, :reason, CAST(:until AS timestamptz), :paused_by, {NOW})
    ON CONFLICT (scope) DO UPDATE SET
        reason = excluded.reason, until = excluded.until,
        paused_by = excluded.paused_by, paused_at = excluded.paused_at
    """)

# Reads the pauses, which are few, and finds the job of each by the index of live jobs. Without
# LIMIT, the planner could join in the other direction and read the whole queue. The lock makes a
# transaction that ends or changes a pause wait until that transaction can see the parked jobs.
# SKIP LOCKED: a pause that another transaction is ending or changing is not applied.
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
                AND status IN ('blocked', 'waiting', 'queued', 'crawling')
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

_RESUME = text("DELETE FROM queue_pauses WHERE scope = :scope")

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")

_FORGET_ENDED = text(f"""
    DELETE FROM queue_pauses WHERE scope = ANY (ARRAY(
        SELECT scope FROM queue_pauses WHERE until <= {NOW} - interval '1 hour'
        LIMIT :at_most FOR UPDATE SKIP LOCKED
    ))
    """)

_PAUSES = """
    SELECT pause.scope, subreddit.name AS subreddit, pause.reason, pause.until, pause.paused_by,
        pause.paused_at
    FROM queue_pauses AS pause LEFT JOIN subreddits AS subreddit ON subreddit.id = pause.scope
"""

_GET = text(f"""{_PAUSES}
    WHERE pause.scope = :scope AND (:ended_too OR pause.until IS NULL OR pause.until > {NOW})
    FOR UPDATE OF pause
    """)

_IS_PAUSED = text(f"""
    SELECT EXISTS (SELECT 1 FROM queue_pauses WHERE scope IN (0, :subreddit_id)
        AND (until IS NULL OR until > {NOW}))
    """)

_LIST = text(f"""{_PAUSES}
    WHERE pause.until IS NULL OR pause.until > {NOW}
    ORDER BY pause.scope LIMIT :limit
    """)


@dataclass(frozen=True)
class Pause:
    """A pause. `subreddit` None: the whole queue. `until` None: until an operator resumes."""

    scope: int
    subreddit: str | None
    reason: str
    until: datetime | None
    paused_by: str
    paused_at: datetime


def pause(
    conn: Connection,
    *,
    scope: int,
    reason: str,
    paused_by: str,
    until: datetime | None = None,
    now: datetime | None = None,
) -> None:
    """Stop new crawls of this scope; running crawls continue. Replaces its earlier pause."""
    conn.execute(
        _PAUSE,
        {"scope": scope, "reason": reason, "until": until, "paused_by": paused_by, "now": now},
    )
    if scope == EVERYTHING:  # queued jobs stay queued; the claim statement checks this pause
        return
    # Not park_paused_jobs, which deletes old pauses: this pause may have an end in the past.
    conn.execute(_PARK, {"scope": scope, "at_most": 1, "now": now})
    parked_jobs.settle_job_of(conn, subreddit_id=scope, now=now)


def park_paused_jobs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Park the jobs of paused subreddits, and delete pauses that ended over an hour ago.

    Returns the number of parked jobs. A sweep calls this.
    """
    conn.execute(_FORGET_ENDED, {"at_most": CHUNK, "now": now})
    values = {"scope": None, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PARK, skip), values).rowcount


def resume(conn: Connection, *, scope: int, now: datetime | None = None) -> bool:
    """Delete the pause and queue its job, unless the job has another cause to wait.

    Returns false if there was no pause.
    """
    ended = conn.execute(_RESUME, {"scope": scope}).rowcount == 1
    if ended and scope != EVERYTHING:
        parked_jobs.settle_job_of(conn, subreddit_id=scope, now=now)
    if ended:
        conn.execute(_NOTIFY)
    return ended


def get_pause(
    conn: Connection, *, scope: int, ended_too: bool = False, now: datetime | None = None
) -> Pause | None:
    """Lock the pause of this scope until the transaction ends, and return it.

    Returns None if there is no pause in force. With `ended_too` a pause that is over is returned
    too.
    """
    row = conn.execute(_GET, {"scope": scope, "ended_too": ended_too, "now": now}).first()
    return None if row is None else Pause(**row._mapping)


def is_paused(conn: Connection, *, subreddit_id: int, now: datetime | None = None) -> bool:
    """Return whether a pause of this subreddit or of the whole queue is in force."""
    values = {"subreddit_id": subreddit_id, "now": now}
    return bool(conn.execute(_IS_PAUSED, values).scalar_one())


def list_pauses(conn: Connection, *, limit: int = 500, now: datetime | None = None) -> list[Pause]:
    """Return at most `limit` pauses in force, the pause of the whole queue first."""
    rows = conn.execute(_LIST, {"limit": limit, "now": now})
    return [Pause(**row._mapping) for row in rows]
