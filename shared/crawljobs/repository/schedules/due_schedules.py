"""The scheduler's statements: lock due schedules, set their next due times, disable them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    all_,
    any_,
    bindparam,
    false,
    func,
    null,
    select,
    true,
    union_all,
    update,
)

from crawljobs.db.tables import scheduled_jobs
from crawljobs.domain.schedule import Schedule
from crawljobs.domain.webhook import EventType
from crawljobs.repository.schedules import due_columns, schedule_reads
from crawljobs.repository.sql import (
    CLOCK,
    NOW,
    ONE_ROW,
    ids,
    inline_interval,
    seconds,
    times,
    unnested,
)
from crawljobs.repository.webhooks.events import schedule_events
from crawljobs.repository.webhooks.events.event_interest import wanted

_schedule = scheduled_jobs.c
_NOT_PASSED_OVER = _schedule.id != all_(ids("passed_over"))

# The condition `enabled` and the order are the same as in the index scheduled_jobs_due_idx. So the
# statement reads only one index entry if no schedule is due.
_LOCK_DUE = (
    schedule_reads.SCHEDULES.add_columns(NOW.label("now"))
    .where(_schedule.enabled, _schedule.next_run_at <= NOW, _NOT_PASSED_OVER)
    .order_by(_schedule.next_run_at)
    .limit(bindparam("at_most"))
    .with_for_update(of=scheduled_jobs, skip_locked=True)
)

# Locks due schedules with steps that may fire, by the index scheduled_jobs_steps_due_idx.
_LOCK_DUE_WITH_STEPS = (
    schedule_reads.SCHEDULES.add_columns(NOW.label("now"))
    .where(
        _schedule.enabled,
        _schedule.steps_next_run_at <= NOW,
        _NOT_PASSED_OVER,
        due_columns.MAY_FIRE,
    )
    .order_by(_schedule.steps_next_run_at)
    .limit(bindparam("at_most"))
    .with_for_update(of=scheduled_jobs, skip_locked=True)
)

_UNFINISHED = select(_schedule.id, due_columns.OPEN_GROUP_ID.label("group_id")).where(
    _schedule.id == any_(ids("ids")), due_columns.OPEN_GROUP_ID.is_not(None)
)

_advance = unnested(
    "advance", id=ids("ids"), next_run_at=times("next_run_ats"), fired_at=times("fired_ats")
)
_ADVANCE = (
    update(scheduled_jobs)
    .where(_schedule.id == _advance.c.id)
    .values(
        **due_columns.written(_advance.c.next_run_at, _schedule.steps.is_not(None)),
        last_run_at=func.coalesce(_advance.c.fired_at, _schedule.last_run_at),
    )
)

_DISABLE = (
    update(scheduled_jobs)
    .where(_schedule.id == bindparam("schedule_id"), _schedule.enabled)
    .values(
        enabled=false(),
        next_run_at=null(),
        steps_next_run_at=null(),
        disabled_reason=bindparam("reason"),
        version=_schedule.version + 1,
        updated_at=NOW,
    )
    .returning(wanted(EventType.SCHEDULE_DISABLED))
)

_nexts = union_all(
    select(_schedule.next_run_at)
    .where(_schedule.enabled, _NOT_PASSED_OVER)
    .order_by(_schedule.next_run_at)
    .limit(ONE_ROW),
    due_columns.NEXT_OF_STEPS.where(_NOT_PASSED_OVER),
).subquery("nexts")
_next = select(func.min(_nexts.c.next_run_at).label("next_run_at")).subquery("next")
_now = CLOCK.c.now
# The result is limited to one day, because PostgreSQL before version 17 raises an error if an
# infinite time is subtracted.
_SECONDS_UNTIL_NEXT_DUE = (
    select(
        seconds(
            func.least(func.greatest(_next.c.next_run_at, _now), _now + inline_interval("1 day"))
            - _now
        )
    )
    .select_from(CLOCK.join(_next, true()))
    .where(_next.c.next_run_at.is_not(None))
)

REASON_MAX = 500  # limit of a disabled_reason in characters; a longer text is cut


@dataclass(frozen=True)
class DueSchedule:
    """A locked schedule that is due, and the database's time when the schedule was read."""

    schedule: Schedule
    now: datetime


@dataclass(frozen=True)
class Advance:
    """A schedule's next due time, to be stored. `fired_at` is None if the schedule did not fire."""

    schedule_id: int
    next_run_at: datetime
    fired_at: datetime | None


def lock_due_schedules(
    conn: Connection,
    *,
    at_most: int,
    with_steps: bool = False,
    passed_over: Sequence[int] = (),
    now: datetime | None = None,
) -> list[DueSchedule]:
    """Lock at most `at_most` due schedules and return them, the earliest due time first.

    The schedules have steps if `with_steps` is true, otherwise one subreddit. Left out are:

    - schedules whose ids are in `passed_over`, and schedules that another transaction has locked
    - schedules with the policy fire_once whose last group has not finished
    """
    values = {"at_most": at_most, "passed_over": list(passed_over), "now": now}
    rows = conn.execute(_LOCK_DUE_WITH_STEPS if with_steps else _LOCK_DUE, values)
    return [DueSchedule(schedule=schedule_reads.schedule_of(row), now=row.now) for row in rows]


def unfinished_groups(conn: Connection, schedule_ids: Sequence[int]) -> dict[int, int]:
    """Return the unfinished last groups of these schedules, as a map: schedule id -> group id."""
    if not schedule_ids:
        return {}
    return {row.id: row.group_id for row in conn.execute(_UNFINISHED, {"ids": schedule_ids})}


def advance_schedules(conn: Connection, *, advances: Sequence[Advance]) -> None:
    """Set the next due times. `version` and `updated_at` stay, because firing is not an edit."""
    conn.execute(
        _ADVANCE,
        {
            "ids": [advance.schedule_id for advance in advances],
            "next_run_ats": [advance.next_run_at for advance in advances],
            "fired_ats": [advance.fired_at for advance in advances],
        },
    )


def disable_schedule(
    conn: Connection, *, schedule_id: int, reason: str, now: datetime | None = None
) -> bool:
    """Disable a schedule that cannot fire. Returns false if the schedule is already disabled."""
    has_event = conn.execute(
        _DISABLE, {"schedule_id": schedule_id, "reason": reason[:REASON_MAX], "now": now}
    ).scalar()
    if has_event:
        schedule_events.record_disabled(conn, schedule_ids=[schedule_id], now=now)
    return has_event is not None


def seconds_until_next_due(
    conn: Connection, *, passed_over: Sequence[int] = (), now: datetime | None = None
) -> float | None:
    """Return the seconds until the next schedule is due, by the database's clock.

    The result is 0 if a schedule is due now, and at most one day. It is None if no schedule is
    enabled. Two kinds of schedules are ignored: schedules whose ids are in `passed_over`, and
    overdue schedules that wait for the end of their last group.
    """
    values = {"passed_over": list(passed_over), "now": now}
    seconds: float | None = conn.execute(_SECONDS_UNTIL_NEXT_DUE, values).scalar()
    return seconds
