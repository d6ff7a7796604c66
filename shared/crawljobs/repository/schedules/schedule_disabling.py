"""Disable the schedules of an unavailable subreddit, and enable them when it is available again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, any_, bindparam, func, not_

from crawljobs.db.tables import scheduled_jobs
from crawljobs.domain import schedule_edit
from crawljobs.domain.actor import Actor
from crawljobs.domain.completion import TERMINAL_OUTCOMES
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import (
    due_schedules,
    schedule_changes,
    schedule_ledger,
    schedule_reads,
)
from crawljobs.repository.sql import NOW, texts

# Limit of the schedules that one call changes; the caller repeats the call while schedules are
# left.
AT_MOST = 100

_schedule = scheduled_jobs.c
_SCHEDULES = (
    schedule_reads.SCHEDULES.add_columns(NOW.label("now"))
    .where(_schedule.subreddit_id == bindparam("subreddit_id"))
    .order_by(_schedule.id)
    .limit(bindparam("at_most"))
)

# Skips a schedule that is firing now, because waiting for its lock could cause a deadlock. The
# crawl that this firing enqueues also finds the subreddit unavailable, and disables the schedule.
_LOCK_ENABLED = _SCHEDULES.where(_schedule.enabled).with_for_update(
    of=scheduled_jobs, skip_locked=True
)

_LOCK_BARRED = _SCHEDULES.where(
    not_(_schedule.enabled), func.lower(_schedule.disabled_reason) == any_(texts("reasons"))
).with_for_update(of=scheduled_jobs)


def reason_of(name: str, access: str) -> str:
    """Return the disabled_reason for the schedules of an unavailable subreddit.

    enable_schedules_of finds the schedules by this text.
    """
    return f"r/{name} is {access.replace('_', ' ')} at Reddit"


def enable_schedules_of(
    conn: Connection, *, subreddit_id: int, name: str, actor: Actor, now: datetime | None = None
) -> int:
    """Enable at most AT_MOST schedules that were disabled because the subreddit was unavailable.

    Writes one audit row for each schedule, and returns the number of enabled schedules. An enabled
    schedule first fires at its next due time.
    """
    reasons = [reason_of(name, outcome).lower() for outcome in sorted(TERMINAL_OUTCOMES)]
    values = {"subreddit_id": subreddit_id, "reasons": reasons, "at_most": AT_MOST, "now": now}
    found = conn.execute(_LOCK_BARRED, values).all()
    for row in found:
        before = schedule_reads.schedule_of(row)
        order = replace(before.spec(), enabled=True)
        schedule_changes.change_schedule(conn, before=before, order=order, now=now)
        audit_log.record(
            conn,
            actor=actor,
            action="enable",
            resource_type="scheduled_job",
            resource_id=row.id,
            before={"enabled": False, "disabled_reason": row.disabled_reason},
            after={"enabled": True, "disabled_reason": None},
        )
    return len(found)


def disable_schedules_of(
    conn: Connection,
    *,
    subreddit_id: int,
    reason: str,
    actor: Actor,
    now: datetime | None = None,
) -> int:
    """Disable at most AT_MOST schedules of the subreddit.

    Writes one audit row for each schedule, and returns the number of disabled schedules. The
    ledger records the overdue times of these schedules as missed.
    """
    values = {"subreddit_id": subreddit_id, "at_most": AT_MOST, "now": now}
    found = conn.execute(_LOCK_ENABLED, values).all()
    for row in found:
        given_up = schedule_edit.overdue(schedule_reads.schedule_of(row), row.now)
        schedule_ledger.give_up(conn, schedule_id=row.id, ticks=given_up, now=row.now)
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
