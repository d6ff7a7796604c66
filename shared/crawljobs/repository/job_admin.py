"""What an operator does to a job: boost, change its priority, wake, retry, cancel, give up.

Each locks the job's row first, so that the answer, the change and the audit row agree; a verb that
the job's state does not allow raises IllegalTransition and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import IntegrityError

from crawljobs import errors
from crawljobs.domain.job import LIVE, PRIORITY_MAX, TRANSITIONS, Job, JobStatus, Transition
from crawljobs.repository import job_queries
from crawljobs.repository.claims import UNCLAIMED
from crawljobs.repository.queue_sql import CHANNEL, NOW

_LOCK = text("SELECT status FROM crawl_jobs WHERE id = :job_id FOR UPDATE")

_SET_PRIORITY = text("""
    UPDATE crawl_jobs SET priority = :priority, base_priority = :base_priority
    WHERE id = :job_id AND status IN ('blocked', 'waiting', 'queued', 'crawling')
    """)

_WAKE = text(f"""
    UPDATE crawl_jobs SET status = 'queued', wait_reason = NULL, visible_at = {NOW}
    WHERE id = :job_id AND status = 'waiting'
    """)

# A crawl that came to its end starts anew; one that did not goes on from its checkpoint.
_RETRY = text(f"""
    UPDATE crawl_jobs SET
        status = 'queued', visible_at = {NOW}, queued_at = {NOW}, finished_at = NULL,
        priority = base_priority, retry_count = 0, rescues_in_a_row = 0, outcome = NULL,
        checkpoint = CASE WHEN status = 'succeeded' OR checkpoint ->> 'phase' = 'done'
            THEN NULL ELSE checkpoint END
    WHERE id = :job_id AND status IN ('succeeded', 'failed', 'cancelled')
    """)

_LIVE_JOB_OF = text("""
    SELECT live.id FROM crawl_jobs AS job JOIN crawl_jobs AS live USING (subreddit_id)
    WHERE job.id = :job_id AND live.status IN ('blocked', 'waiting', 'queued', 'crawling')
    """)


def _ending(changes: str) -> TextClause:
    """End a live job; a claim that it has becomes an attempt, and its worker finds it lost."""
    return text(f"""
    WITH held AS (
        SELECT id, claimed_by, claimed_at FROM crawl_jobs WHERE id = :job_id
    ), attempt AS (
        INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
        SELECT id, claimed_by, claimed_at, greatest({NOW}, claimed_at), 'cancelled'
        FROM held WHERE claimed_by IS NOT NULL
    )
    UPDATE crawl_jobs SET {changes}, wait_reason = NULL, {UNCLAIMED},
        finished_at = greatest({NOW}, created_at, claimed_at)
    WHERE id = :job_id AND status IN ('blocked', 'waiting', 'queued', 'crawling')
    """)


_CANCEL = _ending("status = 'cancelled'")
_GIVE_UP = _ending(
    "status = 'failed', error_kind = 'permanent', error_message = 'given up by an operator'"
)

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


@dataclass(frozen=True)
class JobChange:
    """A job before and after an operator's change, for the answer and the audit log."""

    before: Job
    after: Job


def boost(conn: Connection, *, job_id: int, by: int) -> JobChange:
    """Add to base and effective priority of a live job; both stop at 100."""
    before = _locked(conn, job_id, "boost", LIVE)
    return _apply(
        conn,
        _SET_PRIORITY,
        before,
        priority=min(PRIORITY_MAX, before.priority + by),
        base_priority=min(PRIORITY_MAX, before.base_priority + by),
    )


def change_priority(conn: Connection, *, job_id: int, priority: int) -> JobChange:
    """Set what was asked for; aging starts again from it at the next sweep."""
    before = _locked(conn, job_id, "change the priority of", LIVE)
    return _apply(conn, _SET_PRIORITY, before, priority=priority, base_priority=priority)


def wake(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Make a waiting job claimable now."""
    before = _locked_for(conn, job_id, Transition.WAKE)
    change = _apply(conn, _WAKE, before, now=now)
    conn.execute(_NOTIFY)
    return change


def retry(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """Queue a finished job again, with all its retries.

    Raises LiveJobExists when its subreddit has a live job, also one made at this moment.
    """
    before = _locked_for(conn, job_id, Transition.RETRY)
    _refuse_second_live_job(conn, job_id)
    try:
        with conn.begin_nested():
            change = _apply(conn, _RETRY, before, now=now)
    except IntegrityError:
        _refuse_second_live_job(conn, job_id)
        raise
    conn.execute(_NOTIFY)
    return change


def cancel(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """End a live job; a crawl that is running stops at its next page."""
    return _apply(conn, _CANCEL, _locked_for(conn, job_id, Transition.CANCEL), now=now)


def give_up(conn: Connection, *, job_id: int, now: datetime | None = None) -> JobChange:
    """End a live job as failed."""
    return _apply(conn, _GIVE_UP, _locked_for(conn, job_id, Transition.GIVE_UP), now=now)


def _locked_for(conn: Connection, job_id: int, verb: Transition) -> Job:
    return _locked(conn, job_id, verb.value.replace("_", " "), TRANSITIONS[verb][0])


def _locked(conn: Connection, job_id: int, verb: str, allowed: frozenset[JobStatus]) -> Job:
    status = conn.execute(_LOCK, {"job_id": job_id}).scalar()
    if status is None:
        raise errors.NotFound(f"there is no job {job_id}")
    if JobStatus(status) not in allowed:
        wanted = ", ".join(sorted(allowed))
        raise errors.IllegalTransition(f"cannot {verb} a job that is {status}: it must be {wanted}")
    return _job(conn, job_id)


def _apply(conn: Connection, statement: TextClause, before: Job, **values: Any) -> JobChange:
    conn.execute(statement, {"job_id": before.id, **values})
    return JobChange(before=before, after=_job(conn, before.id))


def _job(conn: Connection, job_id: int) -> Job:
    job = job_queries.get_job(conn, job_id=job_id)
    if job is None:
        raise errors.NotFound(f"there is no job {job_id}")
    return job


def _refuse_second_live_job(conn: Connection, job_id: int) -> None:
    other = conn.execute(_LIVE_JOB_OF, {"job_id": job_id}).scalar()
    if other is not None:
        raise errors.LiveJobExists(
            f"the subreddit of job {job_id} has a live job already: {other}", job_id=other
        )
