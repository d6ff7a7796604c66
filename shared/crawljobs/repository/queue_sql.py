"""The statement behind every enqueue, and the SQL that it shares with the rest of the queue."""

from __future__ import annotations

import re

from sqlalchemy import TextClause, text

from crawljobs.domain.job import FINAL

# A scalar subquery is computed once; bare clock_timestamp() is volatile and would turn an index
# condition into a filter.
NOW = "(SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))"

CHANNEL = "crawl_jobs"  # NOTIFY: a hint that something may be claimable

# When the pause that is in force ends; LIMIT keeps a plan from turning it into a join.
PAUSED_UNTIL = """(
    SELECT coalesce(until, '9999-12-31T00:00:00Z') FROM queue_pauses
    WHERE scope = {scope} AND (until IS NULL OR until > {now})
    LIMIT 1
)"""
# Of a single subreddit there is none, in force or not; 0 is the scope of everything.
NO_PAUSES = "(SELECT scope FROM queue_pauses WHERE scope > 0 ORDER BY scope LIMIT 1) IS NULL"
NOT_PAUSED = f"{PAUSED_UNTIL.format(scope='{scope}', now=NOW)} IS NULL"

# The dedup index answers; LIMIT keeps a plan from turning it into a join.
NO_LIVE_JOB = """(
    SELECT job.id FROM crawl_jobs AS job
    WHERE job.subreddit_id = {scope}
        AND job.status IN ('blocked', 'waiting', 'queued', 'crawling')
    LIMIT 1
) IS NULL"""

# Of a row of subreddits; null when it wants no gap between two crawls.
_POLITE_UNTIL = (
    "CASE WHEN min_crawl_gap_seconds > 0 "
    "THEN last_crawled_at + make_interval(secs => min_crawl_gap_seconds) END"
)

# Until when politeness wants a subreddit left alone after its last crawl; null: not at all.
POLITE_UNTIL = f"""(
    SELECT {_POLITE_UNTIL} FROM subreddits WHERE id = {{scope}} LIMIT 1
)"""


def of_each_final_status(select: str) -> str:
    """What a query selects for each status that it has as `{status}`: the index of finished jobs
    leads by their status, so it is walked for one at a time."""
    return " UNION ALL ".join(f"({select.format(status=status)})" for status in sorted(FINAL))


def newest_finished(columns: str, *, limit: int, condition: str = "true") -> str:
    """Finished jobs, the last that ended first."""
    newest = f"ORDER BY finished_at DESC, id DESC LIMIT {limit}"
    each = of_each_final_status(
        f"SELECT {columns} FROM crawl_jobs WHERE status = '{{status}}' AND {condition} {newest}"
    )
    return f"SELECT {columns} FROM ({each}) AS finished {newest}"


def short(sql: str) -> TextClause:
    """Without comments and indentation: the driver parses what is over 4,096 characters anew each
    time it is executed."""
    return text(" ".join(re.sub("--[^\n]*", "", sql).split()))


# A wish for a rerun is kept while the same crawl goes on, also after a release or a defer.
WISH_SERVED = (
    "rerun_requested = false, rerun_priority = NULL, rerun_source = NULL, rerun_visible_at = NULL, "
    "rerun_traceparent = NULL"
)
# A retry that starts anew serves a wish for a rerun.
WISH_SERVED_ANEW = (
    f"checkpoint = CASE WHEN job.rerun_requested THEN NULL ELSE job.checkpoint END, {WISH_SERVED}"
)
# Of a job that waits no more, said once again: PostgreSQL 18 parses the expression of a generated
# column (next_retry_at) for each row of an UPDATE that touches nothing it is made of, 2 of the 15
# microseconds of a claim.
NO_REASON = "wait_reason = NULL"
UNCLAIMED = "claim_token = NULL, claimed_by = NULL, claimed_at = NULL, lease_expires_at = NULL"


def follow_up_statement(*, before: str, ended: str, condition: str) -> str:
    """Insert the job that was wished for while the rows of `before` were crawled.

    Joined with the ended rows: those must have left the dedup index before this one enters.
    """
    return f"""
    INSERT INTO crawl_jobs (
        subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
        depth, max_retries, visible_at, queued_at, created_at, traceparent
    )
    SELECT {before}.subreddit_id,
        CASE WHEN greatest({before}.rerun_visible_at, polite.until) > clock.now
            THEN 'waiting' ELSE 'queued' END,
        CASE WHEN {before}.rerun_visible_at > clock.now THEN 'later'
            WHEN polite.until > clock.now THEN 'politeness' END,
        {before}.rerun_priority, {before}.rerun_priority, {before}.priority_ceiling,
        {before}.rerun_source, {before}.depth, {before}.max_retries,
        greatest(clock.now, polite.until, {before}.rerun_visible_at), clock.now, clock.now,
        {before}.rerun_traceparent
    FROM {before} JOIN {ended} ON {ended}.id = {before}.id CROSS JOIN {NOW} AS clock (now)
        LEFT JOIN LATERAL {POLITE_UNTIL.format(scope=f"{before}.subreddit_id")} AS polite (until)
            ON true
    WHERE {before}.rerun_requested AND {condition}
    """


# What the row of a subreddit brings to an enqueue: the first columns of `asked`.
SUBREDDIT_ASKED_FOR = f"""
    id, name, depth, {_POLITE_UNTIL}
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
    SELECT now, coalesce(CAST(:visible_at AS timestamptz), now) AS visible_at
    FROM {NOW} AS clock (now)
) AS clock"""

# Make subreddits of the names that are not known, and a job for each. Nobody else sees any of them
# before the commit, so there is nothing to merge into, to wait for politely or to pause, and
# nothing is locked but the names. One that another transaction is making is waited for, and is
# known then.
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
            CASE WHEN clock.visible_at > clock.now THEN 'waiting' ELSE 'queued' END,
            CASE WHEN clock.visible_at > clock.now THEN 'later' END,
            CAST(:priority AS smallint), CAST(:priority AS smallint), :ceiling, :source,
            CAST(:scheduled_job_id AS bigint), made.depth, clock.visible_at, clock.now, clock.now,
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


def enqueue_statement(asked: str) -> TextClause:
    """Enqueue or merge what the query `asked` names: the columns of SUBREDDIT_ASKED_FOR (an id
    once), then priority, scheduled_job_id, max_retries, traceparent.

    A `depth` of null is that of the subreddit.
    """
    paused = PAUSED_UNTIL.format(scope="asked.subreddit_id", now="clock.now")
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
            CASE WHEN clock.visible_at > clock.now OR pause.until IS NOT NULL
                    OR asked.polite_until > clock.now
                THEN 'waiting' ELSE 'queued' END,
            CASE WHEN clock.visible_at > clock.now THEN 'later'
                WHEN pause.until IS NOT NULL THEN 'paused'
                WHEN asked.polite_until > clock.now THEN 'politeness' END,
            asked.priority, asked.priority, :ceiling, :source, asked.scheduled_job_id,
            coalesce(CAST(:depth AS smallint), asked.depth),
            greatest(clock.visible_at, asked.polite_until,
                CASE WHEN clock.visible_at <= clock.now THEN pause.until END),
            clock.now, clock.now, asked.max_retries, asked.traceparent
        FROM {_CLOCK} CROSS JOIN asked
            LEFT JOIN LATERAL {paused} AS pause (until) ON true
        ORDER BY asked.subreddit_id
        ON CONFLICT (subreddit_id) WHERE status IN ('blocked', 'waiting', 'queued', 'crawling')
        DO UPDATE SET
            priority = greatest(job.priority, excluded.priority),
            base_priority = greatest(job.base_priority, excluded.base_priority),
            priority_ceiling = greatest(job.priority_ceiling, excluded.priority_ceiling),
            status = CASE
                WHEN job.wait_reason = 'later' AND excluded.status = 'queued' THEN 'queued'
                ELSE job.status END,
            wait_reason = CASE
                WHEN job.wait_reason = 'later' AND excluded.status = 'queued' THEN NULL
                ELSE job.wait_reason END,
            visible_at = CASE
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
                THEN least(job.rerun_visible_at, excluded.visible_at) END,
            -- of the wish that the source is of
            rerun_traceparent = CASE WHEN job.rerun_priority >= excluded.base_priority
                    THEN job.rerun_traceparent
                WHEN job.rerun_requested OR job.status = 'crawling' THEN excluded.traceparent END
        RETURNING job.id, job.status, job.xmax = 0 AS created, job.subreddit_id
    )
    SELECT enqueued.*, asked.subreddit, {_HINT}
    FROM enqueued JOIN asked ON asked.subreddit_id = enqueued.subreddit_id
    """)
