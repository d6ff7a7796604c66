"""The enqueue statements: one for new subreddits, one for stored subreddits."""

from __future__ import annotations

from sqlalchemy import TextClause

from crawljobs.repository.queue.queue_sql import (
    CHANNEL,
    NOW,
    PAUSED_FROM_NOW,
    POLITE,
    VISIBLE_AT_BIRTH,
    WAIT_AT_BIRTH,
    short,
)

# The columns that a subreddit's row gives to an enqueue: the first columns of `asked`.
SUBREDDIT_ASKED_FOR = f"""
    id, name, depth, {POLITE}
"""


# Notify idle workers of a new job, but only if the queue was empty before the statement: otherwise
# no worker is idle. ORDER BY keeps the planner on the claim index.
_HINT = f"""CASE WHEN enqueued.status = 'queued' AND (
        SELECT id FROM crawl_jobs WHERE status = 'queued'
        ORDER BY priority DESC, created_at, id LIMIT 1
    ) IS NULL THEN pg_notify('{CHANNEL}', '') END"""

# The current time, and the time from which the jobs may be claimed.
_CLOCK = f"""(
    SELECT now, coalesce(CAST(:visible_at AS timestamptz), now) AS at
    FROM {NOW} AS clock (now)
) AS clock"""

# Insert a subreddit for each unknown name, and a job for each new subreddit. No other transaction
# sees a new subreddit before the commit. So it has no live job to merge into, no gap and no pause,
# and the statement locks only the names. If another transaction is inserting the same name, the
# statement waits for that commit; the name is then known and gets no row here.
_MADE = """made AS (
        INSERT INTO subreddits (name, discovered_from, depth)
        SELECT name, CAST(:discovered_from AS bigint), coalesce(CAST(:depth AS smallint), 0)
        FROM {named}
        ON CONFLICT (lower(name)) DO NOTHING
        RETURNING id, name, depth
    )"""
_JOBS_OF_MADE = f"""
        INSERT INTO crawl_jobs AS enqueued (
            subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
            scheduled_job_id, depth, visible_at, queued_at, created_at, max_retries, traceparent
        )
        SELECT made.id,
            CASE WHEN clock.at > clock.now THEN 'waiting' ELSE 'queued' END,
            CASE WHEN clock.at > clock.now THEN 'later' END,
            CAST(:priority AS smallint), CAST(:priority AS smallint), :ceiling, :source,
            CAST(:scheduled_job_id AS bigint), made.depth, clock.at, clock.now, clock.now,
            CAST(:max_retries AS smallint), CAST(:traceparent AS text)
        FROM made CROSS JOIN {_CLOCK}
    """
# The subquery hides the number of names from the planner; otherwise Postgres would keep no generic
# plan.
_NAMES = "unnest((SELECT CAST(:names AS text[]))) AS named (name) ORDER BY lower(name)"
ENQUEUE_NEW = short(f"""
    WITH {_MADE.format(named=_NAMES)}, enqueued AS (
        {_JOBS_OF_MADE} RETURNING id, status, subreddit_id
    )
    SELECT enqueued.id, made.name, {_HINT}
    FROM enqueued JOIN made ON made.id = enqueued.subreddit_id
    """)
# The same for one name. Its plan takes 20 % less time to start.
_NAME = "(CAST(:names AS text[]))[1]"
ENQUEUE_NEW_ONE = short(f"""
    WITH {_MADE.format(named=f"(SELECT {_NAME}) AS named (name)")}
    {_JOBS_OF_MADE} RETURNING enqueued.id, {_NAME}, {_HINT}
    """)


def enqueue_statement(asked: str, *, merges: bool = True) -> TextClause:
    """Return a statement that enqueues a job for each row of the query `asked`.

    `asked` selects the columns of SUBREDDIT_ASKED_FOR (each id once), then priority,
    scheduled_job_id, max_retries and traceparent. If the parameter :depth is null, the job gets the
    depth of its subreddit. A request for a subreddit with a live job is merged into that job. With
    `merges` false the statement only locks the live job, in the order of locks, and returns no row
    for it.
    """
    paused = PAUSED_FROM_NOW.format(scope="asked.subreddit_id", now="clock.now")
    wait = WAIT_AT_BIRTH.format(asked="clock.at", polite="asked.polite_until")
    # A request without a later time ends a wait for `later`, and computes a wait for a pause or for
    # politeness again. It does not end a backoff.
    forward = """coalesce(excluded.wait_reason, '') <> 'later' AND job.wait_reason IN (
        'later', 'paused', CASE WHEN job.error_kind IS NULL THEN 'politeness' END)"""
    asked_at = "coalesce(CAST(:visible_at AS timestamptz), excluded.created_at)"
    return short(f"""
    WITH asked (
        subreddit_id, subreddit, depth, polite_until,
        priority, scheduled_job_id, max_retries, traceparent
    ) AS ({asked}), enqueued AS (
        INSERT INTO crawl_jobs AS job (
            subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
            scheduled_job_id, depth, visible_at, queued_at, created_at, max_retries, traceparent
        )
        SELECT
            asked.subreddit_id,
            CASE WHEN wait.reason IS NULL THEN 'queued' ELSE 'waiting' END,
            wait.reason, asked.priority, asked.priority, :ceiling, :source, asked.scheduled_job_id,
            coalesce(CAST(:depth AS smallint), asked.depth),
            {VISIBLE_AT_BIRTH.format(asked="clock.at", polite="asked.polite_until")},
            clock.now, clock.now, asked.max_retries, asked.traceparent
        FROM {_CLOCK} CROSS JOIN asked
            LEFT JOIN LATERAL {paused} AS pause (until) ON true
            CROSS JOIN LATERAL {wait}
        ORDER BY asked.subreddit_id
        ON CONFLICT (subreddit_id) WHERE status IN ('blocked', 'waiting', 'queued', 'crawling')
        DO UPDATE SET
            priority = greatest(job.priority, excluded.priority),
            base_priority = greatest(job.base_priority, excluded.base_priority),
            priority_ceiling = greatest(job.priority_ceiling, excluded.priority_ceiling),
            status = CASE WHEN {forward} THEN excluded.status ELSE job.status END,
            wait_reason = CASE WHEN {forward} THEN excluded.wait_reason ELSE job.wait_reason END,
            visible_at = CASE WHEN {forward} THEN excluded.visible_at
                WHEN job.wait_reason = 'later' THEN least(job.visible_at, excluded.visible_at)
                ELSE job.visible_at END,
            depth = least(job.depth, excluded.depth),
            max_retries = greatest(job.max_retries, excluded.max_retries),
            rerun_requested = job.rerun_requested OR job.status = 'crawling',
            rerun_priority = CASE WHEN job.rerun_requested OR job.status = 'crawling'
                THEN greatest(job.rerun_priority, excluded.base_priority) END,
            rerun_source = CASE WHEN job.rerun_priority >= excluded.base_priority
                    THEN job.rerun_source
                WHEN job.rerun_requested OR job.status = 'crawling' THEN excluded.source END,
            rerun_visible_at = CASE WHEN job.rerun_requested OR job.status = 'crawling'
                THEN least(job.rerun_visible_at, {asked_at}) END,
            -- from the same request as rerun_source
            rerun_traceparent = CASE WHEN job.rerun_priority >= excluded.base_priority
                    THEN job.rerun_traceparent
                WHEN job.rerun_requested OR job.status = 'crawling' THEN excluded.traceparent END
        {"" if merges else "WHERE false"}
        RETURNING job.id, job.status, job.xmax = 0, job.subreddit_id
    )
    SELECT enqueued.*, asked.subreddit, {_HINT}
    FROM enqueued JOIN asked ON asked.subreddit_id = enqueued.subreddit_id
    """)
