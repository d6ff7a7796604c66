"""Disable the schedules of a subreddit that nobody will be let into any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.actor import Actor
from crawljobs.repository import audit_log, due_schedules

AT_MOST = 100  # in one transaction; what is left is met by the next crawl that it fires

# One that is being fired now is left alone, which would otherwise be a deadlock: it brings a
# crawl, and that brings us here again.
_LOCK_ENABLED = text("""
    SELECT id, disabled_reason FROM scheduled_jobs
    WHERE subreddit_id = :subreddit_id AND enabled
    ORDER BY id LIMIT :at_most
    FOR UPDATE SKIP LOCKED
    """)


def disable_schedules_of(
    conn: Connection,
    *,
    subreddit_id: int,
    reason: str,
    actor: Actor,
    now: datetime | None = None,
) -> int:
    """Disable and audit; how many."""
    found = conn.execute(_LOCK_ENABLED, {"subreddit_id": subreddit_id, "at_most": AT_MOST}).all()
    for row in found:
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
