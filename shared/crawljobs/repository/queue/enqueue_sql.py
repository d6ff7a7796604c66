"""The statements behind every enqueue: one for names that are new, one for subreddits known."""

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

# What the row of a subreddit brings to an enqueue: the first columns of `asked`.
SUBREDDIT_ASKED_FOR = f"""
    id, name, depth, {POLITE}
"""


# Of the rows of `enqueued`: a hint at the new work, only when the queue was empty before; only
# then can a worker be asleep. "Before" is before the statement; the order keeps it on the claim
# index.
_HINT = f"""CASE WHEN enqueued.status = 'queued' AND (
        SELECT id FROM crawl_jobs WHERE status = 'queued'
        ORDER BY priority DESC, created_at, id LIMIT 1
    ) IS NULL THEN pg_notify('{CHANNEL}', '') END"""

# When it is now, and from when on the jobs may be claimed.
_CLOCK = f"""(
    SELECT now, coalesce(CAST(:visible_at AS timestamptz), now) AS at
    FROM {NOW} AS clock (now)
) AS clock"""

# Make subreddits of the names that are not known, and a job for each. No other transaction sees
# any of them before the commit, so there is nothing to merge into, to wait for politely or to
# pause, and nothing is locked but the names. One that another transaction is making is waited for,
# and is known then.
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
# The subquery around the names keeps the planner from counting them, or no plan would be kept.
_NAMES = "unnest((SELECT CAST(:names AS text[]))) AS named (name) ORDER BY lower(name)"
ENQUEUE_NEW = short(f"""
    WITH {_MADE.format(named=_NAMES)}, enqueued AS (
        {_JOBS_OF_MADE} RETURNING id, status, subreddit_id
    )
    SELECT enqueued.id, made.name, {_HINT}
    FROM enqueued JOIN made ON made.id = enqueued.subreddit_id
    """)
# The same for one name, with a fifth less to set up before anything is done.
_NAME = "(CAST(:names AS text[]))[1]"
ENQUEUE_NEW_ONE = short(f"""
    WITH {_MADE.format(named=f"(SELECT {_NAME}) AS named (name)")}
    {_JOBS_OF_MADE} RETURNING enqueued.id, {_NAME}, {_HINT}
    """)


def enqueue_statement(asked: str, *, merges: bool = True) -> TextClause:
    """Enqueue or merge what the query `asked` names: the columns of SUBREDDIT_ASKED_FOR (an id
    once), then priority, scheduled_job_id, max_retries, traceparent.

    A `depth` of null is that of the subreddit. Without `merges` a live job is locked in its place
    of the order, neither changed nor returned.
    """
    paused = PAUSED_FROM_NOW.format(scope="asked.subreddit_id", now="clock.now")
    wait = WAIT_AT_BIRTH.format(asked="clock.at", polite="asked.polite_until")
    # A request for now ends a wait for later, and looks again at each other cause that the job may
    # wait for. It ends no backoff.
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
            -- of the request that the source is of
            rerun_traceparent = CASE WHEN job.rerun_priority >= excluded.base_priority
                    THEN job.rerun_traceparent
                WHEN job.rerun_requested OR job.status = 'crawling' THEN excluded.traceparent END
        {"" if merges else "WHERE false"}
        RETURNING job.id, job.status, job.xmax = 0, job.subreddit_id
    )
    SELECT enqueued.*, asked.subreddit, {_HINT}
    FROM enqueued JOIN asked ON asked.subreddit_id = enqueued.subreddit_id
    """)
