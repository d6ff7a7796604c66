"""Wake the schedulers by notifications (hints) when the next due time may be earlier.

Without a hint, a scheduler wakes at the next due time that it knows, and at least every
SCHEDULER_TICK_SECONDS.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, any_, bindparam, exists, func, select

from crawljobs.db.tables import scheduled_jobs
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.sql import NOW, ONE_ROW, ids, inline, inline_time

CHANNEL = "scheduled_jobs"  # NOTIFY channel; a message means: the next due time may be earlier now

_schedule = scheduled_jobs.c
_notified = func.pg_notify(inline(CHANNEL), inline(""))
_due_at = bindparam("due_at", type_=Timestamp)

# Notifies the schedulers only if no other schedule is due earlier. If another schedule is due
# earlier, the schedulers wake for that schedule in time. An overdue schedule with steps is ignored,
# because it may wait for the end of a group.
_HINT = select(_notified).where(
    select(_schedule.next_run_at)
    .where(_schedule.enabled)
    .order_by(_schedule.next_run_at)
    .limit(ONE_ROW)
    .scalar_subquery()
    >= _due_at,
    func.coalesce(
        select(_schedule.steps_next_run_at)
        .where(_schedule.enabled, _schedule.steps_next_run_at > NOW)
        .order_by(_schedule.steps_next_run_at)
        .limit(ONE_ROW)
        .scalar_subquery(),
        inline_time("infinity"),
    )
    >= _due_at,
)

_HINT_IF_OVERDUE = select(_notified).where(
    exists(
        select(ONE_ROW).where(
            _schedule.id == any_(ids("schedule_ids")),
            _schedule.enabled,
            _schedule.steps_next_run_at <= NOW,
        )
    )
)


def send_if_first(conn: Connection, *, due_at: datetime | None, now: datetime | None) -> None:
    """Wake the schedulers at the commit if no other schedule is due before `due_at`.

    Does nothing if `due_at` is None.
    """
    conn.execute(_HINT, {"due_at": due_at, "now": now})


def send_if_overdue(
    conn: Connection, *, schedule_ids: Sequence[int], now: datetime | None = None
) -> None:
    """Wake the schedulers at the commit if one of these schedules with steps is overdue.

    The caller has ended a group. An overdue schedule with steps may have waited for this end.
    """
    conn.execute(_HINT_IF_OVERDUE, {"schedule_ids": schedule_ids, "now": now})
