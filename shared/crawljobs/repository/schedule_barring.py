"""Disable the schedules of a subreddit that nobody will be let into any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import schedule_edit
from crawljobs.domain.actor import Actor
from crawljobs.repository import audit_log, due_schedules, schedules
from crawljobs.repository.queue_sql import NOW

AT_MOST = 100  # in one transaction; what is left is met by the next crawl that it fires

# One that is being fired now is left alone, which would otherwise be a deadlock: it brings a
# crawl, and that brings us here again.
_LOCK_ENABLED = text(f"""
    SELECT {schedules.COLUMNS}, {NOW} AS now FROM {schedules.JOIN}
    WHERE schedule.subreddit_id = :subreddit_id AND schedule.enabled
    ORDER BY schedule.id LIMIT :at_most
    FOR UPDATE OF schedule SKIP LOCKED
    """)


def disable_schedules_of(
    conn: Connection,
    *,
    subreddit_id: int,
    reason: str,
    actor: Actor,
    now: datetime | None = None,
) -> int:
    """Disable and audit; how many. What was due is in the ledger as missed."""
    values = {"subreddit_id": subreddit_id, "at_most": AT_MOST, "now": now}
    found = conn.execute(_LOCK_ENABLED, values).all()
    for row in found:
        given_up = schedule_edit.overdue(schedules.schedule_of(row), row.now)
        due_schedules.give_up(conn, schedule_id=row.id, ticks=given_up, now=row.now)
        due_schedules.disable_schedule(conn, schedule_id=row.id, reason=reason, now=now)
        audit_log.record(
            conn,
            actor=actor,
            action="disable",
            resource_type="scheduled_job",
            resource_id=row.id,
            before={"enabled": True, "disabled_reason": row.disabled_reason},
            after={"enabled": False, "disabled_reason": reason[: due_schedules.REASON_MAX]},
        )
    return len(found)
