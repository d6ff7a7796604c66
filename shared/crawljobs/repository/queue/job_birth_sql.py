"""Compose the INSERT of new jobs. The same rules apply to enqueued jobs and to follow-up jobs."""

from __future__ import annotations

from crawljobs.repository.queue.queue_sql import (
    NOW,
    PARKED_UNTIL,
    PAUSED_FROM_NOW,
    POLITE_UNTIL,
)

_COLUMNS = """subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
    scheduled_job_id, depth, visible_at, queued_at, created_at, max_retries, traceparent,
    watched, shared"""

# A job that waits for a pause or for the minimum gap between two crawls (politeness) is parked.
# After one minute at most, a sweep checks the cause of the wait again.
_WAIT = f"""
    LEFT JOIN LATERAL {PAUSED_FROM_NOW.format(scope="new.subreddit_id", now="new.now")}
        AS pause (until) ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN due > now THEN 'later' WHEN pause.until IS NOT NULL THEN 'paused'
            WHEN polite > now THEN 'politeness' END
    ) AS wait (reason)"""
_PARKED_UNTIL = PARKED_UNTIL.format(until="coalesce(pause.until, polite)", now="now")


def insert_jobs(rows: str, *, further: str = "") -> str:
    """Return an INSERT of one job for each row of the query `rows`. The new job's alias is `job`.

    `rows` has these columns:

    - subreddit_id, priority, source, schedule, now, trace
    - watched: true if a step depends on the job
    - shared: false if only steps of one group requested the job
    - ceiling: the highest priority that aging may give
    - depth: the number of discovery steps from the root
    - due: the requested time
    - polite: the end of the minimum gap between crawls
    - retries: the maximum number of retries

    `further` names more columns that crawl_jobs and `rows` both have, in the form ", name, name".
    """
    return f"""
    INSERT INTO crawl_jobs AS job ({_COLUMNS}{further})
    SELECT subreddit_id, CASE WHEN wait.reason IS NULL THEN 'queued' ELSE 'waiting' END,
        wait.reason, priority, priority, ceiling, source, schedule, depth,
        CASE WHEN wait.reason <> 'later' THEN {_PARKED_UNTIL} ELSE due END,
        now, now, retries, trace, watched, shared{further}
    FROM ({rows}) AS new {_WAIT}"""


def insert_first_jobs(rows: str) -> str:
    """Return the INSERT of jobs for subreddits that the same statement has inserted.

    No other transaction sees these subreddits. So they have no pause, no minimum gap between crawls
    and no live job.
    """
    return f"""
    INSERT INTO crawl_jobs AS job ({_COLUMNS})
    SELECT subreddit_id, CASE WHEN due > now THEN 'waiting' ELSE 'queued' END,
        CASE WHEN due > now THEN 'later' END, priority, priority, ceiling, source, schedule, depth,
        due, now, now, retries, trace, watched, shared
    FROM ({rows}) AS new"""


def insert_follow_ups(*, before: str, ended: str, condition: str) -> str:
    """Return the INSERT of a follow-up job for each row of `before` that has a rerun request.

    - `before`: the name of the subquery that reads the jobs.
    - `ended`: the name of the subquery that ends the jobs. The INSERT joins `ended`, to run after
      `ended`: a job must leave the index of live jobs before its follow-up job enters the index.
    - `condition`: if it is false for a row, the row gets no follow-up job.
    """
    return insert_jobs(
        f"""
        SELECT {before}.id AS follow_up_of, {before}.subreddit_id,
            {before}.rerun_priority AS priority, {before}.priority_ceiling AS ceiling,
            {before}.rerun_source AS source, CAST(NULL AS bigint) AS schedule, {before}.depth,
            -- the previous release stores the end of a pause in rerun_visible_at
            greatest(clock.now, nullif({before}.rerun_visible_at, '9999-12-31T00:00:00Z')) AS due,
            polite.until AS polite, clock.now, {before}.max_retries AS retries,
            {before}.rerun_traceparent AS trace, {before}.watched, true AS shared
        FROM {before} JOIN {ended} ON {ended}.id = {before}.id CROSS JOIN {NOW} AS clock (now)
            LEFT JOIN LATERAL {POLITE_UNTIL.format(scope=f"{before}.subreddit_id")}
                AS polite (until) ON true
        WHERE {before}.rerun_requested AND {condition}""",
        further=", follow_up_of",
    )
