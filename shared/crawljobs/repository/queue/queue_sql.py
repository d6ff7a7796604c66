"""SQL fragments that several statements of the queue share."""

from __future__ import annotations

import functools
import re

from sqlalchemy import TextClause, text

from crawljobs.db.tables.jobs import LIVE
from crawljobs.domain.job import FINAL, PARKED_MAX_SECONDS

# The current time, or the parameter :now. Postgres computes a scalar subquery once. A bare
# clock_timestamp() is volatile: with it, an index condition would become a filter.
NOW = "(SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))"
# The same for a FROM clause or a list of columns; each use computes it again.
CLOCK = "coalesce(CAST(:now AS timestamptz), clock_timestamp())"

CHANNEL = "crawl_jobs"  # channel of NOTIFY: a message means that a job may be claimable

# The end of the pause in force for a scope; null without a pause. Without LIMIT, the planner could
# turn the subquery into a join.
PAUSED_UNTIL = """(
    SELECT coalesce(until, 'infinity') FROM queue_pauses
    WHERE scope = {scope} AND (until IS NULL OR until > {now})
    LIMIT 1
)"""
# True if no subreddit has a pause row, in force or over. Scope 0 is the pause of everything.
NO_PAUSES = "(SELECT scope FROM queue_pauses WHERE scope > 0 ORDER BY scope LIMIT 1) IS NULL"
NOT_PAUSED = f"{PAUSED_UNTIL.format(scope='{scope}', now=NOW)} IS NULL"

# Reads the index of live jobs. Without LIMIT, the planner could turn the subquery into a join.
NO_LIVE_JOB = f"""(
    SELECT job.id FROM crawl_jobs AS job
    WHERE job.subreddit_id = {{scope}} AND job.status IN {LIVE}
    LIMIT 1
) IS NULL"""

# PAUSED_UNTIL for a statement that parks a row until the end of the pause. The lock makes a
# transaction that ends or changes the pause wait until that transaction can see the parked row.
# SKIP LOCKED: a pause that another transaction is ending or changing counts as over.
PAUSED_FROM_NOW = PAUSED_UNTIL.replace("LIMIT 1", "LIMIT 1 FOR SHARE SKIP LOCKED")

# The time until which to park a job whose cause ends at `until`.
PARKED_UNTIL = f"least({{until}}, {{now}} + interval '{PARKED_MAX_SECONDS} seconds')"
# The end of the minimum gap after the last crawl of a row of subreddits; null without a gap.
POLITE = (
    "CASE WHEN min_crawl_gap_seconds > 0 "
    "THEN last_crawled_at + make_interval(secs => min_crawl_gap_seconds) END"
)

# POLITE of the subreddit with the id `scope`.
POLITE_UNTIL = f"""(
    SELECT {POLITE} FROM subreddits WHERE id = {{scope}} LIMIT 1
)"""


def of_each_final_status(select: str) -> str:
    """Return a UNION ALL of `select` for each final status, which replaces `{status}`.

    The status is the first column of the index of finished jobs. With one branch for each status,
    each branch reads one range of that index.
    """
    return " UNION ALL ".join(f"({select.format(status=status)})" for status in sorted(FINAL))


def short(sql: str) -> TextClause:
    """Return the statement without comments and indentation.

    The driver caches its parse of a statement of at most 4,096 characters. It parses a longer
    statement again at each execution.
    """
    return text(" ".join(re.sub("--[^\n]*", "", sql).split()))


_PIECE = re.compile(r"LIMIT :at_most(?! \+)|(?<=THEN :at_most ELSE 0 END\))")


@functools.cache
def passing_over(statement: TextClause, skip: int) -> TextClause:
    """Return the statement of a sweep with an OFFSET that skips its first `skip` rows.

    The skipped rows cannot be changed. With `skip` 0 the statement itself is returned, as it was
    measured. `skip` is a literal in the SQL: with a bound parameter, the generic plan would sort.
    Raises ValueError if the statement has no place for an OFFSET, or several.
    """
    if not skip:
        return statement
    sql, places = _PIECE.subn(rf"\g<0> OFFSET {skip:d}", statement.text)
    if places != 1:
        raise ValueError(f"this sweep has {places} places for an OFFSET; it needs exactly one")
    return text(sql)


# Clears the rerun request of a job. A release and a defer keep the request, because the same crawl
# continues later.
RERUN_SERVED = (
    "rerun_requested = false, rerun_priority = NULL, rerun_source = NULL, rerun_visible_at = NULL, "
    "rerun_traceparent = NULL"
)
# A retry serves a rerun request: it starts without the checkpoint, so it crawls everything again.
RERUN_SERVED_RESET = (
    f"checkpoint = CASE WHEN job.rerun_requested THEN NULL ELSE job.checkpoint END, {RERUN_SERVED}"
)
# Written also where wait_reason is null already. If an UPDATE sets no column that the generated
# column next_retry_at depends on, PostgreSQL 18 parses the expression of that column for each row:
# 2 of the 15 microseconds of a claim.
NO_REASON = "wait_reason = NULL"
UNCLAIMED = "claim_token = NULL, claimed_by = NULL, claimed_at = NULL, lease_expires_at = NULL"
