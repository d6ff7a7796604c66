"""SQL fragments that several statements of the queue share."""

from __future__ import annotations

import functools
import re

from sqlalchemy import TextClause, text

from crawljobs.db.tables.job_indexes import LIVE
from crawljobs.domain.job import FINAL, PARKED_MAX_SECONDS

# The parameter :now, or the current time if the parameter is null. NOW is a scalar subquery, which
# Postgres computes once. Postgres cannot use clock_timestamp() itself in an index condition,
# because that function is volatile.
NOW = "(SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))"
# The expression inside NOW. Postgres computes CLOCK again at each use and for each row. If several
# places of a statement need the same time, the statement must use NOW or select CLOCK only once.
CLOCK = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

CHANNEL = "crawl_jobs"  # NOTIFY channel; a message means that a job may be claimable

# The end of the pause that is in force for a scope, or null if no pause is in force. The scope is a
# subreddit's id, or 0 for the whole queue. Without LIMIT, the planner could turn the subquery into
# a join that reads all pauses.
PAUSED_UNTIL = """(
    SELECT coalesce(until, 'infinity') FROM queue_pauses
    WHERE scope = {scope} AND (until IS NULL OR until > {now})
    LIMIT 1
)"""
# True if no subreddit has a row in queue_pauses. The row of a pause that has ended also counts.
NO_PAUSES = "(SELECT scope FROM queue_pauses WHERE scope > 0 ORDER BY scope LIMIT 1) IS NULL"
NOT_PAUSED = f"{PAUSED_UNTIL.format(scope='{scope}', now=NOW)} IS NULL"

# True if the subreddit with the id `scope` has no live job. Reads the index of live jobs. Without
# LIMIT, the planner could turn the subquery into a join that reads all live jobs.
NO_LIVE_JOB = f"""(
    SELECT job.id FROM crawl_jobs AS job
    WHERE job.subreddit_id = {{scope}} AND job.status IN {LIVE}
    LIMIT 1
) IS NULL"""

# Like PAUSED_UNTIL, but locks the pause, for statements that park a job until the end of the pause.
# A transaction that ends or changes the pause waits until the parking transaction has committed,
# and then sees the parked job. SKIP LOCKED: a pause that another transaction is ending or changing
# is ignored, as if it were over.
PAUSED_FROM_NOW = PAUSED_UNTIL.replace("LIMIT 1", "LIMIT 1 FOR SHARE SKIP LOCKED")

# The time until which a job is parked: until the cause of its wait ends, but not longer than
# PARKED_MAX_SECONDS.
PARKED_UNTIL = f"least({{until}}, {{now}} + interval '{PARKED_MAX_SECONDS} seconds')"
# For a row of the table subreddits: the end of the minimum gap (politeness) after the last crawl.
# Null if the subreddit has no minimum gap or was never crawled.
POLITE = (
    "CASE WHEN min_crawl_gap_seconds > 0 "
    "THEN last_crawled_at + make_interval(secs => min_crawl_gap_seconds) END"
)

# The end of the minimum gap (POLITE) for the subreddit with the id `scope`.
POLITE_UNTIL = f"""(
    SELECT {POLITE} FROM subreddits WHERE id = {{scope}} LIMIT 1
)"""


def of_each_final_status(select: str) -> str:
    """Return a UNION ALL that has one branch for each final status.

    Each branch is `select` with the status in place of `{status}`. The status is the first column
    of the index of finished jobs, so each branch reads one range of that index.
    """
    return " UNION ALL ".join(f"({select.format(status=status)})" for status in sorted(FINAL))


def short(sql: str) -> TextClause:
    """Return the statement without comments and indentation.

    The driver caches the parsed form of a statement that has at most 4,096 characters. It parses a
    longer statement again at each execution.
    """
    return text(" ".join(re.sub("--[^\n]*", "", sql).split()))


_PIECE = re.compile(r"LIMIT :at_most(?! \+)|(?<=THEN :at_most ELSE 0 END\))")


@functools.cache
def passing_over(statement: TextClause, skip: int) -> TextClause:
    """Return the statement of a sweep with an OFFSET that skips the first `skip` rows.

    The caller skips rows that the database refused to change before. If `skip` is 0, the statement
    gets no OFFSET. `skip` is a literal in the SQL, because the generic plan of a bound parameter
    sorts all rows. Raises ValueError unless the statement has exactly one place for an OFFSET.
    """
    if not skip:
        return statement
    sql, places = _PIECE.subn(rf"\g<0> OFFSET {skip:d}", statement.text)
    if places != 1:
        raise ValueError(f"this sweep has {places} places for an OFFSET; it needs exactly one")
    return text(sql)


# Clears the rerun request of a job. The verbs release and defer do not clear the request, because
# the same crawl continues later.
RERUN_SERVED = (
    "rerun_requested = false, rerun_priority = NULL, rerun_source = NULL, rerun_visible_at = NULL, "
    "rerun_traceparent = NULL"
)
# The same for the verbs schedule_retry and rescue, which also delete the checkpoint of a job with a
# rerun request. So the next attempt of the same job crawls everything again, and fulfils the
# request.
RERUN_SERVED_RESET = (
    "checkpoint = CASE WHEN job.rerun_requested THEN NULL ELSE job.checkpoint END, "
    f"incomplete = job.incomplete AND NOT job.rerun_requested, {RERUN_SERVED}"
)
# To save time, statements set wait_reason even where it is null already. If an UPDATE sets no
# column on which the generated column next_retry_at depends, PostgreSQL 18 parses the expression
# of next_retry_at again for each row. This takes 2 of the 15 microseconds of a claim.
NO_REASON = "wait_reason = NULL"
# Ends the claim of the row `job`, and adds the time of the claim to the duration of the job.
UNCLAIMED = (
    "claim_token = NULL, claimed_by = NULL, claimed_at = NULL, lease_expires_at = NULL, "
    "duration_seconds = coalesce(job.duration_seconds, 0) "
    f"+ greatest(date_part('epoch', {NOW} - job.claimed_at), 0)"
)
