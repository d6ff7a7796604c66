"""Read the enabled schedules that are due next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, union_all

from crawljobs.db.tables import scheduled_jobs, subreddits
from crawljobs.repository.schedules.schedule_reads import bounded
from crawljobs.repository.sql import inline_number, inline_time

SHOWN = 10

_schedule = scheduled_jobs.c


def _first_due(due_at: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(_schedule.id, due_at.label("due_at"))
        .where(_schedule.enabled, *conditions)
        .order_by(due_at)
        .limit(inline_number(SHOWN))
    )


# The due time of a schedule with steps is in `steps_next_run_at`, and its `next_run_at` is
# infinite. Each of the two columns has an index.
_due = union_all(
    _first_due(_schedule.next_run_at, _schedule.next_run_at < inline_time("infinity")),
    _first_due(_schedule.steps_next_run_at, _schedule.steps_next_run_at.is_not(None)),
).subquery("due")
_next = select(_due).order_by(_due.c.due_at, _due.c.id).limit(inline_number(SHOWN)).subquery("next")
NEXT = (
    select(
        _next.c.id,
        _schedule.name,
        subreddits.c.name.label("subreddit"),
        bounded(_next.c.due_at).label("next_run_at"),
    )
    .select_from(
        _next.join(scheduled_jobs, _schedule.id == _next.c.id).outerjoin(
            subreddits, subreddits.c.id == _schedule.subreddit_id
        )
    )
    .order_by(_next.c.due_at, _next.c.id)
)


@dataclass(frozen=True)
class NextSchedule:
    """A schedule with its next due time. `subreddit` is None for a schedule with steps."""

    id: int
    name: str
    subreddit: str | None
    next_run_at: datetime


def next_due(conn: Connection) -> Sequence[NextSchedule]:
    """Return at most SHOWN enabled schedules, in the order of their due times."""
    return [NextSchedule(**row._mapping) for row in conn.execute(NEXT)]
