"""Repair schedules whose last run or last change is later than the database's present time.

The database's clock was set back after the run or change. The stored next due time may be far away,
so the repair computes it from the present time. No due time fires twice, because the ledger shows
which due times have fired.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, or_, update

from crawljobs import errors
from crawljobs.db.tables import scheduled_jobs
from crawljobs.domain.schedule import Schedule
from crawljobs.repository.schedules import due_columns, schedule_reads
from crawljobs.repository.sql import NOW, ids, inline_interval, inline_number, times, unnested

CHUNK = 100  # limit of the schedules that one call repairs

_schedule = scheduled_jobs.c

# Locks schedules whose last run or change is in the future, the latest due time first. The due time
# of schedules with steps is infinity, so these schedules come first. A repaired schedule no longer
# matches the condition, so each execution returns the next schedules.
_AHEAD = (
    schedule_reads.SCHEDULES.add_columns(NOW.label("now"))
    .where(
        _schedule.enabled,
        _schedule.next_run_at > NOW,
        or_(_schedule.steps.is_(None), _schedule.steps_next_run_at > NOW),
        func.greatest(_schedule.last_run_at, _schedule.updated_at)
        > NOW + inline_interval("1 minute"),
    )
    .order_by(_schedule.next_run_at.desc(), _schedule.id.desc())
    .limit(bindparam("at_most"))
    .with_for_update(of=scheduled_jobs, skip_locked=True)
)

_mended = unnested("mended", id=ids("ids"), next_run_at=times("next_run_ats"), now=times("nows"))
_MEND = (
    update(scheduled_jobs)
    .where(_schedule.id == _mended.c.id)
    .values(
        **due_columns.written(_mended.c.next_run_at, _schedule.steps.is_not(None)),
        last_run_at=case(
            (_schedule.last_run_at > _mended.c.now, _mended.c.now), else_=_schedule.last_run_at
        ),
        updated_at=func.least(_schedule.updated_at, _mended.c.now),
    )
)


def mend_next_runs(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> int:
    """Repair schedules whose last run or change is in the future. Returns how many it repaired."""
    found = conn.execute(
        # The OFFSET is written into the SQL text, because the planner needs to know it.
        _AHEAD.offset(inline_number(skip)) if skip else _AHEAD,
        {"at_most": at_most, "now": now},
    ).all()
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
    """Return the next due time, or `now` for an invalid schedule, which the scheduler disables."""
    try:
        return min(schedule.due_at(), schedule.due_times().next_after(now))
    except errors.InvalidCron:
        return now
