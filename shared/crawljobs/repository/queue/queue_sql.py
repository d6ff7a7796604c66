"""The SQL that the statements of the queue share."""

from __future__ import annotations

import functools
import re

from sqlalchemy import TextClause, text

from crawljobs.domain.job import FINAL, PARKED_MAX_SECONDS

# A scalar subquery is computed once; bare clock_timestamp() is volatile and would turn an index
# condition into a filter.
NOW = "(SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))"

CHANNEL = "crawl_jobs"  # NOTIFY: a hint that something may be claimable

# When the pause that is in force ends; LIMIT keeps a plan from turning it into a join.
PAUSED_UNTIL = """(
    SELECT coalesce(until, 'infinity') FROM queue_pauses
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

# The same of a row that is about to wait for that end. The lock makes a transaction that ends
# or changes the pause wait until this row can be seen; a pause that is being ended or changed is
# over.
PAUSED_FROM_NOW = PAUSED_UNTIL.replace("LIMIT 1", "LIMIT 1 FOR SHARE SKIP LOCKED")

# Until when to park a job whose cause ends at `until`.
PARKED_UNTIL = f"least({{until}}, {{now}} + interval '{PARKED_MAX_SECONDS} seconds')"
# What a job that is born waits for, and until when: its cause is looked at again.
WAIT_AT_BIRTH = """(
    SELECT CASE WHEN {asked} > clock.now THEN 'later' WHEN pause.until IS NOT NULL THEN 'paused'
        WHEN {polite} > clock.now THEN 'politeness' END
) AS wait (reason)"""
VISIBLE_AT_BIRTH = (
    "CASE WHEN wait.reason <> 'later' THEN "
    + PARKED_UNTIL.format(until="coalesce(pause.until, {polite})", now="clock.now")
    + " ELSE {asked} END"
)

# Of a row of subreddits; null when it wants no gap between two crawls.
POLITE = (
    "CASE WHEN min_crawl_gap_seconds > 0 "
    "THEN last_crawled_at + make_interval(secs => min_crawl_gap_seconds) END"
)

# Until when politeness wants a subreddit left alone after its last crawl; null: not at all.
POLITE_UNTIL = f"""(
    SELECT {POLITE} FROM subreddits WHERE id = {{scope}} LIMIT 1
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


_PIECE = re.compile(r"LIMIT :at_most(?! \+)|(?<=THEN :at_most ELSE 0 END\))")


@functools.cache
def passing_over(statement: TextClause, skip: int) -> TextClause:
    """The statement of a sweep without its first `skip` rows: those that cannot be changed.

    A number and no parameter: a plan for any number would sort. Without rows to skip it is the
    statement itself, as it was measured.
    """
    if not skip:
        return statement
    sql, places = _PIECE.subn(rf"\g<0> OFFSET {skip:d}", statement.text)
    if places != 1:
        raise ValueError(f"{places} places decide which rows this sweep changes")
    return text(sql)


# A wish for a rerun is kept while the same crawl goes on, also after a release or a defer.
RERUN_SERVED = (
    "rerun_requested = false, rerun_priority = NULL, rerun_source = NULL, rerun_visible_at = NULL, "
    "rerun_traceparent = NULL"
)
# A retry that starts anew serves a wish for a rerun.
RERUN_SERVED_RESET = (
    f"checkpoint = CASE WHEN job.rerun_requested THEN NULL ELSE job.checkpoint END, {RERUN_SERVED}"
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
    paused = PAUSED_FROM_NOW.format(scope=f"{before}.subreddit_id", now="clock.now")
    return f"""
    INSERT INTO crawl_jobs (
        subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
        depth, max_retries, visible_at, queued_at, created_at, traceparent
    )
    SELECT {before}.subreddit_id,
        CASE WHEN wait.reason IS NULL THEN 'queued' ELSE 'waiting' END, wait.reason,
        {before}.rerun_priority, {before}.rerun_priority, {before}.priority_ceiling,
        {before}.rerun_source, {before}.depth, {before}.max_retries,
        {VISIBLE_AT_BIRTH.format(asked="greatest(clock.now, asked.at)", polite="polite.until")},
        clock.now, clock.now, {before}.rerun_traceparent
    FROM {before} JOIN {ended} ON {ended}.id = {before}.id CROSS JOIN {NOW} AS clock (now)
        -- the previous release keeps the end of a pause here
        CROSS JOIN LATERAL (
            SELECT nullif({before}.rerun_visible_at, '9999-12-31T00:00:00Z')) AS asked (at)
        LEFT JOIN LATERAL {POLITE_UNTIL.format(scope=f"{before}.subreddit_id")} AS polite (until)
            ON true
        LEFT JOIN LATERAL {paused} AS pause (until) ON true
        CROSS JOIN LATERAL {WAIT_AT_BIRTH.format(asked="asked.at", polite="polite.until")}
    WHERE {before}.rerun_requested AND {condition}
    """
