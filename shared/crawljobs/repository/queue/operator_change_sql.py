"""The statements that change jobs for operators; each takes any number of ids.

A statement does not change a row whose state does not allow the verb. It also does not change a row
that already has the new values, because every write gives the row another version.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import text

from crawljobs.domain.job import FINAL, LIVE, PRIORITY_MAX, TRANSITIONS, JobStatus, Transition
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.queue_sql import CHANNEL, NOW, RERUN_SERVED, UNCLAIMED


class Verb(StrEnum):
    """A change by an operator; its value completes `cannot <verb> a job that is crawling`."""

    BOOST = "boost"
    CHANGE_PRIORITY = "change the priority of"
    WAKE = "wake"
    RETRY = "retry"
    CANCEL = "cancel"
    GIVE_UP = "give up"
    DELETE = "delete"


ALLOWED: dict[Verb, frozenset[JobStatus]] = {
    Verb.BOOST: LIVE,
    Verb.CHANGE_PRIORITY: LIVE,
    Verb.WAKE: TRANSITIONS[Transition.WAKE][0],
    Verb.RETRY: TRANSITIONS[Transition.RETRY][0],
    Verb.CANCEL: TRANSITIONS[Transition.CANCEL][0],
    Verb.GIVE_UP: TRANSITIONS[Transition.GIVE_UP][0],
    Verb.DELETE: FINAL,
}

_LIVE = "('blocked', 'waiting', 'queued', 'crawling')"
_JOBS = f"""
    SELECT {job_reads.JOB_COLUMNS}
    FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    WHERE job.id = ANY (CAST(:ids AS bigint[])) ORDER BY job.subreddit_id, job.id
"""
READ = text(_JOBS)
LOCK = text(_JOBS + " FOR UPDATE OF job")  # locks in the same order as an enqueue

# Finds each row by its id, in the given order: the planner has no better way.
_CHOSEN = "FROM unnest(CAST(:ids AS bigint[])) AS chosen (id) WHERE job.id = chosen.id"


def _ending_statement(changes: str) -> str:
    """Return a statement that ends live jobs.

    It records the claim of a crawling job as an attempt. The worker of that job then loses its
    claim.
    """
    return f"""
    WITH attempts AS (
        INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome)
        SELECT job.id, claimed_by, claimed_at, greatest({NOW}, claimed_at), 'cancelled'
        FROM crawl_jobs AS job, unnest(CAST(:ids AS bigint[])) AS chosen (id)
        WHERE job.id = chosen.id AND claimed_by IS NOT NULL
    )
    UPDATE crawl_jobs AS job SET {changes}, wait_reason = NULL, {UNCLAIMED}, {RERUN_SERVED},
        finished_at = greatest({NOW}, created_at, claimed_at)
    {_CHOSEN} AND status IN {_LIVE}
    """


STATEMENTS = {
    Verb.BOOST: text(f"""
    UPDATE crawl_jobs AS job SET priority = least({PRIORITY_MAX}, priority + :points),
        base_priority = least({PRIORITY_MAX}, base_priority + :points)
    {_CHOSEN} AND status IN {_LIVE} AND least(priority, base_priority) < {PRIORITY_MAX}
    """),
    Verb.CHANGE_PRIORITY: text(f"""
    UPDATE crawl_jobs AS job SET priority = :points, base_priority = :points
    {_CHOSEN} AND status IN {_LIVE} AND (priority <> :points OR base_priority <> :points)
    """),
    Verb.WAKE: text(f"""
    UPDATE crawl_jobs AS job SET status = 'queued', wait_reason = NULL, visible_at = {NOW},
        gap_waived = true
    {_CHOSEN} AND status = 'waiting'
    """),
    # A finished crawl starts from the beginning; an unfinished crawl continues at its checkpoint.
    Verb.RETRY: text(f"""
    UPDATE crawl_jobs AS job SET
        status = 'queued', visible_at = {NOW}, queued_at = greatest({NOW}, created_at),
        finished_at = NULL,
        gap_waived = true, priority = base_priority, retry_count = 0, rescues_in_a_row = 0,
        outcome = NULL,
        traceparent = CAST(:traceparent AS text),
        checkpoint = CASE WHEN status = 'succeeded' OR checkpoint ->> 'phase' = 'done'
            OR error_kind = 'permanent'
            THEN NULL ELSE checkpoint END,
        incomplete = incomplete AND status <> 'succeeded' AND checkpoint ->> 'phase' <> 'done'
            AND error_kind IS DISTINCT FROM 'permanent'
    {_CHOSEN} AND status IN ('succeeded', 'failed', 'cancelled')
    """),
    Verb.CANCEL: text(_ending_statement("status = 'cancelled'")),
    Verb.GIVE_UP: text(
        _ending_statement(
            "status = 'failed', error_kind = 'permanent', error_message = 'given up by an operator'"
        )
    ),
    Verb.DELETE: text("""
    WITH attempts AS (
        DELETE FROM crawl_job_attempts WHERE job_id = ANY (CAST(:ids AS bigint[]))
    )
    DELETE FROM crawl_jobs WHERE id = ANY (CAST(:ids AS bigint[]))
        AND status IN ('succeeded', 'failed', 'cancelled')
    """),
}

LIVE_JOBS_OF = text(f"""
    SELECT job.id, live.id AS live_id FROM unnest(CAST(:ids AS bigint[])) AS chosen (id)
        JOIN crawl_jobs AS job ON job.id = chosen.id
        JOIN crawl_jobs AS live ON live.subreddit_id = job.subreddit_id
    WHERE live.status IN {_LIVE}
    """)

NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")
