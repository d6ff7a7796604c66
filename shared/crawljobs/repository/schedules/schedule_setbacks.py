"""Repair schedules that were fired or changed at a time later than the database's clock.

The clock was set back since then. The due times up to that time may have fired already. If the
clock was far ahead, the next due time may be far away. So the schedule becomes due at its next due
time from now. The ledger shows which due times have fired, so none fires twice.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs import errors
from crawljobs.domain.schedule import Schedule
from crawljobs.repository.queue.queue_sql import NOW, passing_over
from crawljobs.repository.schedules import schedule_reads

CHUNK = 100  # schedules repaired at most in one call

# Reads the index of due times from the latest time down. A repaired schedule no longer matches.
_AHEAD = text(f"""
    SELECT {schedule_reads.COLUMNS}, {NOW} AS now
    FROM {schedule_reads.JOIN}
    WHERE schedule.enabled AND schedule.next_run_at > {NOW} AND greatest(
        schedule.last_run_at, schedule.updated_at) > {NOW} + interval '1 minute'
    ORDER BY schedule.next_run_at DESC LIMIT :at_most
    FOR UPDATE OF schedule SKIP LOCKED
    """)

_MEND = text("""
    UPDATE scheduled_jobs AS schedule SET
        next_run_at = mended.next_run_at,
        last_run_at = CASE WHEN schedule.last_run_at > mended.now
            THEN mended.now ELSE schedule.last_run_at END,
        updated_at = least(schedule.updated_at, mended.now)
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:next_run_ats AS timestamptz[]), CAST(:nows AS timestamptz[])
    ) AS mended (id, next_run_at, now)
    WHERE schedule.id = mended.id
    """)


def mend_next_runs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Set the next due times of such schedules from now. Returns how many were repaired."""
    found = conn.execute(passing_over(_AHEAD, skip), {"at_most": at_most, "now": now}).all()
    if found:
        conn.execute(
            _MEND,
            {
                "ids": [row.id for row in found],
                "next_run_ats": [_next(schedule_reads.schedule_of(row), row.now) for row in found],
                "nows": [row.now for row in found],
            },
        )
    return len(found)


def _next(schedule: Schedule, now: datetime) -> datetime:
    """Return the next due time, or `now` for an invalid schedule: firing then disables it."""
    try:
        return min(schedule.due_at(), schedule.due_times().next_after(now))
    except errors.InvalidCron:
        return now
