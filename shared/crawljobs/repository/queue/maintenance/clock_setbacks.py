"""Repair stored times that lie too far in the future after the database's clock was set back.

An operator may set the clock back, or a failover may activate a standby whose clock is behind.
Earlier stored times may then be in the future, and jobs would wait for them. Each kind of time has
a maximum distance from now. The sweep replaces a time that exceeds the maximum by more than 1
minute. Small corrections of the clock need no repair.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from crawljobs.domain import operation, request_budget
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue.maintenance import job_setbacks
from crawljobs.repository.queue.maintenance.job_setbacks import beyond
from crawljobs.repository.queue.queue_sql import NOW, passing_over

CHUNK = 1_000  # limit of the rows that one call repairs
_SLOT_WAIT = f"make_interval(secs => {request_budget.LONGEST_SLOT_WAIT_SECONDS})"
_WIDTH = "make_interval(secs => window_seconds)"


# A next_slot_at or window_started_at beyond its limit was written before the clock was set back.
#
# - window_started_at: a slot is reserved at most LONGEST_SLOT_WAIT_SECONDS before its time. The
#   start of the slot's window is at most this far from now.
# - next_slot_at: at most one window after the start of the window, or two windows if a window has
#   only one slot.
#
# If a window begins too late, its request counts (reserved, others) do not belong to the present
# window. The counts are set to 0, and Reddit's next reply corrects them.
_NEXT_SLOT = f"({beyond('next_slot_at', f'{_SLOT_WAIT} + 2 * {_WIDTH}')})"
_WINDOW = f"({beyond('window_started_at', _SLOT_WAIT)})"
_PAUSE = beyond(
    "paused_until", f"make_interval(secs => {request_budget.LONGEST_STATED_PAUSE_SECONDS})"
)
_OUTAGE = beyond("outage_until", f"make_interval(secs => {request_budget.LONGEST_OUTAGE_SECONDS})")
_THROTTLED = beyond("last_throttled_at", "interval '0'")
_BUDGETS = text(f"""
    UPDATE reddit_budgets SET
        next_slot_at = CASE WHEN {_NEXT_SLOT} OR {_WINDOW}
            THEN least(next_slot_at, {NOW}) ELSE next_slot_at END,
        reserved = CASE WHEN {_WINDOW} THEN 0 ELSE reserved END,
        others = CASE WHEN {_WINDOW} THEN 0 ELSE others END,
        window_started_at = CASE WHEN {_WINDOW} THEN NULL ELSE window_started_at END,
        paused_until = CASE WHEN {_PAUSE} THEN NULL ELSE paused_until END,
        outage_until = CASE WHEN {_OUTAGE} THEN {NOW} ELSE outage_until END,
        last_throttled_at = CASE WHEN last_throttled_at > {NOW}
            THEN {NOW} ELSE last_throttled_at END
    WHERE {_NEXT_SLOT} OR {_WINDOW} OR {_PAUSE} OR {_OUTAGE} OR {_THROTTLED}
    """)

_ASK_AGAIN = beyond(
    "ask_again_at", f"make_interval(secs => {request_budget.LONGEST_TOKEN_PAUSE_SECONDS})"
)
_TURN = beyond("refreshing_until", f"make_interval(secs => {request_budget.TOKEN_TURN_SECONDS})")
_TOKENS = text(f"""
    UPDATE reddit_tokens SET
        ask_again_at = CASE WHEN {_ASK_AGAIN} THEN NULL ELSE ask_again_at END,
        refreshing_until = CASE WHEN {_TURN} THEN NULL ELSE refreshing_until END
    WHERE {_ASK_AGAIN} OR {_TURN}
    """)

_LAST_CRAWLED = text(f"""
    UPDATE subreddits SET last_crawled_at = {NOW}
    WHERE id = ANY (ARRAY(
        SELECT id FROM subreddits WHERE {beyond("last_crawled_at", "interval '0'")}
        ORDER BY last_crawled_at DESC LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

# Spreads the next crawls of the repaired subreddits over one day. Otherwise many of these
# subreddits could be due at the same time.
_NEXT_LOOK = text(f"""
    UPDATE subreddits SET next_crawl_at = {NOW} + random() * interval '1 day'
    WHERE id = ANY (ARRAY(
        SELECT id FROM subreddits WHERE {beyond("next_crawl_at", "interval '90 days'")}
        ORDER BY next_crawl_at DESC LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

_INSTANCES = text(f"""
    UPDATE service_instances SET seen_at = {NOW}
    WHERE name = ANY (ARRAY(
        SELECT name FROM service_instances WHERE {beyond("seen_at", "interval '0'")}
        ORDER BY seen_at DESC LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

# An operation must not wait too long, because other changes of its group are refused meanwhile.
_OPERATIONS = text(f"""
    UPDATE operations SET next_run_at = {NOW}
    WHERE id = ANY (ARRAY(
        SELECT id FROM operations
        WHERE finished_at IS NULL
            AND {beyond("next_run_at", f"interval '{operation.LONGEST_PAUSE_SECONDS} seconds'")}
        ORDER BY next_run_at DESC LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

# Each statement needs its own transaction. In a common transaction, the first statement's lock on a
# budget's row would stop all workers until the last statement ends.
MENDS: dict[str, TextClause] = {
    "reddit_budgets": _BUDGETS,
    "reddit_tokens": _TOKENS,
    "backoffs": job_setbacks.BACKOFFS,
    "follow_ups": job_setbacks.FOLLOW_UPS,
    "queued": job_setbacks.QUEUED,
    "leases": job_setbacks.LEASES,
    "last_crawled_at": _LAST_CRAWLED,
    "next_crawl_at": _NEXT_LOOK,
    "service_instances": _INSTANCES,
    "operations": _OPERATIONS,
}

# The names of the statements that repair at most `at_most` rows. A sweep repeats each of these
# statements while rows are left to repair.
IN_PIECES = [name for name, statement in MENDS.items() if ":at_most" in statement.text]


def mend(
    conn: Connection,
    *,
    what: str,
    retry: RetryPolicy,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Execute the statement that MENDS has for `what`. Returns the number of repaired rows."""
    values: dict[str, Any] = {
        "base": retry.base_seconds,
        "jitter": retry.jitter,
        "cap": retry.max_hours * 3600,
        "at_most": at_most,
        "scan_limit": at_most + skip,
        "now": now,
    }
    statement = passing_over(MENDS[what], skip)
    used = {name: value for name, value in values.items() if f":{name}" in statement.text}
    return conn.execute(statement, used).rowcount
