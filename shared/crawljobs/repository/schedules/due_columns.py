"""The two columns of due times. A schedule with steps has its due time in `steps_next_run_at`.

Earlier releases read only `next_run_at`. For an enabled schedule with steps, this column has the
time `infinity`, so that a scheduler of an earlier release neither fires nor disables the schedule.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, case, or_, select

from crawljobs.db.tables import job_groups, scheduled_jobs
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.schedule import MisfirePolicy
from crawljobs.repository.sql import NOW, ONE_ROW, inline, inline_time

_schedule = scheduled_jobs.c
_INFINITY = inline_time("infinity")

NEXT_RUN_AT = case(
    (_schedule.steps.is_(None), _schedule.next_run_at),
    (_schedule.enabled, _schedule.steps_next_run_at),
)

_group = job_groups.alias("last_group").c
# The last group of the schedule, or null if that group has finished or does not exist.
OPEN_GROUP_ID: ColumnElement[int | None] = (
    select(case((_group.finished_at.is_(None), _group.id)))
    .where(_group.scheduled_job_id == _schedule.id)
    .order_by(_group.id.desc())
    .limit(ONE_ROW)
    .scalar_subquery()
)

# A schedule with the policy fire_once waits until its last group finishes.
MAY_FIRE = or_(_schedule.misfire_policy != inline(MisfirePolicy.FIRE_ONCE), OPEN_GROUP_ID.is_(None))
# The earliest due time of the schedules with steps. Overdue schedules that wait for the end of
# their last group are left out.
NEXT_OF_STEPS = (
    select(_schedule.steps_next_run_at.label("next_run_at"))
    .where(
        _schedule.enabled,
        _schedule.steps_next_run_at.is_not(None),
        or_(_schedule.steps_next_run_at > NOW, MAY_FIRE),
    )
    .order_by(_schedule.steps_next_run_at)
    .limit(ONE_ROW)
)


def written(
    due_at: ColumnElement[Any] | None = None, has_steps: ColumnElement[bool] | None = None
) -> dict[str, ColumnElement[Any]]:
    """Return the values of next_run_at and steps_next_run_at for an UPDATE or INSERT.

    Without arguments, the values come from the parameters `due_at` (null: disabled) and
    `has_steps`.
    """
    due = bindparam("due_at", type_=Timestamp) if due_at is None else due_at
    steps = bindparam("has_steps", type_=Boolean) if has_steps is None else has_steps
    return {
        "next_run_at": case((and_(steps, due.is_not(None)), _INFINITY), else_=due),
        "steps_next_run_at": case((steps, due)),
    }
